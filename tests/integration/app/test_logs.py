"""What a whole run logs at its most talkative: no lead, no key, no secret, no token."""

import base64

import requests

from leadpipe.model.record import State
from tests.factories import payload
from tests.integration.conftest import Starter
from tests.standin_process import Standin

VERBOSE = {
    "AzureFunctionsJobHost__logging__logLevel__default": "Trace",
    "AzureFunctionsJobHost__logging__logLevel__Azure": "Trace",
}
LEAD = {
    "FirstName": "Xaverine",
    "LastName": "Quillfeather",
    "Email": "xq@zephyrine.example",
    "Phone": "+49 555 0199 777",
    "Country": "Ruritania",
    "Company": "Zephyrine Works",
    "Title": "Chief Kite Officer",
    "OfferTitle": "Gizmotron",
    "LeadSource": "AzureMarketplace-INS|zephyrpub.gizmo",
    "Description": "please whisper",
}


def test_nothing_of_a_lead_and_no_credential_is_logged_at_any_level(
    start_app: Starter, storage_account: str, standin: Standin
) -> None:
    app = start_app(storage_account, "--enable-auth", **VERBOSE)
    key = app.host.function_key()
    tokens_before = standin.token()

    def post(body: str) -> requests.Response:
        return app.host.post(f"/api/leads?code={key}", data=body.encode())

    assert post(payload(**LEAD)[:-1]).status_code == 400
    assert app.host.post("/api/leads?code=wrong-key", data=b"{}").status_code == 401
    lead_id = post(payload(**LEAD)).json()["lead_id"]
    assert app.settled(lead_id).state is State.WRITTEN
    assert app.settled(post(payload(**LEAD)).json()["lead_id"]).state is State.DUPLICATE
    standin.fault("plugin_abort", count=1)
    poisoned = app.settled(post(payload(**LEAD, ActionCode="PLT")).json()["lead_id"])
    assert poisoned.state is State.POISONED
    standin.fault("empty_401", count=None)
    app.reaching(post(payload(**LEAD, ActionCode="Create")).json()["lead_id"], frozenset({State.DEFERRED}))
    log = app.host.log
    assert lead_id in log
    secrets = [standin.settings["DATAVERSE_CLIENT_SECRET"], tokens_before, key, "wrong-key"]
    secrets += [part.partition("=")[2] for part in storage_account.split(";") if part.startswith("AccountKey=")]
    for secret in [*LEAD.values(), *secrets, "zephyrpub", "Bearer "]:
        assert secret not in log, secret
    assert base64.b64encode(payload(**LEAD).encode()).decode()[:40] not in log
