"""Lists the lead table's columns as Microsoft documents them: type, length and options of all that a mapping may set.

An organisation may change them and add its own; `leadpipe mapping check` asks it what it has.
https://learn.microsoft.com/dynamics365/sales/developer/entities/lead
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# The forms of Dynamics require these two; a lead without them could not be saved there.
NEVER_EMPTY = frozenset({"subject", "lastname"})


class Kind(StrEnum):
    """The type of a column; the value is its name in a mapping file."""

    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes_no"
    OPTION = "option"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadColumn:
    """`longest` in UTF-16 units; `options` by label; `sets` are the tables that a lookup may point into."""

    kind: Kind
    longest: int = 0
    least: float = 0
    most: float = 0
    whole: bool = False
    options: Mapping[str, int] = field(default_factory=dict)
    sets: tuple[str, ...] = ()


def _texts(longest: int, *names: str) -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.TEXT, longest=longest) for name in names}


def _yes_no(*names: str) -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.YES_NO) for name in names}


def _options(name: str, *labels: str, first: int = 1) -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.OPTION, options={label: n for n, label in enumerate(labels, start=first)})}


def _money(most: float, *names: str) -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.NUMBER, most=most) for name in names}


def _lookup(name: str, entity_set: str) -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.LOOKUP, sets=(entity_set,))}


def _address(prefix: str) -> dict[str, LeadColumn]:
    def named(longest: int, *names: str) -> dict[str, LeadColumn]:
        return _texts(longest, *(f"{prefix}_{name}" for name in names))

    return {
        **named(250, "line1", "line2", "line3"),
        **named(100, "name"),
        **named(80, "city", "country"),
        **named(50, "county", "stateorprovince", "fax", "telephone1", "telephone2", "telephone3"),
        **named(20, "postalcode", "postofficebox"),
    }


COLUMNS: dict[str, LeadColumn] = {
    **_address("address1"),
    **_address("address2"),
    **_texts(300, "subject"),
    **_texts(200, "websiteurl"),
    **_texts(100, "companyname", "jobtitle", "salutation", "emailaddress1", "emailaddress2", "emailaddress3"),
    **_texts(50, "firstname", "middlename", "lastname", "telephone1", "telephone2", "telephone3", "fax"),
    **_texts(20, "mobilephone", "pager", "sic"),
    **_texts(2000, "description", "qualificationcomments"),
    "numberofemployees": LeadColumn(kind=Kind.NUMBER, most=1_000_000, whole=True),
    "importsequencenumber": LeadColumn(kind=Kind.NUMBER, least=-(2**31), most=2**31 - 1, whole=True),
    **_money(1e14, "revenue"),
    **_money(1e12, "budgetamount", "estimatedamount"),
    **_yes_no("donotbulkemail", "donotemail", "donotphone", "donotfax", "donotpostalmail", "donotsendmm"),
    **_yes_no("followemail", "confirminterest", "decisionmaker", "evaluatefit"),
    **_options(
        "leadsourcecode",
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
    **_options("leadqualitycode", "Hot", "Warm", "Cold"),
    **_options("preferredcontactmethodcode", "Any", "Email", "Phone", "Fax", "Mail"),
    **_options("prioritycode", "Default Value"),
    # A new lead is open, and an open lead has one of these two.
    **_options("statuscode", "New", "Contacted"),
    **_options("budgetstatus", "No Committed Budget", "May Buy", "Can Buy", "Will Buy", first=0),
    **_options("need", "Must have", "Should have", "Good to have", "No need", first=0),
    **_options("purchasetimeframe", "Immediate", "This Quarter", "Next Quarter", "This Year", "Unknown", first=0),
    **_options("purchaseprocess", "Individual", "Committee", "Unknown", first=0),
    **_options("initialcommunication", "Contacted", "Not Contacted", first=0),
    **_options(
        "industrycode",
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
    **_lookup("campaignid", "campaigns"),
    **_lookup("transactioncurrencyid", "transactioncurrencies"),
    **_lookup("parentaccountid", "accounts"),
    **_lookup("parentcontactid", "contacts"),
}

NOT_SETTABLE: dict[str, str] = {
    "leadid": "leadpipe chooses it at intake; it is what keeps a lead from being written twice",
    "ownerid": "give owner or team in a rule, which may be without `when`",
    "statecode": "Dynamics makes every new lead open",
    "fullname": "Dynamics makes it of firstname and lastname",
    **dict.fromkeys(("createdon", "modifiedon", "createdby", "modifiedby", "versionnumber"), "Dynamics sets it itself"),
    **dict.fromkeys(("overriddencreatedon", "estimatedclosedate", "lastusedincampaign"), "a date cannot be mapped"),
}

# Options that an organisation adds begin with its publisher's prefix, which has at least five digits:
# https://learn.microsoft.com/power-platform/alm/solution-concepts-alm#solution-publisher
FIRST_OWN_OPTION = 10_000
