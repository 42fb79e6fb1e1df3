"""The lead table: its columns and the tables that its lookups point into.

https://learn.microsoft.com/dynamics365/sales/developer/entities/lead
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.columns import Column, Kind, choice, choice_from_zero, flag, text
from devkit.standin.organisation.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping


def _address(prefix: str) -> dict[str, Column]:
    lengths = {
        **dict.fromkeys(("line1", "line2", "line3"), 250),
        "name": 100,
        **dict.fromkeys(("city", "country"), 80),
        **dict.fromkeys(("county", "stateorprovince", "fax", "telephone1", "telephone2", "telephone3"), 50),
        **dict.fromkeys(("postalcode", "postofficebox"), 20),
        "upszone": 4,
    }
    return {
        **{f"{prefix}_{name}": text(longest) for name, longest in lengths.items()},
        f"{prefix}_utcoffset": Column(kind=Kind.WHOLE, least=-1500, most=1500),
        f"{prefix}_latitude": Column(kind=Kind.FLOAT, least=-90, most=90),
        f"{prefix}_longitude": Column(kind=Kind.FLOAT, least=-180, most=180),
        f"{prefix}_addresstypecode": choice("Default Value"),
        f"{prefix}_shippingmethodcode": choice("Default Value"),
    }


def _day(*, with_time: bool) -> Column:
    return Column(kind=Kind.DAY, with_time=with_time)


STATES = {0: "Open", 1: "Qualified", 2: "Disqualified"}
# The values of statuscode that each value of statecode allows.
STATUSES = {0: (1, 2), 1: (3,), 2: (4, 5, 6, 7)}

COLUMNS: dict[str, Column] = {
    "leadid": Column(kind=Kind.ID, on_update=False, required="SystemRequired"),
    "subject": text(300, "ApplicationRequired"),
    "firstname": text(50, "Recommended"),
    "middlename": text(50),
    "lastname": text(50, "ApplicationRequired"),
    "yomifirstname": text(150),
    "yomimiddlename": text(150),
    "yomilastname": text(150),
    "yomicompanyname": text(100),
    "salutation": text(100),
    "jobtitle": text(100),
    "companyname": text(100, "Recommended"),
    "emailaddress1": text(100),
    "emailaddress2": text(100),
    "emailaddress3": text(100),
    "telephone1": text(50),
    "telephone2": text(50),
    "telephone3": text(50),
    "mobilephone": text(20),
    "pager": text(20),
    "fax": text(50),
    "websiteurl": text(200),
    "description": Column(kind=Kind.MEMO, longest=2000),
    "qualificationcomments": Column(kind=Kind.MEMO, longest=2000),
    "businesscard": Column(kind=Kind.MEMO, longest=1_073_741_823),
    "businesscardattributes": text(4000),
    **_address("address1"),
    **_address("address2"),
    "sic": text(20),
    "numberofemployees": Column(kind=Kind.WHOLE, most=1_000_000),
    "importsequencenumber": Column(kind=Kind.WHOLE, least=-(2**31), most=2**31 - 1, on_update=False),
    "revenue": Column(kind=Kind.MONEY, most=1e14),
    "budgetamount": Column(kind=Kind.MONEY, most=1e12),
    "estimatedamount": Column(kind=Kind.MONEY, most=1e12),
    "estimatedvalue": Column(kind=Kind.FLOAT, most=1e9),
    **dict.fromkeys(
        ("donotbulkemail", "donotemail", "donotphone", "donotfax", "donotpostalmail"),
        flag(False, yes="Do Not Allow", no="Allow"),
    ),
    "donotsendmm": flag(False, yes="Do Not Send", no="Send"),
    "followemail": flag(True, yes="Allow", no="Do Not Allow"),
    "decisionmaker": flag(False, yes="completed", no="mark complete"),
    "participatesinworkflow": flag(False),
    # Microsoft's table has the labels of these two turned round.
    "confirminterest": flag(False, yes="No", no="Yes"),
    "evaluatefit": flag(False, yes="No", no="Yes"),
    "leadsourcecode": choice(
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
    "leadqualitycode": choice("Hot", "Warm", "Cold"),
    "industrycode": choice(
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
    "preferredcontactmethodcode": choice("Any", "Email", "Phone", "Fax", "Mail"),
    "prioritycode": choice("Default Value"),
    "budgetstatus": choice_from_zero("No Committed Budget", "May Buy", "Can Buy", "Will Buy"),
    "need": choice_from_zero("Must have", "Should have", "Good to have", "No need"),
    "purchasetimeframe": choice_from_zero("Immediate", "This Quarter", "Next Quarter", "This Year", "Unknown"),
    "purchaseprocess": choice_from_zero("Individual", "Committee", "Unknown"),
    "initialcommunication": choice_from_zero("Contacted", "Not Contacted"),
    "salesstage": choice_from_zero("Qualify"),
    "salesstagecode": choice("Default Value"),
    "estimatedclosedate": _day(with_time=False),
    "schedulefollowup_prospect": _day(with_time=True),
    "schedulefollowup_qualify": _day(with_time=True),
    "lastonholdtime": _day(with_time=True),
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
    "overriddencreatedon": Column(kind=Kind.DAY, with_time=True, on_update=False),
    "fullname": Column(kind=Kind.TEXT, longest=160, on_create=False, on_update=False),
    "createdon": Column(kind=Kind.DAY, with_time=True, on_create=False, on_update=False),
    "modifiedon": Column(kind=Kind.DAY, with_time=True, on_create=False, on_update=False),
}

# Single-valued navigation properties -> the sets whose rows they may point to. Bound as `<name>@odata.bind`.
LINKS: dict[str, tuple[str, ...]] = {
    "ownerid": ("systemusers", "teams"),
    "campaignid": ("campaigns",),
    "transactioncurrencyid": ("transactioncurrencies",),
    "parentaccountid": ("accounts",),
    "parentcontactid": ("contacts",),
    "customerid_account": ("accounts",),
    "customerid_contact": ("contacts",),
    "originatingcaseid": ("incidents",),
    "qualifyingopportunityid": ("opportunities",),
    "relatedobjectid": ("campaignresponses",),
    "sla_lead_sla": ("slas",),
}


def _full_name(row: Mapping[str, Any]) -> str:
    return " ".join(part for part in (row.get("firstname"), row.get("lastname")) if part)


LEADS = Table(
    entity="lead",
    entity_set="leads",
    schema_name="Lead",
    type_code=4,
    name_column="fullname",
    columns=COLUMNS,
    links=LINKS,
    statuses=STATUSES,
    computed={"fullname": _full_name},
)
