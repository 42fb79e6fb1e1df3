"""Lists what a mapping sends: for all leads, and for one of them, column by column with its origin."""

from collections.abc import Iterator, Mapping
from typing import Any

from leadpipe.mapping.default import DO_NOT_CONTACT, default_columns
from leadpipe.mapping.fault import Fault, FaultyMapping
from leadpipe.mapping.rules import FileMapping, FilledColumn
from leadpipe.mapping.values import MappedColumn
from leadpipe.mapping.watched import effective
from leadpipe.model.lead import Lead

FOR_DO_NOT_CONTACT = "do-not-contact leads"
EVERY_LEAD = "every lead"
Fields = Mapping[str, Any]


def rows_of_mapping(mapping: FileMapping) -> Iterator[Fields]:
    """Each column that may be sent: its value, for which leads, and where that is written."""
    yield {"column": "leadid", "type": "id", "value": "$lead_id", "for": EVERY_LEAD, "from": "default"}
    defaults = default_columns()
    for name in [*defaults, *(name for name in mapping.columns if name not in defaults)]:
        own = mapping.columns.get(name)
        if own is not None:
            yield _row(own, EVERY_LEAD, f"{mapping.file}:{own.line}")
        if own is None or name in DO_NOT_CONTACT:
            yield _row(defaults[name], FOR_DO_NOT_CONTACT if name in DO_NOT_CONTACT else EVERY_LEAD, "default")
    for rule in mapping.rules:
        for mapped in rule.sets.values():
            yield _row(mapped, str(rule.when), f"{mapping.file}:{mapped.line} {rule.name}")


def _row(mapped: MappedColumn, whom: str, where: str) -> Fields:
    return {
        "column": mapped.column,
        "type": mapped.value.kind,
        "value": str(mapped.value) or "(left out)",
        "for": whom,
        "from": where,
    }


def rows_of_lead(mapping: FileMapping, lead: Lead, lead_id: str) -> Iterator[Fields]:
    """Each column of the lead with its value, None where it is left out, and what sets it."""
    for filled in mapping.fill(lead, lead_id):
        yield {
            "column": filled.column,
            "value": filled.value,
            "from": origin(mapping, filled),
            "line": filled.mapped.line if filled.mapped else None,
            "rule": filled.rule.name if filled.rule else None,
        }


def origin(mapping: FileMapping, filled: FilledColumn) -> str:
    if filled.mapped is None:
        return "default"
    place = f"{mapping.file}:{filled.mapped.line}"
    return f"{place} {filled.rule.name}" if filled.rule else place


def mapping_and_faults(named: str | None) -> tuple[FileMapping | None, list[Fault]]:
    """The mapping in effect; None where its file cannot be used, with all its faults."""
    try:
        return effective(named), []
    except FaultyMapping as error:
        return None, [*error.faults]
