"""`leadpipe balance` on a real account: each store damaged in turn, and the line that it gets."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from leadpipe.cli import balance
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import StorageFailed
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import State
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import Storage
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.rows import keys
from tests.factories import record
from tests.integration.cli.conftest import Runner
from tests.standin_process import Standin

HOUR = timedelta(hours=1)


@dataclass
class Books:
    """A whole set of leads, two of each state, in every store; and the hand that damages it."""

    storage: Storage
    account: str

    def __post_init__(self) -> None:
        self.ledger, self.claims = AzureLedger(self.storage), AzureClaims(self.storage)
        self.fallback = AzureFallback(self.storage)
        self.leads: dict[State, list[str]] = {state: [] for state in State}
        self.now = datetime.now(UTC)
        for number, state in enumerate([*State] * 2):
            self._keep(number, state)

    def _keep(self, number: int, state: State) -> None:
        lead = new_lead_id(self.now - (30 - number) * HOUR, number.to_bytes(10, "big"))
        holder = self.leads[State.WRITTEN][0] if state in {State.DUPLICATE, State.MERGED} else ""
        made = record(lead, state=state, next_try_at=self.now, updated_at=self.now, duplicate_of=holder)
        self.ledger.insert(made if state is not State.ERASED else replace(made, payload=None))
        self.claims.take(Claim(fingerprint=f"{number:064x}", lead_id=lead, received_at=made.received_at))
        if state is State.FALLBACK:
            self.fallback.keep(made)
        self.leads[state].append(lead)

    def merge(self, state: State, **columns: Any) -> str:
        """Changes the first record of that state behind leadpipe's back."""
        lead = self.leads[state][0]
        partition_key, row_key = keys(lead)
        table = self.storage.table("leadledger")
        table.update_entity({"PartitionKey": partition_key, "RowKey": row_key, **columns})
        return lead

    def delete(self, state: State) -> str:
        lead = self.leads[state][0]
        self.storage.table("leadledger").delete_entity(*keys(lead))
        return lead

    def damage(self, state: State, **columns: object) -> str:
        """Writes these columns as nobody writes them; the keys of the row."""
        self.merge(state, **columns)
        return "/".join(keys(self.leads[state][0]))

    def lose_payload(self) -> str:
        lead = self.leads[State.POISONED][0]
        table = self.storage.table("leadledger")
        row = {**table.get_entity(*keys(lead))}
        del row["Payload"]
        table.update_entity(row, mode="replace")  # type: ignore[arg-type]
        return lead


@pytest.fixture
def books(storage: Storage, storage_account: str) -> Books:
    return Books(storage, storage_account)


def found(run: Runner, *options: str) -> list[tuple[str, str]]:
    (told,) = run("balance", "--json", *options).records
    return [(offender["what"], offender["id"]) for offender in told["offenders"]]


@pytest.mark.usefixtures("books")
def test_received_is_the_sum_of_its_states_and_all_is_accounted_for(run: Runner) -> None:
    ran = run("balance")
    assert ran.code == 0
    assert {line.split()[0]: line.split()[1] for line in ran.lines[2:-1]} == dict.fromkeys(State, "2")
    assert ran.lines[-1].split() == ["received", str(2 * len(State))]
    assert "every lead is accounted for" in ran.err
    (told,) = run("balance", "--json").records
    assert (told["received"], sum(told["states"].values()), told["offenders"]) == (2 * len(State), 2 * len(State), [])


def overdue(books: Books) -> str:
    return books.merge(State.ACCEPTED, NextTryAt=books.now - 2 * HOUR)


def row_lost(books: Books) -> str:
    books.fallback.remove(books.leads[State.FALLBACK][0])
    return books.leads[State.FALLBACK][0]


def record_of_row_lost(books: Books) -> str:
    return books.delete(State.FALLBACK)


def holder_lost(books: Books) -> str:
    books.merge(State.WRITTEN, State="discarded")
    return books.leads[State.DUPLICATE][0]


def record_of_claim_lost(books: Books) -> str:
    return books.delete(State.KEPT)


def holders_record_lost(books: Books) -> str:
    books.delete(State.WRITTEN)
    return books.leads[State.DUPLICATE][0]


def payload_lost(books: Books) -> str:
    return books.lose_payload()


def payload_emptied(books: Books) -> str:
    return books.merge(State.POISONED, Payload="")


def state_unknown(books: Books) -> str:
    return books.damage(State.WRITTEN, State="postponed")


def time_as_text(books: Books) -> str:
    return books.damage(State.DEFERRED, NextTryAt="tomorrow")


def id_of_no_lead(books: Books) -> str:
    return books.damage(State.KEPT, LeadId="rubbish")


