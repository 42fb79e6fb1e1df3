"""Compares what a mapping sends with the live organisation: columns, types, lengths, options, lookups, rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from leadpipe.dataverse.inspection import Column, Inspection, Lookup, NotReadable
from leadpipe.mapping.fault import Fault
from leadpipe.mapping.lead_table import COLUMNS, CREATED_ON, CREATED_ON_PRIVILEGE, Kind
from leadpipe.mapping.values import Choice, Constant, Date, LeftOut, MappedColumn, Row, Text
from leadpipe.model.settings import Dataverse
from leadpipe.operations.dataverse_client import client_of

_FITTING = {
    Kind.TEXT: frozenset({"String", "Memo"}),
    Kind.NUMBER: frozenset({"Integer", "BigInt", "Decimal", "Double", "Money", "Picklist", "Status"}),
    Kind.YES_NO: frozenset({"Boolean"}),
    Kind.OPTION: frozenset({"Picklist", "Status"}),
    Kind.DATE: frozenset({"DateTime"}),
}
_WHOLE = frozenset({"Integer", "BigInt", "Picklist", "Status"})
_WORDS = {
    "String": "text",
    "Memo": "text",
    "Boolean": "yes or no",
    "Picklist": "an option",
    "Status": "an option",
    "Lookup": "a lookup",
    "DateTime": "a date",
}
BUILT_IN = "the default mapping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """`looked_at` says what was compared, `unseen` what the role may not read, and why.

    `notes` are no faults: what a person may not expect. `lock`: what became of the lock beside the file.
    `columns`: the live lead table, or why the role may not read its definition.
    """

    columns: Mapping[str, Column] | NotReadable = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    lock: str = ""


def examine(columns: list[MappedColumn], file: str, inspection: Inspection) -> Examined:
    """Compares the columns with the organisation. Raises Transient or Blocked where Dynamics does not answer."""
    me = inspection.whoami().user_id  # first: a user who may do nothing must not look like a missing right to read
    columns = [each for each in columns if not isinstance(each.value, LeftOut)]
    live = _lead_columns(inspection)
    found = Examined(columns=live, notes=notes_on(columns, file, {} if isinstance(live, NotReadable) else live))
    plain = [each for each in columns if not isinstance(each.value, Row)]
    bound = [each for each in columns if isinstance(each.value, Row)]
    _columns(plain, file, found)
    if any(each.column != "ownerid" for each in bound):
        _lookups([each for each in bound if each.column != "ownerid"], file, inspection, found)
    _rows(bound, file, inspection, found)
    if privileged := [each for each in columns if needed_privilege(each)]:
        _privileges(privileged, file, inspection, found, me)
    return found


def notes_on(columns: list[MappedColumn], file: str, live: Mapping[str, Column]) -> list[Fault]:
    """Says what a person may not expect of a column, by the organisation's labels, else by Microsoft's table."""
    notes = ((mapped, _note(mapped, live.get(mapped.column))) for mapped in columns)
    return [_fault(file, mapped, note) for mapped, note in notes if note]


def _note(mapped: MappedColumn, column: Column | None) -> str:
    value = mapped.value
    if isinstance(value, Constant) and value.kind is Kind.YES_NO and column and column.labels:
        shown = column.labels.get(int(value.value), frozenset())
        turned = next((label for label in shown if label.casefold() == ("no" if value.value else "yes")), "")
        return f"{str(value.value).lower()} shows as {turned} in Dynamics" if turned else ""
    known = COLUMNS.get(mapped.column)
    return known.note if known and not isinstance(value, LeftOut) else ""


def needed_privilege(mapped: MappedColumn) -> str:
    """The privilege that setting the column takes beyond those of every lead; empty if it takes none."""
    if mapped.column == "ownerid":
        return "prvAssignLead"
    if mapped.column == CREATED_ON:
        return CREATED_ON_PRIVILEGE
    return "prvAppendLead" if isinstance(mapped.value, Row) else ""


def _lead_columns(inspection: Inspection) -> Mapping[str, Column] | NotReadable:
    try:
        return inspection.lead_columns()
    except NotReadable as error:
        return error


def _columns(columns: list[MappedColumn], file: str, found: Examined) -> None:
    live = found.columns
    if isinstance(live, NotReadable):
        found.unseen.append(
            f"columns, lengths and options: the role may not read the lead table's definition ({live.detail})"
        )
        return
    found.looked_at.append(f"{len({each.column for each in columns})} columns")
    for mapped in columns:
        if why := not_settable(live.get(mapped.column)):
            found.faults.append(_fault(file, mapped, why))
        if column := live.get(mapped.column):
            found.faults.extend(_fault(file, mapped, why) for why in _misfits(mapped, column))


def not_settable(column: Column | None) -> str:
    """Why no lead may set the column, whatever the value; empty where it may."""
    if column is None:
        return "Dynamics has no such column"
    return "" if column.on_create else "may not be set on creation"


def _misfits(mapped: MappedColumn, column: Column) -> Iterator[str]:
    """Why Dynamics would refuse the mapped's value."""
    value = mapped.value
    if column.kind and column.kind not in _FITTING.get(value.kind, frozenset()):
        yield f"is {_WORDS.get(column.kind, column.kind)} in Dynamics, not {value.kind}"
    elif isinstance(value, Text):
        if column.longest is not None and value.longest > column.longest:
            fix = _shorter(mapped, column.longest)
            yield f"takes {column.longest} characters in Dynamics, not {value.longest}: {fix}"
    elif isinstance(value, Constant):
        yield from _of_constant(value, column)
    elif isinstance(value, Date):
        if column.with_time is not None and value.with_time is not column.with_time:
            takes = "a time of day too" if column.with_time else "a day without a time"
            yield f"takes {takes} in Dynamics: {_dated(mapped.column, value, with_time=column.with_time)}"
    elif isinstance(value, Choice):
        yield from (f"has no option {number} in Dynamics" for number in sorted(value.numbers - column.options))


