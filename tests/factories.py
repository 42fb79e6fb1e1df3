"""Values for tests: each function gives a whole, ordinary one, and takes what shall be different."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from leadpipe.model.envelope import Envelope
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record
from leadpipe.model.settings import ClientSecret, Dataverse, Settings, StorageByKey

SAMPLES = Path(__file__).parent / "samples"

RECEIVED_AT = datetime(2026, 3, 14, 9, 26, 53, 589_000, UTC)


def lead_id(after: timedelta = timedelta(0), number: int = 0) -> str:
    """The id of a lead received so long after LEAD_ID; `number` tells apart those of one moment."""
    return new_lead_id(RECEIVED_AT + after, number.to_bytes(10, "big"))


LEAD_ID = lead_id()
OTHER_LEAD_ID = lead_id(timedelta(hours=1), 1)

ORGANISATION = "https://contoso.crm4.dynamics.com"
TENANT_ID = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
CLIENT_ID = "00001111-aaaa-2222-bbbb-3333cccc4444"
CLIENT_SECRET = "made-up~client-secret"
CONNECTION_STRING = (
    "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=bWFkZS11cA==;EndpointSuffix=core.windows.net"
)

_PERSON = {
    "FirstName": "Jane",
    "LastName": "Doe",
    "Email": "jane.doe@fabrikam.com",
    "Phone": "+33 1 23 45 67 89",
    "Country": "FR",
    "Company": "Fabrikam",
    "Title": "CTO",
}
_LEAD = {
    "LeadSource": "AzureMarketplace-INS|contoso.widget",
    "ActionCode": "INS",
    "OfferTitle": "Contoso Widget",
    "Description": "Please call.",
}


def sample(name: str) -> str:
    """The posted text of `samples/marketplace/<name>`."""
    return (SAMPLES / "marketplace" / name).read_text(encoding="utf-8")


def payload(**fields: Any) -> str:
    """A posted text with the documented keys: `payload(Email=None, OfferTitle="Gadget", Extra=1)`."""
    person = {key: fields.pop(key, value) for key, value in _PERSON.items()}
    return json.dumps({"UserDetails": person, **_LEAD, **fields}, ensure_ascii=False)


def lead(**fields: Any) -> Lead:
    """The lead of `payload()`, with fields of the parsed lead: `lead(email="")`."""
    return replace(Lead.from_payload(payload()), **fields)


def record(lead_id: str = LEAD_ID, *, posted: str | None = None, **fields: Any) -> Record:
    """An accepted record as intake makes it of `posted`, with fields of the record: `record(state=State.POISONED)`."""
    return replace(Record.accepted(lead_id, posted or payload()), **fields)


def envelope(lead_id: str = LEAD_ID, *, attempt: int = 1, posted: str | None = None) -> Envelope:
    """The message that intake puts for `record()`."""
    return Envelope.for_payload(lead_id, posted or payload(), attempt=attempt)


def settings(**fields: Any) -> Settings:
    """Settings without a fault: storage by key, Dynamics by client secret, else the defaults."""
    sign_in = ClientSecret(tenant_id=TENANT_ID, client_id=CLIENT_ID, secret=CLIENT_SECRET)
    dataverse = Dataverse(url=ORGANISATION, authority="https://login.microsoftonline.com", sign_in=sign_in)
    storage = StorageByKey(connection_string=CONNECTION_STRING)
    return replace(Settings(storage=storage, dataverse=dataverse), **fields)


def environment(**values: str | None) -> dict[str, str]:
    """The app settings that give `settings()`; None leaves one out."""
    whole = {
        "AzureWebJobsStorage": CONNECTION_STRING,
        "DATAVERSE_URL": ORGANISATION,
        "DATAVERSE_TENANT_ID": TENANT_ID,
        "DATAVERSE_CLIENT_ID": CLIENT_ID,
        "DATAVERSE_CLIENT_SECRET": CLIENT_SECRET,
    }
    return {name: value for name, value in {**whole, **values}.items() if value is not None}
