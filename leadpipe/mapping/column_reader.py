"""Reads the value that a mapping file gives a column, and reports what is wrong with it."""

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from difflib import get_close_matches
from string import Template
from typing import Any

from leadpipe.mapping.date_reader import read_date
from leadpipe.mapping.fault import Wrong
from leadpipe.mapping.fields import NAMES, is_field
from leadpipe.mapping.lead_table import COLUMNS, FIRST_OWN_OPTION, NEVER_EMPTY, NOT_SETTABLE, Kind, LeadColumn
from leadpipe.mapping.values import Choice, Constant, LeftOut, Row, Text, Value
from leadpipe.model.guid import GUID, is_guid
from leadpipe.model.text import utf16_length, without_controls

# The length that Dynamics gives a new text column if its maker chooses none.
OWN_TEXT_LENGTH = 100
LONGEST_TEXT = 1_048_576
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)
# A column that somebody made begins with its publisher's prefix. Its type may be read from its value.
_OWN = re.compile(r"(?!address[12]_|mscrm)[a-z][a-z0-9]{1,7}_\w+", re.IGNORECASE)
_ROW = re.compile(rf"/?(?P<set>[a-z][a-z0-9_]*)\((?P<id>{GUID})\)", re.IGNORECASE)
_EXTRAS: dict[Kind, frozenset[str]] = {
    Kind.TEXT: frozenset({"length"}),
    Kind.OPTION: frozenset({"options", "other"}),
    Kind.DATE: frozenset({"time"}),
}
_WORDS = {
    Kind.TEXT: "a text",
    Kind.NUMBER: "a number",
    Kind.YES_NO: "a yes or no (true or false)",
    Kind.OPTION: "an option, by its number or label",
    Kind.DATE: "a date",
    Kind.LOOKUP: "a row of another table",
}
_EXAMPLES = (
    '{ text = "…" }, { number = 5 }, { yes_no = true }, { option = 1 }, { date = "received" }'
    ' or { lookup = "contoso_regions(id)" }'
)


def read_value(column: str, written: Any) -> Value:
    """Raises Wrong."""
    known = _known(column, is_declared=isinstance(written, dict))
    kind, written, extras = _typed(written, known)
    if known is None and column != column.lower() and (kind is not Kind.LOOKUP or column.lower() in COLUMNS):
        raise Wrong(f"columns are written in lower case: {column.lower()}")
    if known and written == "" and kind is not Kind.TEXT:
        return LeftOut(kind=kind)
    return _value(column, kind, written, extras, known)


def _value(column: str, kind: Kind, written: Any, extras: Mapping[str, Any], known: LeadColumn | None) -> Value:
    match kind:
        case Kind.TEXT:
            return _text(column, written, _length(extras, known))
        case Kind.NUMBER:
            return _number(written, known)
        case Kind.YES_NO:
            return Constant(kind=kind, value=_of_type(written, bool, kind))
        case Kind.OPTION:
            return _option(written, extras, known)
        case Kind.DATE:
            return read_date(written, with_time=_with_time(written, extras, known))
        case Kind.LOOKUP:
            return _row(written, known.sets if known else ())


def read_row_id(written: Any, what: str) -> str:
    """Raises Wrong."""
    row_id = id_in(written) if isinstance(written, str) else ""
    if not row_id:
        raise Wrong(
            f"{what} is given by its id, like aaaabbbb-0000-cccc-1111-dddd2222eeee (see its address in Dynamics)"
        )
    return row_id


def id_in(written: str) -> str:
    """Gives the id as Dynamics writes it; empty if the text is not an id."""
    row_id = written.strip().strip("{}").lower()
    return row_id if is_guid(row_id) else ""


