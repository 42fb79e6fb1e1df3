"""One lead from the marketplace into Dynamics, over real HTTP, real storage and real TLS."""

import json
import threading
from collections import Counter
from typing import Any

import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from leadpipe.model.envelope import Envelope
from leadpipe.model.record import State
from tests.factories import payload, sample
from tests.host_process import until
from tests.integration.conftest import App, Starter
from tests.standin_process import Standin

# What a salesperson sees in Dynamics of each of Microsoft's documented leads, besides the description.
EXPECTED: dict[str, dict[str, Any]] = {
    "https-documented.json": {
        "subject": "Test Microsoft – Installation – Contoso",
        "firstname": "Some",
        "lastname": "One",
        "companyname": "Contoso",
        "jobtitle": "Esquire",
        "emailaddress1": "someone@contoso.com",
        "telephone1": "16175555555",
        "address1_country": "USA",
    },
    "test-lead.json": {
        "subject": "Contoso Test – Installation – MSFT_TEST_636573304831318844",
        "firstname": "MSFT_TEST_636573304831318844",
        "lastname": "MSFT_TEST_636573304831318844",
        "emailaddress1": "MSFT_TEST_636573304831318844@test.com",
        "telephone1": "1234567890",
        "address1_country": "US",
    },
    "source-triple.json": {
        "subject": "bitnami.openedxcypress – Contact me – Microsoft",
        "lastname": "Smith",
        "jobtitle": "CTO",
    },
    "do-not-contact.json": {
        "subject": "Contoso Sign – Do not contact – Fabrikam",
        "lastname": "Doe",
        "donotemail": True,
        "donotbulkemail": True,
        "donotphone": True,
        "donotpostalmail": True,
        "donotfax": True,
    },
    "withheld.json": {
        "subject": "Contoso Lab Image – Purchase",
        "lastname": "(withheld)",
        "address1_country": "US",
    },
}


def in_dynamics(standin: Standin) -> dict[str, dict[str, Any]]:
    return {lead["leadid"]: lead for lead in standin.leads()}


def test_each_documented_lead_is_found_in_dynamics_with_the_columns_of_the_default_mapping(
    app: App, standin: Standin
) -> None:
    ids = {name: app.accepted(sample(name)) for name in EXPECTED}
    for name, lead_id in ids.items():
        assert app.settled(lead_id).state is State.WRITTEN, name
        lead = in_dynamics(standin)[lead_id]
        assert {column: lead.get(column) for column in EXPECTED[name]} == EXPECTED[name]
        assert lead["leadsourcecode"] == 8
        assert lead["description"].endswith(f"Lead id: {lead_id}")


def test_two_leads_that_differ_only_in_the_case_of_their_keys_are_one(app: App, standin: Standin) -> None:
    first = app.accepted(sample("https-documented.json"))
    app.settled(first)
    second = app.accepted(sample("https-camel-case.json"))
    assert app.settled(second).duplicate_of == first
    assert [*in_dynamics(standin)] == [first]


def test_a_lead_is_written_with_one_request_to_dynamics(app: App, standin: Standin) -> None:
    app.settled(app.accepted(payload(FirstName="first, which signs in")))
    standin.control("DELETE", "requests")
    app.settled(app.accepted(payload()))
    assert standin.control("GET", "requests")["total"] == 1


def test_the_same_envelope_delivered_twice_at_the_same_moment_makes_one_lead(
    start_app: Starter, storage_account: str, standin: Standin
) -> None:
    held = start_app(storage_account, **{"AzureWebJobs.deliver.Disabled": "true"})
    lead_id = held.accepted(payload())
    queue = QueueClient.from_connection_string(storage_account, "leads", message_encode_policy=TextBase64EncodePolicy())
    for _ in range(5):
        queue.send_message(Envelope(lead_id=lead_id, attempt=1, payload=payload()).to_text())
    standin.fault("hang", seconds=0.5, count=None)  # so that all of them are under way at once
    app = start_app(storage_account)
    assert app.settled(lead_id).state is State.WRITTEN
    until(lambda: queue.get_queue_properties().approximate_message_count == 0, "an empty queue")
    assert [*in_dynamics(standin)] == [lead_id]
    assert app.record(lead_id).state is State.WRITTEN
    assert app.ledger.events(lead_id) == []


