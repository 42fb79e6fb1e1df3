"""What operators read of the stores, be it the fakes or the real ones."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.storage.queue import QueueClient

from leadpipe.model.canary_form import SOURCE as CANARY_SOURCE
from leadpipe.model.change import Edited, Poisoned, Replayed, transition
from leadpipe.model.claim import Claim
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Arrival, Claims, Fallback, Ledger, PoisonQueue
from leadpipe.model.record import TO_COUNT, TO_GROUP, TO_LIST, Record, State
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.poison_queue import AzurePoisonQueue
from tests.factories import LEAD_ID, RECEIVED_AT, lead_id, payload, record
from tests.fakes import FakeFallback, FakePoisonQueue

DAY = timedelta(days=1)
TODAY = RECEIVED_AT.date()


def test_records_between_two_days_come_by_day_and_newest_first_within_it(ledger: Ledger) -> None:
    for number, after in enumerate((0, 2, 3, 3.2, 5)):
        ledger.insert(record(lead_id(after * DAY, number)))
    found = ledger.between(TODAY + 2 * DAY, TODAY + 4 * DAY)
    assert [r.received_at - RECEIVED_AT for r in found] == [2 * DAY, 3.2 * DAY, 3 * DAY]


def test_records_between_two_days_are_of_the_states_and_without_payloads_unless_asked_for(ledger: Ledger) -> None:
    ledger.insert(record())
    ledger.insert(record(lead_id(number=1), state=State.POISONED))
    poisoned = frozenset({State.POISONED})
    assert [r.payload for r in ledger.between(TODAY, TODAY, states=poisoned)] == [None]
    assert [r.payload for r in ledger.between(TODAY, TODAY, states=poisoned, payloads=True)] == [payload()]


@pytest.mark.parametrize("fields", [TO_COUNT, TO_GROUP, TO_LIST])
def test_records_with_some_fields_have_those_and_no_others(ledger: Ledger, fields: frozenset[str]) -> None:
    times = {"written_at": RECEIVED_AT + timedelta(seconds=2), "next_try_at": RECEIVED_AT, "failing_since": RECEIVED_AT}
    whole = record(state=State.FALLBACK, reason="throttled", detail="429", attempt=3, rounds=1, is_test=True, **times)
    ledger.insert(whole)
    (found,) = ledger.between(TODAY, TODAY, fields=fields, page=1)
    assert {name: getattr(found, name) for name in fields} == {name: getattr(whole, name) for name in fields}
    bare = Record(lead_id=whole.lead_id, state=whole.state, received_at=RECEIVED_AT, updated_at=RECEIVED_AT)
    assert replace(found, **{name: getattr(bare, name) for name in fields}) == bare


def test_whether_a_lead_is_a_canary_is_known_from_some_fields(ledger: Ledger) -> None:
    ledger.insert(record(state=State.KEPT, is_test=True, source=CANARY_SOURCE, fingerprint=""))
    for fields in (TO_COUNT, TO_GROUP, TO_LIST):
        assert [found.is_canary for found in ledger.between(TODAY, TODAY, fields=fields)] == [True]


def test_a_ledger_without_any_lead_has_none_between_any_days(ledger: Ledger) -> None:
    assert list(ledger.between(TODAY - 400 * DAY, TODAY)) == []


def test_the_events_that_may_quote_a_lead_are_those_with_a_payload_or_a_detail(ledger: Ledger) -> None:
    made = ledger.insert(record())
    assert made is not None
    ledger.insert(record(lead_id(5 * DAY)))
    changes = (Poisoned(reason="x"), Edited(actor="op", payload=payload(Email="")), Replayed(actor="op"))
    for seconds, change in enumerate((*changes, Poisoned(reason="x", detail="jane"))):
        after, event = transition(made, change, at=RECEIVED_AT + timedelta(seconds=seconds)) or (made, None)
        made = ledger.write(made, after, event)
    quotes = sorted(ledger.quotes(TODAY, TODAY, damage=[]), key=lambda event: event.at)
    assert [(event.event, event.payload, event.detail) for event in quotes] == [
        ("edited", payload(), ""),
        ("poisoned", None, "jane"),
    ]
    assert list(ledger.quotes(TODAY + DAY, TODAY + 9 * DAY, damage=[])) == []


def test_what_may_quote_the_lead_goes_from_its_history_and_that_it_happened_stays(ledger: Ledger) -> None:
    made = ledger.insert(record())
    assert made is not None
    for seconds, change in enumerate(
        (Poisoned(reason="x", detail="jane"), Edited(actor="op", payload=payload(Email="")))
    ):
        after, event = transition(made, change, at=RECEIVED_AT + timedelta(seconds=seconds)) or (made, None)
        made = ledger.write(made, after, event)
    ledger.forget_details(made.lead_id)
    events = ledger.events(made.lead_id)
    assert [(event.event, event.payload, event.detail) for event in events] == [
        ("poisoned", None, ""),
        ("edited", None, ""),
    ]
    assert (events[0].reason, events[1].actor) == ("x", "op")
    assert ledger.read(made.lead_id) == made


# claims

MINE = Claim(fingerprint="ab" * 32, lead_id=lead_id(), received_at=RECEIVED_AT)


def test_a_claim_is_read_without_being_taken(claims: Claims) -> None:
    assert claims.read(MINE.fingerprint) is None
    claims.take(MINE)
    assert claims.read(MINE.fingerprint) == MINE
    assert claims.read("cd" * 32) is None


def test_claims_are_those_of_leads_received_within_the_time(claims: Claims) -> None:
    assert list(claims.of_leads_received(RECEIVED_AT, RECEIVED_AT + DAY)) == []
    for days in range(4):
        at = RECEIVED_AT + days * DAY
        claims.take(replace(MINE, fingerprint=f"{days:064}", lead_id=lead_id(days * DAY), received_at=at))
    found = claims.of_leads_received(RECEIVED_AT + DAY, RECEIVED_AT + 3 * DAY)
    assert sorted(claim.received_at for claim in found) == [RECEIVED_AT + DAY, RECEIVED_AT + 2 * DAY]


# the fallback table


@pytest.fixture
def stored(kind: str, request: pytest.FixtureRequest) -> tuple[Fallback, Callable[[], Record]]:
    """The fallback table, and a way to let the marketplace write a row there and take it in."""
    if kind == "fake":
        fake = FakeFallback([])

        def arrive() -> Record:
            fake.from_the_marketplace.append(Arrival(key="ab" * 32, at=RECEIVED_AT, payload=payload(TableRow={})))
            return taken_in(fake.from_the_marketplace[0])

        return fake, arrive
    storage = request.getfixturevalue("storage")
    real, table = AzureFallback(storage), storage.table("marketplaceleads")

    def write() -> Record:
        table.create_table()
        table.create_entity({"PartitionKey": "20260101", "RowKey": "r", "LeadSource": "s", "CustomerInfo": "{}"})
        (arrival,) = real.arrivals(RECEIVED_AT - 400 * DAY)
        return taken_in(arrival)

    return real, write


def taken_in(arrival: Arrival) -> Record:
    return Record.accepted(new_lead_id(arrival.at, bytes.fromhex(arrival.key)), arrival.payload)


def test_a_resting_lead_has_its_own_row(stored: tuple[Fallback, Callable[[], Record]]) -> None:
    fallback, _ = stored
    assert not fallback.has(record())
    fallback.keep(record())
    assert fallback.has(record())
    assert not fallback.has(record(lead_id(number=1)))


def test_a_lead_of_the_marketplaces_own_table_has_the_row_that_it_came_from(
    stored: tuple[Fallback, Callable[[], Record]],
) -> None:
    fallback, arrive = stored
    arrived = arrive()
    fallback.keep(arrived)
    assert fallback.has(arrived)
    assert list(fallback.lead_ids(RECEIVED_AT.date() - 400 * DAY, RECEIVED_AT.date() + DAY)) == []


def test_the_leads_with_a_row_of_their_own_are_those_of_the_days(
    stored: tuple[Fallback, Callable[[], Record]],
) -> None:
    fallback, _ = stored
    assert list(fallback.lead_ids(TODAY, TODAY)) == []
    made = [record(lead_id(days * DAY)) for days in range(4)]
    for each in made:
        fallback.keep(each)
    assert list(fallback.lead_ids(TODAY + DAY, TODAY + 2 * DAY)) == [made[1].lead_id, made[2].lead_id]


def test_all_rows_say_what_is_in_them_and_whose_they_are(
    stored: tuple[Fallback, Callable[[], Record]],
) -> None:
    fallback, arrive = stored
    assert list(fallback.all_rows()) == []
    arrive()
    fallback.keep(record())
    rows = {row.lead_id: Lead.from_payload(row.payload).email for row in fallback.all_rows()}
    assert rows.keys() == {LEAD_ID, ""}
    assert rows[LEAD_ID] == "jane.doe@fabrikam.com"


# the host's poison queue


@pytest.fixture
def poisoned(kind: str, request: pytest.FixtureRequest) -> tuple[PoisonQueue, Callable[[str], object]]:
    """The poison queue, and the host's way to put a message there."""
    if kind == "fake":
        fake = FakePoisonQueue([])
        return fake, fake.holding
    client = QueueClient.from_connection_string(request.getfixturevalue("storage_account"), "leads-poison")

    def hold(text: str) -> object:
        client.create_queue()
        return client.send_message(base64.b64encode(text.encode()).decode())

    return AzurePoisonQueue(request.getfixturevalue("storage").queues), hold


def test_a_peek_leaves_the_message_for_whoever_receives_it(
    poisoned: tuple[PoisonQueue, Callable[[str], object]],
) -> None:
    queue, hold = poisoned
    assert queue.peek() == []
    hold("text")
    (peeked,) = queue.peek()
    assert (peeked.text, peeked.receipt) == ("text", "")
    (received,) = queue.receive()
    assert (received.id, received.inserted_at, received.text) == (peeked.id, peeked.inserted_at, peeked.text)