def count_as_text(books: Books) -> str:
    return books.damage(State.POISONED, Attempt="one")


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (overdue, "overdue"),
        (row_lost, "fallback_without_row"),
        (record_of_row_lost, "row_without_record"),
        (holder_lost, "duplicate_not_held"),
        (record_of_claim_lost, "claim_without_record"),
        (holders_record_lost, "duplicate_holder_gone"),
        (payload_lost, "poisoned_without_payload"),
        (payload_emptied, "poisoned_without_payload"),
        (state_unknown, "record_damaged"),
        (time_as_text, "record_damaged"),
        (id_of_no_lead, "record_damaged"),
        (count_as_text, "record_damaged"),
    ],
)
def test_a_damaged_store_is_seen_by_the_id_of_its_lead(
    run: Runner, books: Books, damage: Callable[[Books], str], what: str
) -> None:
    lead = damage(books)
    ran = run("balance")
    assert ran.code == 1
    assert [what, lead] in [line.split()[:2] for line in ran.lines]
    assert "a person is needed" in ran.err
    assert (what, lead) in found(run)


@pytest.mark.parametrize("damage", [state_unknown, time_as_text, id_of_no_lead, count_as_text])
def test_one_damaged_row_is_named_and_left_out_while_every_other_lead_is_shown(
    run: Runner, books: Books, damage: Callable[[Books], str], caplog: pytest.LogCaptureFixture
) -> None:
    row = damage(books)
    assert len(run("leads", "--json").records) == 2 * len(State) - 1
    assert row in caplog.text
    assert run("status").code in {0, 1}
    (broken,) = [each for leads in books.leads.values() for each in leads if "/".join(keys(each)) == row]
    with pytest.raises(StorageFailed, match="record_damaged"):
        run("show", broken)


def test_a_message_that_the_sweep_left_on_the_poison_queue_is_seen(
    run: Runner, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = QueueClient.from_connection_string(books.account, "leads-poison")
    queue.create_queue()
    queue.send_message(base64.b64encode(b"rubbish").decode())
    assert found(run) == []
    monkeypatch.setattr(balance, "now", lambda: datetime.now(UTC) + 2 * HOUR)
    told = dict(found(run, "--since", "40h"))
    assert "on_poison_queue" in told


def test_leads_that_are_only_on_the_queue_are_named_or_counted(
    run: Runner, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = AzureLeadQueue(books.storage.queues)
    alone = [record(new_lead_id(books.now, bytes([number] * 10))) for number in range(7)]
    for lead in alone:
        delay = HOUR if lead is not alone[0] else timedelta(0)
        queue.put(Envelope.for_payload(lead.lead_id, lead.text, attempt=1).to_text(), delay=delay)
    monkeypatch.setattr(balance, "now", lambda: datetime.now(UTC) + timedelta(minutes=30))
    # Two leads are accepted and two are deferred; a message each is theirs.
    assert found(run) == [("message_without_record", alone[0].lead_id), ("message_without_record", "2 messages")]
    ran = run("balance")
    assert (ran.code, "every lead is accounted for" in ran.err) == (1, False)


def test_a_day_and_a_span_have_their_own_leads_and_offenders(run: Runner, books: Books) -> None:
    lead = overdue(books)
    received = books.leads[State.ACCEPTED][0]
    day = (books.now - 30 * HOUR).date()
    assert lead == received
    assert found(run, "--day", f"{day}") == [("overdue", lead)]
    assert found(run, "--since", "20h") == []
    (told,) = run("balance", "--json", "--since", "10h").records
    assert told["received"] < 2 * len(State)
    assert run("balance", "--day", f"{day}", "--since", "1d").code == 2
    assert run("balance", "--day", "yesterday").code == 2


def test_an_account_without_any_table_balances(run: Runner) -> None:
    ran = run("balance")
    assert (ran.code, ran.lines[-1].split()) == (0, ["received", "0"])


def test_dynamics_is_asked_for_each_lead_and_note_and_absent_ones_are_only_named(
    run_with_dynamics: Runner, books: Books, standin: Standin
) -> None:
    (there, absent), (note, absent_note) = books.leads[State.WRITTEN], books.leads[State.MERGED]
    assert standin.create(leadid=there, lastname="Ito").status_code == 204
    standin.make_note(note, there)
    (told,) = run_with_dynamics("balance", "--dynamics", "--json").records
    assert [(found["what"], found["id"]) for found in told["notes"]] == [
        ("not_in_dynamics", absent),
        ("note_not_in_dynamics", absent_note),
    ]
    ran = run_with_dynamics("balance", "--dynamics")
    assert (ran.code, absent in ran.out, absent_note in ran.out) == (0, True, True)


def test_dynamics_that_asks_for_a_pause_is_waited_for(
    run_with_dynamics: Runner, books: Books, standin: Standin
) -> None:
    for lead in books.leads[State.WRITTEN]:
        standin.create(leadid=lead, lastname="Ito")
    for note in books.leads[State.MERGED]:
        standin.make_note(note, books.leads[State.WRITTEN][0])
    standin.fault("status", status=429, code="0x80072322", count=1, retry_after=1)
    (told,) = run_with_dynamics("balance", "--dynamics", "--json").records
    assert told["notes"] == []