def test_one_payload_posted_twenty_times_at_once_makes_one_lead_and_nineteen_visible_duplicates(
    app: App, standin: Standin
) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(app.accepted(payload()))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = [app.settled(lead_id) for lead_id in ids]
    assert Counter(record.state for record in records) == {State.WRITTEN: 1, State.DUPLICATE: 19}
    (lead_id,) = in_dynamics(standin)
    assert {record.duplicate_of for record in records} == {"", lead_id}


def test_a_reply_lost_after_the_create_makes_one_lead(app: App, standin: Standin) -> None:
    app.settled(app.accepted(payload(FirstName="first, which signs in")))
    standin.control("DELETE", "leads")
    standin.fault("commit_then_drop", count=1)
    lead_id = app.accepted(payload())
    app.reaching(lead_id, frozenset({State.DEFERRED}))
    assert app.settled(lead_id).state is State.WRITTEN
    assert [*in_dynamics(standin)] == [lead_id]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "plugin_abort"}, "plugin_refused"),
        ({"kind": "duplicate_rule"}, "duplicate_rule"),
        ({"kind": "plugin_412"}, "id_taken"),
    ],
)
def test_what_no_retry_can_fix_is_poisoned_with_its_cause_after_one_call(
    app: App, standin: Standin, fault: dict[str, Any], reason: str
) -> None:
    standin.fault(**fault, count=None)
    lead_id = app.accepted(payload())
    record = app.settled(lead_id)
    assert (record.state, record.reason) == (State.POISONED, reason)
    posts = [row for row in standin.control("GET", "requests")["counts"] if row["method"] == "POST"]
    assert sum(row["count"] for row in posts if "leads" in row["path"]) == 1


def test_without_an_organisation_a_lead_rests_in_the_fallback_table(start_app: Starter, storage_account: str) -> None:
    names = ("URL", "AUTHORITY", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
    app = start_app(storage_account, **{f"DATAVERSE_{name}": "" for name in names})
    record = app.settled(app.accepted(payload()))
    assert (record.state, record.reason) == (State.FALLBACK, "no_dynamics")


def test_a_wrong_secret_leaves_the_lead_waiting_with_its_cause(start_app: Starter, storage_account: str) -> None:
    app = start_app(storage_account, DATAVERSE_CLIENT_SECRET="wrong")
    record = app.reaching(app.accepted(payload()), frozenset({State.DEFERRED}))
    assert record.reason == "secret_wrong"


def test_wrong_dynamics_settings_never_stop_intake_and_are_named(start_app: Starter, storage_account: str) -> None:
    literal = "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/lead)"
    app = start_app(storage_account, DATAVERSE_CLIENT_SECRET=literal)
    record = app.reaching(app.accepted(payload()), frozenset({State.DEFERRED}))
    assert record.reason == "settings"
    assert "DATAVERSE_CLIENT_SECRET" in record.detail
    assert "contoso.vault" not in record.detail


def test_a_token_that_dynamics_refuses_is_replaced_once(app: App, standin: Standin) -> None:
    app.settled(app.accepted(payload(FirstName="first, which signs in")))
    standin.fault("empty_401", count=1)
    assert app.settled(app.accepted(payload())).state is State.WRITTEN


def test_health_is_green_while_storage_answers(app: App) -> None:
    answer = app.host.get("/api/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_the_answer_to_a_lead_is_the_contract(app: App) -> None:
    answer = app.post(payload())
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    assert {*json.loads(answer.content)} == {"status", "lead_id"}
