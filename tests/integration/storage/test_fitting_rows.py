"""Leads of every shape and size, kept and settled in the real tables: no row is ever refused."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadpipe.delivery import deliver
from leadpipe.intake import take
from leadpipe.ledger_writes import write
from leadpipe.model.change import Discarded, Poisoned, Replayed
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import InvalidLead
from leadpipe.model.lead_id import ENTROPY_BYTES, new_lead_id
from leadpipe.model.ports import Ports
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings, StorageByKey
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.fallback import TABLE as FALLBACK
from leadpipe.sweep import sweep
from leadpipe.wiring import now
from tests.factories import payload, record
from tests.fakes import FakeDynamics
from tests.real_ports import ports_on

SETTINGS = Settings(storage=None, dataverse=None)
KEPT_LOCALLY = frozenset({State.WRITTEN, State.DUPLICATE})


def compact(**fields: Any) -> str:
    """A post without a blank: as text, nested values get blanks."""
    return json.dumps(json.loads(payload(**fields)), separators=(",", ":"), ensure_ascii=False)


# Values that grow when they become text: a JSON text in a text has its quotation marks escaped.
POSTS = {
    "a nested list": compact(Company=[0] * 15_500),
    "a nested list of empty texts": compact(Company=[""] * 10_000),
    "a nested title": compact(Title=["a"] * 7_000),
    "a nested description": compact(Description=[0] * 15_500),
    "nested objects": compact(Email={f"k{number}": "" for number in range(2_900)}),
    "a long text in many fields": compact(**dict.fromkeys(("FirstName", "Email", "Company"), "é" * 5_000)),
    "a long text of quotation marks": compact(Title='"' * 15_000),
    "a long text of emoji": compact(OfferTitle="😀" * 7_800),
    "control characters": compact(Company="\x00\x01" * 2_500),
    "characters that XML does not have": compact(Company="\ufffe\uffff" * 5_000),
    "lone surrogates": '{"UserDetails": {"Company": "' + "\\ud83d" * 5_000 + '"}}',
    "a long number": '{"UserDetails": {"Phone": ' + "9" * 4_000 + "}}",
}


@dataclass
class Stores:
    storage: Storage
    ports: Ports
    dynamics: FakeDynamics

    def post(self, body: bytes) -> str:
        return take(
            body,
            at=now(),
            entropy=os.urandom(ENTROPY_BYTES),
            ledger=self.ports.ledger,
            queue=self.ports.queue,
        )

    def deliver(self, text: str) -> None:
        deliver(text, dequeue_count=1, chance=0.5, now=now, ports=self.ports, settings=SETTINGS)

    def record(self, lead: str) -> Record:
        found = self.ports.ledger.read(lead)
        assert found is not None
        return found

    def fallback_row(self, lead: str) -> dict[str, Any]:
        (row,) = self.storage.table(FALLBACK).query_entities(f"RowKey eq '{lead}'")
        return dict(row)


@pytest.fixture(scope="module")
def stores(module_storage_account: str) -> Iterator[Stores]:
    storage = connect(StorageByKey(connection_string=module_storage_account), retries=1)
    dynamics = FakeDynamics([])
    return Stores(storage, ports_on(storage, dynamics), dynamics)


def message_of(record: Record) -> str:
    return Envelope.for_payload(record.lead_id, record.text, attempt=record.attempt).to_text()


@pytest.mark.parametrize("posted", POSTS.values(), ids=[*POSTS])
def test_a_lead_whose_values_grow_is_accepted_delivered_and_read_back_whole(stores: Stores, posted: str) -> None:
    lead = stores.post(posted.encode())
    accepted = stores.record(lead)
    assert (accepted.state, accepted.payload) == (State.ACCEPTED, posted)
    assert accepted == Record.accepted(lead, posted)
    stores.deliver(message_of(accepted))
    assert stores.record(lead).state in KEPT_LOCALLY


@pytest.mark.parametrize("posted", POSTS.values(), ids=[*POSTS])
def test_its_fallback_row_is_there_and_its_customer_is_json(stores: Stores, posted: str) -> None:
    lead = stores.post(posted.encode())
    stores.ports.fallback.keep(stores.record(lead))
    row = stores.fallback_row(lead)
    customer = json.loads(row["CustomerInfo"])
    assert {*customer} == {"FirstName", "LastName", "Email", "Phone", "Country", "Company", "Title"}
    assert all(isinstance(value, str) for value in customer.values())
    assert row["LeadId"] == lead


def test_the_longest_values_of_a_customer_lose_their_ends_and_no_others(stores: Stores) -> None:
    lead = stores.post(compact(Title=["a"] * 7_000, Email="jane@contoso.com").encode())
    stores.ports.fallback.keep(stores.record(lead))
    customer = json.loads(stores.fallback_row(lead)["CustomerInfo"])
    assert customer["Email"] == "jane@contoso.com"
    assert customer["Title"].startswith('["a", "a", ')
    assert len(customer["Title"]) > 15_000


@pytest.mark.parametrize("size", [33_000, 40_000, 47_000])
def test_a_message_larger_than_a_post_makes_its_record_and_is_delivered(stores: Stores, size: int) -> None:
    lead = new_lead_id(now(), os.urandom(ENTROPY_BYTES))
    posted = payload(Description="x" * size)
    stores.deliver(json.dumps({"v": 1, "lead_id": lead, "attempt": 1, "payload": posted}))
    written = stores.record(lead)
    assert (written.state, written.payload) == (State.WRITTEN, posted)
    assert lead in stores.dynamics.leads


def test_a_lead_larger_than_a_post_is_poisoned_and_replayed_like_any_other(stores: Stores) -> None:
    lead = new_lead_id(now(), os.urandom(ENTROPY_BYTES))
    made = stores.ports.ledger.insert(Record.accepted(lead, payload(Description="y" * 40_000)))
    assert made is not None
    for change in (Poisoned(reason="too_long", detail="x" * 9_000), Replayed(actor="jane" * 200)):
        write(stores.record(lead), change, now, ledger=stores.ports.ledger)
    stores.deliver(message_of(stores.record(lead)))
    assert stores.record(lead).state is State.WRITTEN
    assert [event.event for event in stores.ports.ledger.events(lead)] == ["poisoned", "replayed"]


def test_a_written_record_equals_what_is_read_back_however_long_its_texts_were(stores: Stores) -> None:
    lead = new_lead_id(now(), os.urandom(ENTROPY_BYTES))
    made = stores.ports.ledger.insert(record(lead, reason="r" * 500, detail="😀" * 9_000, name="n" * 40_000))
    assert made is not None
    assert stores.record(lead) == made
    for change in (Poisoned(reason="x", detail="d" * 40_000), Discarded(actor="a" * 40_000, why="w" * 40_000)):
        made = write(made, change, now, ledger=stores.ports.ledger)
        assert stores.record(lead) == made
    assert len(stores.ports.ledger.events(lead)) == 2


def test_numbers_that_no_cell_holds_are_bounded(stores: Stores) -> None:
    lead = new_lead_id(now(), os.urandom(ENTROPY_BYTES))
    assert stores.ports.ledger.insert(record(lead, rounds=2**40, attempt=3)) is not None


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({"Description": "x" * 32_000, "CustomerInfo": "{}"}, State.WRITTEN),
        ({"Description": "x" * 30_000, "OfferDisplayName": "y" * 30_000}, State.WRITTEN),
        ({f"Column{number}": "z" * 32_000 for number in range(4)}, State.POISONED),
        ({"Description": '"' * 32_000, "OfferDisplayName": '"' * 32_000}, State.POISONED),
    ],
    ids=["large", "larger", "largest", "growing"],
)
def test_a_row_of_the_marketplace_is_taken_in_whatever_its_size(
    storage_account: str, columns: dict[str, str], state: State
) -> None:
    storage = connect(StorageByKey(connection_string=storage_account), retries=1)
    dynamics = FakeDynamics([])
    stores = Stores(storage, ports_on(storage, dynamics), dynamics)
    sweep(now=lambda: now() - timedelta(hours=1), chance=0.5, ports=stores.ports, settings=SETTINGS)
    table = storage.table(FALLBACK)
    table.create_table()
    table.create_entity({"PartitionKey": "p", "RowKey": "r", "LeadSource": "AzureMarketplace", **columns})
    sweep(now=now, chance=0.5, ports=stores.ports, settings=SETTINGS)
    (kept,) = stores.ports.ledger.between(date(2020, 1, 1), now().date())
    if state is State.POISONED:
        assert (kept.state, kept.reason) == (State.POISONED, "too_large")
        return
    stores.deliver(Envelope.for_payload(kept.lead_id, None, attempt=1).to_text())
    assert stores.record(kept.lead_id).state is State.WRITTEN


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
SIZED = st.builds(lambda value, times: [value] * times, ANY_JSON, st.sampled_from([1, 50, 3_000]))
FIELD = ANY_JSON | SIZED | st.builds(lambda text, times: text * times, st.text(), st.sampled_from([1, 100, 8_000]))
PERSON = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("FirstName", "LastName", "Email", "Phone", "Country", "Company", "Title"), FIELD)
)
LEAD = st.fixed_dictionaries(
    {"UserDetails": PERSON | FIELD},
    optional=dict.fromkeys(("LeadSource", "ActionCode", "OfferTitle", "Description", "CustomerInfo"), FIELD),
)


@given(posted=LEAD)
@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
def test_whatever_is_posted_is_kept_and_settled_in_every_table(stores: Stores, posted: dict[str, Any]) -> None:
    body = json.dumps(posted).encode()[: 32 * 1024]
    try:
        lead = stores.post(body)
    except InvalidLead:
        return  # it was answered with 400, and is kept as rejected
    accepted = stores.record(lead)
    assert accepted.state is State.ACCEPTED
    stores.ports.fallback.keep(accepted)
    assert json.loads(stores.fallback_row(lead)["CustomerInfo"])
    stores.deliver(message_of(accepted))
    assert stores.record(lead).state in KEPT_LOCALLY
