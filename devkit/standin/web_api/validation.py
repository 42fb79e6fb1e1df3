"""Refuses a row as Dataverse would, with its codes and its words.

https://learn.microsoft.com/power-apps/developer/data-platform/reference/web-service-error-codes
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.columns import Column, Kind
from devkit.standin.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from devkit.standin.organisation.table import Table

# Characters that XML 1.0 forbids, lone surrogates included.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BIND = "@odata.bind"
_REFERENCE = re.compile(r"(?:.*/)?(?P<set>[a-z_0-9]+)\((?P<id>[0-9a-fA-F-]{36})\)")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    entity_set: str
    row_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    columns: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Reference] = field(default_factory=dict)


def read_body(body: bytes) -> dict[str, Any]:
    try:
        row = json.loads(body.decode("utf-8"), parse_constant=_no_such_number)
    except (ValueError, RecursionError) as error:
        raise _bad_payload("Invalid JSON. The content cannot be read.") from error
    if not isinstance(row, dict):
        raise _bad_payload(
            "An unexpected node was found when reading from the JSON reader. A 'StartObject' was expected."
        )
    return row


def checked(table: Table, row: dict[str, Any], *, creating: bool) -> Changes:
    changes = Changes()
    for name, value in row.items():
        if name.endswith(_BIND):
            changes.links[name.removesuffix(_BIND)] = _reference(table, name.removesuffix(_BIND), value)
        elif name == "@odata.type":
            _check_type_name(table, value)
        elif name.startswith("@odata."):
            continue
        else:
            changes.columns[name] = _checked_value(table, name, value, creating=creating)
    if creating:
        check_state(table, changes.columns)
    return changes


def check_state(table: Table, columns: dict[str, Any]) -> None:
    """Checks the status of a whole row, since it depends on the state."""
    state, status = columns.get("statecode") or 0, columns.get("statuscode")
    if status is not None and table.statuses and status not in table.statuses[state]:
        label = f"{table.schema_name}State.{table.columns['statecode'].options[state]}"
        raise Refusal(
            400, "0x80048408", f"{status} is not a valid status code for state code {label} on {table.entity}."
        )


def parse_guid(text: Any) -> str:
    if not isinstance(text, str) or not _GUID.fullmatch(text):
        raise _cannot_convert("Edm.Guid")
    return text.lower()


def _checked_value(table: Table, name: str, value: Any, *, creating: bool) -> Any:
    column = table.columns.get(name)
    if column is None:
        raise Refusal(
            400,
            "0x0",
            "An error occurred while validating input parameters: Microsoft.Crm.CrmException: Invalid property "
            f"'{name}' was found in entity 'Microsoft.Dynamics.CRM.{table.entity}'. ---> "
            "Microsoft.OData.ODataException: Does not support untyped value in non-open type.",
        )
    _check_settable(table, name, column, creating=creating)
    return None if value is None else _CHECKS[column.kind](table, name, value)


def _check_settable(table: Table, name: str, column: Column, *, creating: bool) -> None:
    if creating and name == "statecode":
        raise Refusal(400, "0x80048408", f"'statecode' is not valid for create: a {table.entity} is created Open.")
    if not (column.on_create if creating else column.on_update):
        raise Refusal(400, "0x0", f"Attribute '{name}' is not valid for {'create' if creating else 'update'}.")


def _text(table: Table, name: str, value: Any) -> str:
    longest = table.columns[name].longest
    if not isinstance(value, str):
        raise _cannot_convert("Edm.String")
    if _ILLEGAL.search(value):
        raise Refusal(400, "0x80040278", f"The field '{name}' contains one or more invalid characters.")
    if len(value.encode("utf-16-le")) // 2 > longest:
        raise Refusal(
            400,
            "0x80044331",
            f"A validation error occurred.  The length of the '{name}' attribute of the '{table.entity}' entity "
            f"exceeded the maximum allowed length of '{longest}'.",
        )
    return value


def _whole(table: Table, name: str, value: Any) -> int:
    number = _int32(value)
    _check_range(table, name, number, "0x8004432f")
    return number


def _fraction(table: Table, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _cannot_convert("Edm.Decimal")
    _check_range(table, name, value, "0x80044330")
    return value


def _flag(_table: Table, _name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _cannot_convert("Edm.Boolean")
    return value


def _option(table: Table, name: str, value: Any) -> int:
    number, options = _int32(value), table.columns[name].options
    if number not in options:
        accepted = ",".join(map(str, options))
        raise Refusal(
            400,
            "0x8004431a",
            f"A validation error occurred. The value {number} of '{name}' on record of type '{table.entity}' is "
            f"outside the valid range. Accepted Values: {accepted}",
        )
    return number


def _guid(_table: Table, _name: str, value: Any) -> str:
    return parse_guid(value)


def _day(table: Table, name: str, value: Any) -> str:
    """Reads a day, or a day and time with its zone, as the column has it."""
    wanted = "Edm.DateTimeOffset" if table.columns[name].with_time else "Edm.Date"
    if not isinstance(value, str):
        raise _cannot_convert(wanted)
    try:
        return _time(value) if table.columns[name].with_time else date.fromisoformat(value).isoformat()
    except (ValueError, OverflowError) as error:
        raise _cannot_convert(wanted) from error


def _time(value: str) -> str:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError(value)
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_CHECKS: dict[Kind, Callable[[Table, str, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.MEMO: _text,
    Kind.WHOLE: _whole,
    Kind.DECIMAL: _fraction,
    Kind.FLOAT: _fraction,
    Kind.MONEY: _fraction,
    Kind.FLAG: _flag,
    Kind.CHOICE: _option,
    Kind.STATE: _option,
    Kind.STATUS: _option,
    Kind.ID: _guid,
    Kind.DAY: _day,
}


def _int32(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise _cannot_convert("Edm.Int32")
    return value


def _reference(table: Table, link: str, value: Any) -> Reference:
    if link not in table.links:
        raise _bad_payload(
            f"An undeclared property '{link}' which only has property annotations in the payload but no property value "
            "was found in the payload. In OData, only declared navigation properties and declared named streams can be "
            "represented as properties without values."
        )
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if found is None or found["set"] not in table.links[link]:
        raise _bad_payload(f"The value of '{link}{_BIND}' is no reference to {' or '.join(table.links[link])}.")
    return Reference(entity_set=found["set"], row_id=str(uuid.UUID(parse_guid(found["id"]))))


def _check_type_name(table: Table, value: Any) -> None:
    expected = f"Microsoft.Dynamics.CRM.{table.entity}"
    if str(value).removeprefix("#") != expected:
        raise _bad_payload(f"A type named in the payload does not match the expected '{expected}'.")


def _no_such_number(name: str) -> float:
    raise ValueError(name)


def _bad_payload(reason: str) -> Refusal:
    return Refusal(
        400,
        "0x80048d19",
        "Error identified in Payload provided by the user for Entity :'leads'  ---->  InnerException : "
        f"Microsoft.OData.ODataException: {reason}",
    )


def _cannot_convert(target: str) -> Refusal:
    return _bad_payload(
        f"Cannot convert a value to target type '{target}' because of conflict between input format string/number and "
        "parameter 'IEEE754Compatible' false/true."
    )


def _check_range(table: Table, name: str, value: float, code: str) -> None:
    column = table.columns[name]
    if not column.least <= value <= column.most:
        raise Refusal(
            400,
            code,
            f"A validation error occurred. The value {value} of '{name}' on record of type '{table.entity}' is outside "
            "the valid range.",
        )
