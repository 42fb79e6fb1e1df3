"""The lead table: its columns, what each takes, and the rows of other tables that it may point to.

https://learn.microsoft.com/dynamics365/sales/developer/entities/lead
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Kind(Enum):
    """The value is the name that metadata gives the type."""

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
    default: bool | int | None = None
    on_create: bool = True
    on_update: bool = True
    required: str = "None"
    targets: tuple[str, ...] = ()


def _text(longest: int, required: str = "None") -> Column:
    return Column(kind=Kind.TEXT, longest=longest, required=required)


def _choice(*labels: str) -> Column:
    return Column(kind=Kind.CHOICE, options=dict(enumerate(labels, start=1)))


def _choice_from_zero(*labels: str) -> Column:
    return Column(kind=Kind.CHOICE, options=dict(enumerate(labels)))


def _flag(default: bool | None) -> Column:
    return Column(kind=Kind.FLAG, default=default)


def _address(prefix: str) -> dict[str, Column]:
    lengths = {
        **dict.fromkeys(("line1", "line2", "line3"), 250),
        "name": 100,
        **dict.fromkeys(("city", "country"), 80),
        **dict.fromkeys(("county", "stateorprovince", "fax", "telephone1", "telephone2", "telephone3"), 50),
        **dict.fromkeys(("postalcode", "postofficebox"), 20),
    }
    return {f"{prefix}_{name}": _text(longest) for name, longest in lengths.items()}


STATES = {0: "Open", 1: "Qualified", 2: "Disqualified"}
# Which status may stand with which state.
STATUSES = {0: (1, 2), 1: (3,), 2: (4, 5, 6, 7)}

COLUMNS: dict[str, Column] = {
    "leadid": Column(kind=Kind.ID, on_update=False, required="SystemRequired"),
    "subject": _text(300, "ApplicationRequired"),
    "firstname": _text(50, "Recommended"),
    "middlename": _text(50),
    "lastname": _text(50, "ApplicationRequired"),
    "salutation": _text(100),
    "jobtitle": _text(100),
    "companyname": _text(100, "Recommended"),
    "emailaddress1": _text(100),
    "emailaddress2": _text(100),
    "emailaddress3": _text(100),
    "telephone1": _text(50),
    "telephone2": _text(50),
    "telephone3": _text(50),
    "mobilephone": _text(20),
    "pager": _text(20),
    "fax": _text(50),
    "websiteurl": _text(200),
    "description": Column(kind=Kind.MEMO, longest=2000),
    "qualificationcomments": Column(kind=Kind.MEMO, longest=2000),
    **_address("address1"),
    **_address("address2"),
    "sic": _text(20),
    "numberofemployees": Column(kind=Kind.WHOLE, most=1_000_000),
    "importsequencenumber": Column(kind=Kind.WHOLE, least=-(2**31), most=2**31 - 1, on_update=False),
    "revenue": Column(kind=Kind.MONEY, most=1e14),
    "budgetamount": Column(kind=Kind.MONEY, most=1e12),
    "estimatedamount": Column(kind=Kind.MONEY, most=1e12),
    "donotbulkemail": _flag(False),
    "donotemail": _flag(False),
    "donotphone": _flag(False),
    "donotfax": _flag(False),
    "donotpostalmail": _flag(False),
    "donotsendmm": _flag(False),
    "followemail": _flag(True),
    "confirminterest": _flag(None),
    "decisionmaker": _flag(None),
    "evaluatefit": _flag(None),
    "leadsourcecode": _choice(
        "Advertisement",
        "Employee Referral",
        "External Referral",
        "Partner",
        "Public Relations",
        "Seminar",
        "Trade Show",
        "Web",
        "Word of Mouth",
        "Other",
    ),
    "leadqualitycode": _choice("Hot", "Warm", "Cold"),
    "industrycode": _choice(
        "Accounting",
        "Agriculture and Non-petrol Natural Resource Extraction",
        "Broadcasting Printing and Publishing",
        "Brokers",
        "Building Supply Retail",
        "Business Services",
        "Consulting",
        "Consumer Services",
        "Design, Direction and Creative Management",
        "Distributors, Dispatchers and Processors",
        "Doctor's Offices and Clinics",
        "Durable Manufacturing",
        "Eating and Drinking Places",
        "Entertainment Retail",
        "Equipment Rental and Leasing",
        "Financial",
        "Food and Tobacco Processing",
        "Inbound Capital Intensive Processing",
        "Inbound Repair and Services",
        "Insurance",
        "Legal Services",
        "Non-Durable Merchandise Retail",
        "Outbound Consumer Service",
        "Petrochemical Extraction and Distribution",
        "Service Retail",
        "SIG Affiliations",
        "Social Services",
        "Special Outbound Trade Contractors",
        "Specialty Realty",
        "Transportation",
        "Utility Creation and Distribution",
        "Vehicle Retail",
        "Wholesale",
    ),
    "preferredcontactmethodcode": _choice("Any", "Email", "Phone", "Fax", "Mail"),
    "prioritycode": _choice("Default Value"),
    "budgetstatus": _choice_from_zero("No Committed Budget", "May Buy", "Can Buy", "Will Buy"),
    "need": _choice_from_zero("Must have", "Should have", "Good to have", "No need"),
    "purchasetimeframe": _choice_from_zero("Immediate", "This Quarter", "Next Quarter", "This Year", "Unknown"),
    "purchaseprocess": _choice_from_zero("Individual", "Committee", "Unknown"),
    "initialcommunication": _choice_from_zero("Contacted", "Not Contacted"),
    "statecode": Column(kind=Kind.STATE, options=STATES, default=0, on_create=False, required="SystemRequired"),
    "statuscode": Column(
        kind=Kind.STATUS,
        options=dict(
            enumerate(
                ("New", "Contacted", "Qualified", "Lost", "Cannot Contact", "No Longer Interested", "Canceled"), start=1
            )
        ),
        default=1,
    ),
    "overriddencreatedon": Column(kind=Kind.DAY, on_update=False),
    "fullname": Column(kind=Kind.TEXT, longest=160, on_create=False, on_update=False),
    "createdon": Column(kind=Kind.DAY, on_create=False, on_update=False),
    "modifiedon": Column(kind=Kind.DAY, on_create=False, on_update=False),
}

# Single-valued navigation properties -> the sets whose rows they may point to. Bound as `<name>@odata.bind`.
LINKS: dict[str, tuple[str, ...]] = {
    "ownerid": ("systemusers", "teams"),
    "campaignid": ("campaigns",),
    "transactioncurrencyid": ("transactioncurrencies",),
}
OWNERS = ("systemusers", "teams")

ENTITIES = {
    "systemusers": "systemuser",
    "teams": "team",
    "campaigns": "campaign",
    "transactioncurrencies": "transactioncurrency",
}


def entity_of(entity_set: str) -> str:
    return ENTITIES.get(entity_set, entity_set.removesuffix("s"))


def link_column(link: str) -> str:
    """Lookups are read back under another name than the one that they are bound with."""
    return f"_{link.lower()}_value"


def link_definition(link: str, sets: tuple[str, ...]) -> Column:
    """As metadata tells of a lookup. It is no column of a row: it is bound, and read back, under other names."""
    kind = Kind.OWNER if link == "ownerid" else Kind.LOOKUP
    return Column(kind=kind, targets=tuple(map(entity_of, sets)))


def columns_with(changes: Mapping[str, Mapping[str, Any] | None]) -> Mapping[str, Column]:
    """The table's columns where an organisation has changed, added or removed some."""
    if not changes:
        return COLUMNS
    changed = {name: _changed(COLUMNS.get(name), change) for name, change in changes.items() if change is not None}
    return {name: column for name, column in COLUMNS.items() if name not in changes} | changed


# Within what a new column of numbers lies, where nobody says otherwise.
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


def readable_names(columns: Iterable[str], links: Iterable[str] = LINKS) -> tuple[str, ...]:
    return (*columns, *(link_column(link) for link in links))


DEFAULTS = {name: column.default for name, column in COLUMNS.items() if column.default is not None}
