"""Checks that the organisation's lead table takes what leadpipe writes, as far as the role may read it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from leadpipe.dataverse.inspection import Column, Inspection, NotReadable
from leadpipe.mapping.default import LENGTHS, columns_of
from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.rules import FileMapping, own_columns
from leadpipe.mapping.watched import effective
from leadpipe.model.lead import DOCUMENTED, Lead
from leadpipe.model.ports import Columns
from leadpipe.operations.doctor.finding import Finding, failed, of_failure, ok, warning, where_readable
from leadpipe.operations.mapping.live_check import examine, not_settable

MAPPING = "mapping"
PLUG_INS = "plug-ins"
SOLUTION = "Microsoft's solution"
_ANY_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def look_at_table(inspection: Inspection, mapping_file: str | None) -> Iterator[Finding]:
    yield of_file(mapping_file) or where_readable(
        MAPPING, lambda: _look_at_mapping(inspection, effective(mapping_file))
    )
    yield where_readable(PLUG_INS, lambda: of_steps(inspection.synchronous_steps()))
    yield where_readable(SOLUTION, lambda: _of_solution(inspection.microsofts_solution()))


def everything_sent() -> Columns:
    """The columns of a do-not-contact lead with every field: all that the default mapping ever writes."""
    texts: dict[str, Any] = {**dict.fromkeys(DOCUMENTED, "x"), "action_code": "DNC"}
    return columns_of(replace(Lead(), **texts), _ANY_ID)


def of_file(mapping_file: str | None) -> Finding | None:
    """The finding for a faulty mapping file; None where it is sound, or none is set."""
    try:
        effective(mapping_file)
    except FaultyMapping as error:
        return of_failure(MAPPING, error)
    return None


def _look_at_mapping(inspection: Inspection, mapping: FileMapping) -> Finding:
    """Checks the default columns that the file leaves, and what the file sets."""
    sent = {name: value for name, value in everything_sent().items() if name not in mapping.columns}
    found = examine(own_columns(mapping), mapping.file, inspection)
    wrong = [str(fault) for fault in found.faults]
    live = found.columns
    if isinstance(live, NotReadable):
        if not wrong:
            raise live
        live = {}
    wrong = [*(misfits(sent, live) if live else []), *wrong]
    if wrong:
        fix = "correct the mapping or the column in Dynamics, add privileges by `leadpipe setup --apply`; then"
        fix = f"{fix} `leadpipe mapping check`"
        return failed(MAPPING, "; ".join(wrong), fix, reason="column_unknown")
    lengths = {name: longest for name, longest in LENGTHS.items() if name in sent}
    all_sent = len({*sent, *(each.column for each in own_columns(mapping))})
    return of_lengths(lengths, live) or ok(MAPPING, f"{all_sent} columns, as Dynamics has them")


def of_lengths(lengths: Mapping[str, int], live: Mapping[str, Column]) -> Finding | None:
    """Warns of columns shorter than documented: Dynamics refuses only leads with longer texts."""
    short = [
        f"{name} takes {column.longest}, not {longest}"
        for name, longest in lengths.items()
        if (column := live.get(name)) and column.longest is not None and column.longest < longest
    ]
    if not short:
        return None
    fix = "make the columns longer in Dynamics, or the mapping's texts shorter"
    return warning(MAPPING, f"longer texts would be refused: {'; '.join(short)}", fix, reason="too_long")


def of_steps(steps: list[str]) -> Finding:
    """Warns of plug-ins that run within a lead's creation: they can refuse it or make it slow."""
    if not steps:
        return ok(PLUG_INS, "none of the organisation's own runs within a lead's creation")
    fact = f"run within a lead's creation: {', '.join(steps)}"
    return warning(PLUG_INS, fact, "nothing while leads flow; if a plug-in stops or delays leads, look at these first")


def _of_solution(version: str | None) -> Finding:
    return ok(SOLUTION, f"version {version}" if version else "not installed, and not needed")


def misfits(sent: Columns, live: Mapping[str, Column]) -> list[str]:
    """What Dynamics would refuse in every lead."""
    reasons = ((name, not_settable(live.get(name)) or _no_option(value, live[name])) for name, value in sent.items())
    return [f"{name}: {why}" for name, why in reasons if why]


def _no_option(value: object, column: Column) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return f"has no option {value}" if column.options and is_number and value not in column.options else ""
