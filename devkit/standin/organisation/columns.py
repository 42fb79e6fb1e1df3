"""Describes columns by type, limits and options, and lookups, which point to rows of other tables."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(Enum):
    """The value is the type's name in metadata."""

    TEXT = "String"
    MEMO = "Memo"
    WHOLE = "Integer"
    DECIMAL = "Decimal"
    FLOAT = "Double"
    MONEY = "Money"
    FLAG = "Boolean"
    CHOICE = "Picklist"
    STATE = "State"
    STATUS = "Status"
    ID = "Uniqueidentifier"
    DAY = "DateTime"
    LOOKUP = "Lookup"
    OWNER = "Owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    kind: Kind
    longest: int = 0  # in UTF-16 units
    least: float = 0
    most: float = 0
    options: dict[int, str] = field(default_factory=dict)
    with_time: bool = False  # a date that has a time of day
    default: bool | int | None = None
    on_create: bool = True
    on_update: bool = True
    required: str = "None"
    targets: tuple[str, ...] = ()


def text(longest: int, required: str = "None") -> Column:
    return Column(kind=Kind.TEXT, longest=longest, required=required)


def choice(*labels: str) -> Column:
    return Column(kind=Kind.CHOICE, options=dict(enumerate(labels, start=1)))


def choice_from_zero(*labels: str) -> Column:
    return Column(kind=Kind.CHOICE, options=dict(enumerate(labels)))


def flag(default: bool | None, *, yes: str = "Yes", no: str = "No") -> Column:
    return Column(kind=Kind.FLAG, default=default, options={1: yes, 0: no})


OWNERS = ("systemusers", "teams")

ENTITIES = {
    "systemusers": "systemuser",
    "teams": "team",
    "campaigns": "campaign",
    "transactioncurrencies": "transactioncurrency",
    "accounts": "account",
    "contacts": "contact",
    "incidents": "incident",
    "opportunities": "opportunity",
    "campaignresponses": "campaignresponse",
    "slas": "sla",
}
# The lookups that are bound by another name than their column's.
_COLUMNS_OF_LINKS = {
    "customerid_account": "customerid",
    "customerid_contact": "customerid",
    "objectid_lead": "objectid",
    "sla_lead_sla": "slaid",
}


def entity_of(entity_set: str) -> str:
    return ENTITIES.get(entity_set, entity_set.removesuffix("s"))


def column_of_link(link: str) -> str:
    return _COLUMNS_OF_LINKS.get(link, link.lower())


def link_column(link: str) -> str:
    """Gives the name that a lookup is read back under."""
    return f"_{column_of_link(link)}_value"


def link_definition(link: str, sets: tuple[str, ...]) -> Column:
    """Describes a lookup as metadata does. Rows have no column of this name: it is bound and read back under others."""
    kind = Kind.OWNER if link == "ownerid" else Kind.LOOKUP
    return Column(kind=kind, targets=tuple(map(entity_of, sets)))


def columns_with(
    columns: Mapping[str, Column], changes: Mapping[str, Mapping[str, Any] | None]
) -> Mapping[str, Column]:
    """Gives the columns after an organisation changed, added and removed (None) some."""
    changed = {name: _changed(columns.get(name), change) for name, change in changes.items() if change is not None}
    return {name: column for name, column in columns.items() if name not in changes} | changed


# The least and the most of a new column of numbers, unless its maker says otherwise.
# https://learn.microsoft.com/power-apps/maker/data-platform/types-of-fields
_RANGES: dict[Kind, tuple[float, float]] = {
    Kind.WHOLE: (-(2**31), 2**31 - 1),
    Kind.DECIMAL: (-1e11, 1e11),
    Kind.FLOAT: (-1e11, 1e11),
    Kind.MONEY: (-922_337_203_685_477, 922_337_203_685_477),
}


def _own(kind: Kind) -> Column:
    least, most = _RANGES.get(kind, (0, 0))
    return Column(kind=kind, longest=100, least=least, most=most)


def _changed(column: Column | None, changes: Mapping[str, Any]) -> Column:
    values: dict[str, Any] = dict(changes)
    if "kind" in values:
        values["kind"] = Kind(values["kind"])
    if "options" in values:
        values["options"] = {int(value): label for value, label in values["options"].items()}
    return replace(column or _own(values.get("kind", Kind.TEXT)), **values)