def _of_constant(value: Constant, column: Column) -> Iterator[str]:
    if isinstance(value.value, float) and column.kind in _WHOLE:
        yield "takes a whole number in Dynamics"
    elif column.options and value.value not in column.options:
        yield f"has no option {value.value} in Dynamics"
    elif value.own and value.label.casefold() not in {label.casefold() for label in _labels(value, column)}:
        yield f"calls option {value.value} {' or '.join(sorted(_labels(value, column)))} in Dynamics, not {value.label}"


def _labels(value: Constant, column: Column) -> frozenset[str]:
    return column.labels.get(int(value.value)) or frozenset({value.label})


def _shorter(mapped: MappedColumn, longest: int) -> str:
    text = str(mapped.value) if mapped.line else "…"
    return f'{mapped.column} = {{ text = "{text}", length = {longest} }}'


def _dated(column: str, date: Date, *, with_time: bool) -> str:
    written = f'"{date}"' if date.fixed is None else f"{date.fixed:%Y-%m-%d}"
    return f"{column} = {{ date = {written}, time = {str(with_time).lower()} }}"


def _lookups(columns: list[MappedColumn], file: str, inspection: Inspection, found: Examined) -> None:
    try:
        live = inspection.lookups()
    except NotReadable as error:
        found.unseen.append(f"the names of lookups: the role may not read table definitions ({error.detail})")
        return
    found.looked_at.append("lookups")
    for mapped in columns:
        if isinstance(mapped.value, Row) and (why := lookup_misfit(mapped.column, mapped.value, live)):
            found.faults.append(_fault(file, mapped, why))


def lookup_misfit(name: str, row: Row, live: list[Lookup]) -> str:
    """Why the row cannot be bound by that name, empty where it can."""
    named = [each for each in live if each.name == name]
    if any(each.entity_set == row.entity_set for each in named):
        return ""
    if named:
        return f"points into {' or '.join(sorted(each.entity_set for each in named))} in Dynamics, not {row.entity_set}"
    alike = sorted({each.name for each in live if name.lower() in {each.name.lower(), each.column.lower()}})
    return f"is bound as {' or '.join(alike)} in Dynamics" if alike else "Dynamics has no such lookup"


def _rows(columns: list[MappedColumn], file: str, inspection: Inspection, found: Examined) -> None:
    for mapped in columns:
        row = mapped.value
        if not isinstance(row, Row):
            continue
        select = "systemuserid,isdisabled" if row.entity_set == "systemusers" else ""
        try:
            seen = inspection.row(row.path, select)
        except NotReadable as error:
            found.unseen.append(f"{row}: the role may not read it ({error.detail})")
            continue
        found.looked_at.append(str(row))
        if seen is None:
            found.faults.append(_fault(file, mapped, f"{row} does not exist"))
        elif seen.get("isdisabled") is True:
            found.faults.append(_fault(file, mapped, f"{row} is disabled, and cannot own leads"))


def _privileges(columns: list[MappedColumn], file: str, inspection: Inspection, found: Examined, me: str) -> None:
    """Checks that the application user may set the columns. Whether an owner may own leads only a lead shows."""
    try:
        held = inspection.privileges(me)
    except NotReadable as error:
        found.unseen.append(f"the application user's privileges: it may not read them ({error.detail})")
        return
    found.looked_at.append("privileges")
    for mapped in columns:
        needed = needed_privilege(mapped)
        if needed not in held:
            found.faults.append(_fault(file, mapped, f"the application user lacks {needed}"))


def _fault(file: str, mapped: MappedColumn, why: str) -> Fault:
    return Fault(file=file if mapped.line else BUILT_IN, line=mapped.line, reason=f"{mapped.column}: {why}")


def inspection_of(dataverse: Dataverse) -> Inspection:
    return Inspection(client_of(dataverse).get)
