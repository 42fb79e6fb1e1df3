"""The bare app: the least that takes a lead and writes it to Dynamics, with the same requests and nothing else.

No validation, no fingerprint, no rules, no error is handled. Its tables and its queue are there before it starts.
Like leadpipe it imports for a delivery only when one comes, and has as many connections as the worker has threads.
"""

import json
import logging
import os
import uuid
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import azure.functions as func
import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient, TextBase64EncodePolicy
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from msal import ConfidentialClientApplication

for name in ("azure", "urllib3", "msal"):
    logging.getLogger(name).setLevel(logging.WARNING)

CONNECTIONS = 32
DYNAMICS = os.environ["DATAVERSE_URL"]

session = requests.Session()
session.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS))
session.mount("https://", HTTPAdapter(pool_maxsize=CONNECTIONS))
storage = os.environ["AzureWebJobsStorage"]  # noqa: SIM112 - the platform names it
transport = RequestsTransport(session=session)
tables = TableServiceClient.from_connection_string(storage, transport=transport)
ledger, claims = tables.get_table_client("leadledger"), tables.get_table_client("leadclaims")
queue = QueueClient.from_connection_string(
    storage, "leads", transport=transport, message_encode_policy=TextBase64EncodePolicy()
)
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.function_name("leads")
@app.route(route="leads", methods=[func.HttpMethod.POST], trigger_arg_name="request")
def take_lead(request: func.HttpRequest) -> func.HttpResponse:
    lead_id = str(uuid.uuid4())
    payload = request.get_body().decode()
    ledger.create_entity({**_key(lead_id), "LeadId": lead_id, "State": "accepted", "Payload": payload})
    queue.send_message(lead_id)
    answer = json.dumps({"status": "accepted", "lead_id": lead_id})
    return func.HttpResponse(answer, status_code=202, mimetype="application/json")


@app.function_name("deliver")
@app.queue_trigger(arg_name="message", queue_name="leads", connection="AzureWebJobsStorage")
def deliver_lead(message: func.QueueMessage) -> None:
    lead_id = message.get_body().decode()
    lead = json.loads(ledger.get_entity(**_arguments(lead_id))["Payload"])
    claims.create_entity({**_key(lead_id), "LeadId": lead_id})
    person = lead["UserDetails"]
    row = {
        "leadid": lead_id,
        "subject": lead["OfferTitle"],
        "firstname": person["FirstName"],
        "lastname": person["LastName"],
        "emailaddress1": person["Email"],
        "companyname": person["Company"],
    }
    token = _application().acquire_token_for_client([f"{DYNAMICS}/.default"])["access_token"]
    session.post(
        f"{DYNAMICS}/api/data/v9.2/leads", json=row, headers={"Authorization": f"Bearer {token}"}, timeout=30
    ).raise_for_status()
    ledger.update_entity({**_key(lead_id), "State": "written", "WrittenAt": datetime.now(UTC)})


@cache
def _application() -> "ConfidentialClientApplication":
    import msal

    return msal.ConfidentialClientApplication(
        os.environ["DATAVERSE_CLIENT_ID"],
        client_credential=os.environ["DATAVERSE_CLIENT_SECRET"],
        authority=f"{os.environ['DATAVERSE_AUTHORITY']}/{os.environ['DATAVERSE_TENANT_ID']}",
        instance_discovery=False,
    )


def _key(lead_id: str) -> dict[str, str]:
    return {"PartitionKey": "leads", "RowKey": lead_id}


def _arguments(lead_id: str) -> dict[str, str]:
    return {"partition_key": "leads", "row_key": lead_id}
