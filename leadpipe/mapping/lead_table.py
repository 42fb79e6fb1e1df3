"""Lists the lead table's columns as Microsoft documents them: type, length and options of all that a mapping may set.

An organisation may change them and add its own; `leadpipe mapping check` asks it what it has.
https://learn.microsoft.com/dynamics365/sales/developer/entities/lead
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# The forms of Dynamics require these two; a lead without them could not be saved there.
NEVER_EMPTY = frozenset({"subject", "lastname"})
# Dynamics moves its value into createdon. Setting it takes a privilege of its own.
# https://learn.microsoft.com/power-apps/developer/data-platform/run-data-import
CREATED_ON = "overriddencreatedon"
CREATED_ON_PRIVILEGE = "prvOverrideCreatedOnCreatedBy"


class Kind(StrEnum):
    """The type of a column; the value is its name in a mapping file."""

    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes_no"
    OPTION = "option"
    DATE = "date"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadColumn:
    """`longest` in UTF-16 units; `options` by label; `sets` are the tables that a lookup may point into.

    `with_time`: a date goes with its time of day. `note` is what a person should know before setting it.
    """

    kind: Kind
    longest: int = 0
    least: float = 0
    most: float = 0
    whole: bool = False
    options: Mapping[str, int] = field(default_factory=dict)
    with_time: bool = False
    sets: tuple[str, ...] = ()
    note: str = ""


def _texts(longest: int, *names: str) -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.TEXT, longest=longest) for name in names}


def _yes_no(*names: str, note: str = "") -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.YES_NO, note=note) for name in names}


def _options(name: str, *labels: str, first: int = 1) -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.OPTION, options={label: n for n, label in enumerate(labels, start=first)})}


def _money(most: float, *names: str) -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.NUMBER, most=most) for name in names}


def _dates(*names: str, with_time: bool) -> dict[str, LeadColumn]:
    return {name: LeadColumn(kind=Kind.DATE, with_time=with_time) for name in names}


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
        **named(4, "upszone"),
        f"{prefix}_utcoffset": LeadColumn(kind=Kind.NUMBER, least=-1500, most=1500, whole=True),
        f"{prefix}_latitude": LeadColumn(kind=Kind.NUMBER, least=-90, most=90),
        f"{prefix}_longitude": LeadColumn(kind=Kind.NUMBER, least=-180, most=180),
        **_options(f"{prefix}_addresstypecode", "Default Value"),
        **_options(f"{prefix}_shippingmethodcode", "Default Value"),
    }


# Microsoft's table gives these two the label "No" for 1 and "Yes" for 0.
_TURNED_ROUND = "true shows as No in Dynamics, and false as Yes: Microsoft has turned its labels round"
_DEPRECATED = "Microsoft has deprecated it in favour of estimatedamount"


COLUMNS: dict[str, LeadColumn] = {
    **_address("address1"),
    **_address("address2"),
    **_texts(300, "subject"),
    **_texts(200, "websiteurl"),
    **_texts(150, "yomifirstname", "yomimiddlename", "yomilastname"),
    **_texts(100, "yomicompanyname"),
    **_texts(100, "companyname", "jobtitle", "salutation", "emailaddress1", "emailaddress2", "emailaddress3"),
    **_texts(50, "firstname", "middlename", "lastname", "telephone1", "telephone2", "telephone3", "fax"),
    **_texts(20, "mobilephone", "pager", "sic"),
    **_texts(2000, "description", "qualificationcomments"),
    **_texts(4000, "businesscardattributes"),
    **_texts(1_073_741_823, "businesscard"),
    "numberofemployees": LeadColumn(kind=Kind.NUMBER, most=1_000_000, whole=True),
    "importsequencenumber": LeadColumn(kind=Kind.NUMBER, least=-(2**31), most=2**31 - 1, whole=True),
    **_money(1e14, "revenue"),
    **_money(1e12, "budgetamount", "estimatedamount"),
    "estimatedvalue": LeadColumn(kind=Kind.NUMBER, most=1e9, note=_DEPRECATED),
    **_yes_no("donotbulkemail", "donotemail", "donotphone", "donotfax", "donotpostalmail", "donotsendmm"),
    **_yes_no("followemail", "decisionmaker", "participatesinworkflow"),
    **_yes_no("confirminterest", "evaluatefit", note=_TURNED_ROUND),
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
    **_options("salesstage", "Qualify", first=0),
    **_options("salesstagecode", "Default Value"),
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
    **_dates("estimatedclosedate", with_time=False),
    **_dates("schedulefollowup_prospect", "schedulefollowup_qualify", "lastonholdtime", with_time=True),
    **_dates(CREATED_ON, with_time=True),
    **_lookup("campaignid", "campaigns"),
    **_lookup("transactioncurrencyid", "transactioncurrencies"),
    **_lookup("parentaccountid", "accounts"),
    **_lookup("parentcontactid", "contacts"),
    **_lookup("customerid_account", "accounts"),
    **_lookup("customerid_contact", "contacts"),
    **_lookup("originatingcaseid", "incidents"),
    **_lookup("qualifyingopportunityid", "opportunities"),
    **_lookup("relatedobjectid", "campaignresponses"),
    **_lookup("sla_lead_sla", "slas"),
}

_BY_DYNAMICS = "Dynamics sets it itself"
NOT_SETTABLE: dict[str, str] = {
    "leadid": "leadpipe chooses it at intake; it is what keeps a lead from being written twice",
    "ownerid": "give owner or team in a rule, which may be without `when`",
    "statecode": "Dynamics makes every new lead open",
    "fullname": "Dynamics makes it of firstname and lastname",
    "customerid": "it points into two tables: set customerid_account or customerid_contact",
    "slaid": "Dynamics binds it by another name: set sla_lead_sla",
    "entityimage": "it is a picture",
    **dict.fromkeys(("createdon", "modifiedon", "createdby", "modifiedby", "versionnumber"), _BY_DYNAMICS),
    **dict.fromkeys(("lastusedincampaign", "customeridtype", "owneridtype", "teamsfollowed"), _BY_DYNAMICS),
    **dict.fromkeys(("processid", "stageid", "traversedpath"), "Dynamics keeps the business process in it"),
    **dict.fromkeys(("timezoneruleversionnumber", "utcconversiontimezonecode"), "Dynamics reckons time zones with it"),
    **dict.fromkeys(("address1_addressid", "address2_addressid"), "Dynamics numbers addresses itself"),
}

# Options that an organisation adds begin with its publisher's prefix, which has at least five digits:
# https://learn.microsoft.com/power-platform/alm/solution-concepts-alm#solution-publisher
FIRST_OWN_OPTION = 10_000