def suggestion(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    near = get_close_matches(name.lower(), [*known], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _known(column: str, *, is_declared: bool) -> LeadColumn | None:
    """Gives None for a column that Microsoft's table does not have, or did not have when leadpipe was made."""
    if column.lower() in NOT_SETTABLE:
        raise Wrong(f"cannot be set: {NOT_SETTABLE[column.lower()]}")
    if not _NAME.fullmatch(column):
        raise Wrong("is not a column's name: those have only letters, digits and _")
    known = COLUMNS.get(column)
    if known or is_declared or _OWN.fullmatch(column):
        return known
    near = suggestion(column, COLUMNS) or "."
    raise Wrong(f"leadpipe does not know this column{near} If Dynamics has it, declare its type: {_EXAMPLES}")


def _typed(written: Any, known: LeadColumn | None) -> tuple[Kind, Any, Mapping[str, Any]]:
    """Splits what is written into the type, the value, and what else is written beside it."""
    if not isinstance(written, dict):
        return (known.kind if known else _own_kind(written)), written, {}
    kinds = [kind for kind in Kind if kind in written]
    if len(kinds) != 1:
        raise Wrong(f"say what it is: {_EXAMPLES}")
    (kind,) = kinds
    if known and kind is not known.kind:
        raise Wrong(f"takes {_WORDS[known.kind]}, not {kind}")
    extras = {name: value for name, value in written.items() if name != kind}
    if unknown := sorted(extras.keys() - _EXTRAS.get(kind, frozenset())):
        raise Wrong(f"{unknown[0]} means nothing beside {kind}")
    return kind, written[kind], extras


def _own_kind(written: Any) -> Kind:
    if isinstance(written, bool):
        return Kind.YES_NO
    if isinstance(written, int | float):
        return Kind.NUMBER
    if isinstance(written, str):
        return Kind.TEXT
    if isinstance(written, date):
        return Kind.DATE
    raise Wrong(f"has a value of a type that no column takes; say what it is: {_EXAMPLES}")


def _of_type(written: Any, wanted: type[Any], kind: Kind) -> Any:
    if not isinstance(written, wanted):
        raise Wrong(f"takes {_WORDS[kind]}, not {_shown(written)}")
    return written


def _shown(written: Any) -> str:
    return (
        "true or false"
        if isinstance(written, bool)
        else f"{written!r}"
        if isinstance(written, int | float | str)
        else "this"
    )


def _length(extras: Mapping[str, Any], known: LeadColumn | None) -> int:
    if "length" not in extras:
        return known.longest if known else OWN_TEXT_LENGTH
    length: Any = extras["length"]
    if isinstance(length, bool) or not isinstance(length, int) or not 0 < length <= LONGEST_TEXT:
        raise Wrong(f"length is a whole number from 1 to {LONGEST_TEXT}")
    return length


def _with_time(written: Any, extras: Mapping[str, Any], known: LeadColumn | None) -> bool:
    with_time = extras.get("time", known.with_time if known else isinstance(written, datetime))
    if not isinstance(with_time, bool):
        raise Wrong("time is true or false: whether the column has a time of day")
    return with_time


def _text(column: str, written: Any, longest: int) -> Text:
    template = _template(_of_type(written, str, Kind.TEXT))
    fields = _fields_in(template)
    fixed = template.substitute(dict.fromkeys(fields, ""))
    if fixed != without_controls(fixed):
        raise Wrong("has a control character, which Dynamics refuses")
    if utf16_length(fixed) > longest:
        what = "the text around its fields" if fields else "the text"
        raise Wrong(f"takes {longest} characters, and {what} has {utf16_length(fixed)}")
    if column in NEVER_EMPTY and not template.template.strip():
        raise Wrong("cannot be left out: Dynamics asks for it")
    return Text(template=template, longest=longest)


def _template(text: str) -> Template:
    template = Template(text)
    if not template.is_valid():
        raise Wrong("has a $ that begins no field: write $$ for a dollar sign")
    for name in _fields_in(template):
        if not is_field(name):
            raise Wrong(f"there is no field ${name}{suggestion(name, NAMES) or '; they are ' + ', '.join(NAMES)}")
    return template


def _fields_in(template: Template) -> list[str]:
    """Replaces `get_identifiers`, whose time grows with the square of the number of fields."""
    found = (match["named"] or match["braced"] for match in template.pattern.finditer(template.template))
    return [*dict.fromkeys(name for name in found if name)]


def _number(written: Any, known: LeadColumn | None) -> Constant:
    if isinstance(written, bool) or not isinstance(written, int | float) or not math.isfinite(written):
        raise Wrong(f"takes {_WORDS[Kind.NUMBER]}, not {_shown(written)}")
    if isinstance(written, int) and not -(2**63) <= written < 2**63:
        raise Wrong("is a larger number than any column takes")
    if known and known.whole and not isinstance(written, int):
        raise Wrong("takes a whole number")
    if known and not known.least <= written <= known.most:
        raise Wrong(f"takes a number from {known.least:.0f} to {known.most:.0f}")
    return Constant(kind=Kind.NUMBER, value=written)


def _option(written: Any, extras: Mapping[str, Any], known: LeadColumn | None) -> Constant | Choice:
    own = _own_options(extras.get("options", {}))
    standard = known.options if known else {}
    other = extras.get("other")
    for number in (*own.values(), *([other] if other is not None else [])):
        _check_number(number, standard)
    if isinstance(written, str):
        return _by_label(written, {**standard, **own}, own, other)
    if extras:
        raise Wrong("options and other go with a label or a template, not with a number")
    return Constant(kind=Kind.OPTION, value=_check_number(written, standard), label=_label_of(written, standard))


def _own_options(written: Any) -> dict[str, int]:
    if not isinstance(written, dict):
        raise Wrong('options is a table of label and number: { "Gold" = 100000001 }')
    folded = [label.strip().casefold() for label in written]
    if len(folded) != len({*folded}):
        raise Wrong("options has a label twice; case does not count")
    return {label.strip(): number for label, number in written.items()}


def _check_number(number: Any, standard: Mapping[str, int]) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not -(2**31) <= number < 2**31:
        raise Wrong(f"an option has a whole number, not {_shown(number)}")
    if standard and number not in standard.values() and number < FIRST_OWN_OPTION:
        raise Wrong(f"has no option {number}; it has {_listed(standard)}")
    return number


def _by_label(written: str, options: Mapping[str, int], own: Mapping[str, int], other: int | None) -> Constant | Choice:
    template = _template(written)
    if _fields_in(template):
        if not options:
            raise Wrong('say which text is which option: options = { "FR" = 100000001 }')
        # With options of its own the file does not mean the standard labels.
        return Choice(template=template, options=own or options, other=other)
    if other is not None:
        raise Wrong("other goes with a template: a label is always the same option")
    wanted = template.substitute().strip().casefold()
    for label, number in options.items():
        if label.casefold() == wanted:
            return Constant(kind=Kind.OPTION, value=number, label=label, own=label in own)
    has = f"it has {_listed(options)}; " if options else ""
    raise Wrong(
        f'has no option {written!r}; {has}one of your own is given with its number: options = {{ "…" = 100000001 }}'
    )


def _label_of(number: Any, standard: Mapping[str, int]) -> str:
    return next((label for label, value in standard.items() if value == number), "")


def _listed(options: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {label}" for label, number in options.items())


def _row(written: Any, sets: tuple[str, ...]) -> Row:
    text = _of_type(written, str, Kind.LOOKUP).strip()
    if len(sets) == 1 and is_guid(text):
        return Row(entity_set=sets[0], row_id=text.lower())
    found = _ROW.fullmatch(text)
    if found is None:
        raise Wrong(f"a row is given as {sets[0] if sets else 'contoso_regions'}(aaaabbbb-0000-cccc-1111-dddd2222eeee)")
    if sets and found["set"] not in sets:
        raise Wrong(f"points into {' or '.join(sets)}, not into {found['set']}")
    return Row(entity_set=found["set"], row_id=found["id"].lower())
