"""Every column of the lead table that Microsoft's page calls writable, and what a mapping file may write into it.

https://learn.microsoft.com/dynamics365/sales/developer/entities/lead, without Microsoft's add-ons (`msdyn_…`). It is
kept apart from the product's and the stand-in's tables, so that it can be held against both.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.factories import RECEIVED_AT

ROW = "00001111-aaaa-2222-bbbb-3333cccc4444"
_ADDRESS = {
    "line1 line2 line3": ("text", 250),
    "name": ("text", 100),
    "city country": ("text", 80),
    "county stateorprovince fax telephone1 telephone2 telephone3": ("text", 50),
    "postalcode postofficebox": ("text", 20),
    "upszone": ("text", 4),
    "utcoffset": ("whole", -1500, 1500),
    "latitude": ("number", -90, 90),
    "longitude": ("number", -180, 180),
    "addresstypecode shippingmethodcode": ("option", 1, 1),
    "addressid": ("internal",),
}
_TABLE: dict[str, tuple[Any, ...]] = {
    "subject": ("text", 300),
    "websiteurl": ("text", 200),
    "yomifirstname yomimiddlename yomilastname": ("text", 150),
    "companyname yomicompanyname jobtitle salutation emailaddress1 emailaddress2 emailaddress3": ("text", 100),
    "firstname middlename lastname telephone1 telephone2 telephone3 fax": ("text", 50),
    "mobilephone pager sic": ("text", 20),
    "description qualificationcomments": ("text", 2000),
    "businesscardattributes": ("text", 4000),
    "businesscard": ("text", 1_073_741_823),
    "numberofemployees": ("whole", 0, 1_000_000),
    "importsequencenumber": ("whole", -(2**31), 2**31 - 1),
    "revenue": ("number", 0, 1e14),
    "budgetamount estimatedamount": ("number", 0, 1e12),
    "estimatedvalue": ("number", 0, 1e9),
    "donotbulkemail donotemail donotfax donotphone donotpostalmail donotsendmm followemail": ("yes_no",),
    "confirminterest decisionmaker evaluatefit participatesinworkflow": ("yes_no",),
    "leadsourcecode": ("option", 1, 10),
    "leadqualitycode": ("option", 1, 3),
    "industrycode": ("option", 1, 33),
    "preferredcontactmethodcode": ("option", 1, 5),
    "prioritycode salesstagecode": ("option", 1, 1),
    "statuscode": ("option", 1, 2),
    "budgetstatus need": ("option", 0, 3),
    "purchasetimeframe": ("option", 0, 4),
    "purchaseprocess": ("option", 0, 2),
    "initialcommunication": ("option", 0, 1),
    "salesstage": ("option", 0, 0),
    "estimatedclosedate": ("day",),
    "overriddencreatedon schedulefollowup_prospect schedulefollowup_qualify lastonholdtime": ("time",),
    "campaignid": ("lookup", "campaigns"),
    "parentaccountid customerid_account": ("lookup", "accounts"),
    "parentcontactid customerid_contact": ("lookup", "contacts"),
    "transactioncurrencyid": ("lookup", "transactioncurrencies"),
    "originatingcaseid": ("lookup", "incidents"),
    "qualifyingopportunityid": ("lookup", "opportunities"),
    "relatedobjectid": ("lookup", "campaignresponses"),
    "sla_lead_sla": ("lookup", "slas"),
    # They exist, and a mapping has no business with them.
    "leadid ownerid customerid slaid entityimage processid stageid traversedpath teamsfollowed": ("internal",),
    "timezoneruleversionnumber utcconversiontimezonecode customeridtype owneridtype": ("internal",),
    **{
        " ".join(f"address{number}_{name}" for name in names.split()): spec
        for number in (1, 2)
        for names, spec in _ADDRESS.items()
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A value as TOML, and what Dynamics is sent under which name."""

    toml: str
    sent: Any
    name: str


DOCUMENTED: dict[str, tuple[Any, ...]] = {name: spec for names, spec in _TABLE.items() for name in names.split()}
INTERNAL = [name for name, spec in DOCUMENTED.items() if spec[0] == "internal"]
MAPPED = [name for name in DOCUMENTED if name not in INTERNAL]


def fitting(name: str) -> Written:
    kind, *limits = DOCUMENTED[name]
    if kind == "text":
        text = "x" * min(limits[0], 5000)
        return Written(toml=f'"{text}"', sent=text, name=name)
    if kind == "lookup":
        return Written(toml=f'"{ROW}"', sent=f"/{limits[0]}({ROW})", name=f"{name}@odata.bind")
    if kind == "day":
        return Written(toml='"received"', sent=f"{RECEIVED_AT:%Y-%m-%d}", name=name)
    if kind == "time":
        tomorrow = RECEIVED_AT + timedelta(days=1)
        return Written(toml='"received + 1 day"', sent=f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}", name=name)
    if kind == "yes_no":
        return Written(toml="true", sent=True, name=name)
    return Written(toml=f"{limits[1]:.0f}", sent=int(limits[1]), name=name)


_MISFITS = {
    "text": ["5", "true"],
    "lookup": ["5", '"somebody"', f'"tables({ROW})"'],
    "day": ["5", '"tomorrow"', "2026-01-31T08:00:00Z"],
    "time": ["5", '"tomorrow"', "2026-01-31T08:00:00"],
    "yes_no": ['"yes"', "1"],
    "internal": ['"x"', '{ text = "x" }'],
    **{kind: ['"nothing"', "true"] for kind in ("whole", "number", "option")},
}


def misfits(name: str) -> list[str]:
    kind, *limits = DOCUMENTED[name]
    if len(limits) == 2:
        return [*_MISFITS[kind], f"{limits[0] - 1:.0f}", f"{limits[1] + 1:.0f}"]
    too_long = [f'"{"x" * (limits[0] + 1)}"'] if kind == "text" and limits[0] < 10_000 else []
    return [*_MISFITS[kind], *too_long]
