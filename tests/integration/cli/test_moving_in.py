"""`leadpipe import table`, `queue` and `file` on real accounts: what an earlier app left is moved in, each once."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from leadpipe.delivery import deliver
from leadpipe.model.errors import LeadpipeError, StorageFailed
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings, StorageByKey
from leadpipe.storage import foreign
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.foreign import AzureForeignQueue
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.wiring import Wiring
from tests.factories import payload
from tests.host_process import until
from tests.integration.cli.conftest import Ran, Runner
from tests.standin_process import Standin

QUEUE = "old-app-poison"
RUN_START = datetime(2026, 3, 1, 9, 30, 15, tzinfo=UTC)


class Died(BaseException):
    """In the place of a kill: nothing catches it."""


def queue_of(account: str, *texts: str | bytes, name: str = QUEUE) -> QueueClient:
    queue = QueueClient.from_connection_string(account, name)
    queue.create_queue()
    for text in texts:
        queue.send_message(text)
    return queue


def table_of(storage: Storage, *rows: dict[str, Any], name: str = "OldLeads") -> None:
    table = storage.table(name)
    table.create_table()
    for number, row in enumerate(rows):
        table.create_entity({"PartitionKey": "p", "RowKey": f"{number}", **row})


def row(email: str) -> dict[str, str]:
    return {"LeadSource": "SPZA-INS", "CustomerInfo": json.dumps({"FirstName": "Jo", "Email": email})}


def file_of(folder: Path, *items: object, name: str = "runs.json") -> str:
    file = folder / name
    file.write_text("\n".join(item if isinstance(item, str) else json.dumps(item) for item in items), encoding="utf-8")
    return str(file)


def records(ledger: AzureLedger) -> list[Record]:
    return list(ledger.between(date(2019, 1, 1), date.max, payloads=True))


def outcomes(ran: Ran) -> list[str]:
    return sorted(each["outcome"] for each in ran.records)


def test_each_message_is_kept_and_then_deleted(run: Runner, ledger: AzureLedger, storage_account: str) -> None:
    queue = queue_of(
        storage_account,
        payload(Email="plain@x.example"),
        base64.b64encode(payload(Email="base64@x.example").encode()).decode(),
        json.dumps({"id": "7f9c", "data": json.loads(payload(Email="wrapped@x.example"))}),
        "no lead",
        json.dumps({"order": 5}),
    )
    before = datetime.now(UTC)
    dry = run("import", "queue", QUEUE, "--dry-run", "--json")
    assert (dry.code, outcomes(dry)) == (0, ["kept as rejected"] * 2 + ["taken in"] * 3)
    assert (ledger.first_day(), len(queue.peek_messages(32))) == (None, 5)
    ran = run("import", "queue", QUEUE, "--yes", "--json")
    assert (ran.code, outcomes(ran)) == (0, outcomes(dry))
    found = records(ledger)
    assert {each.email for each in found} == {"plain@x.example", "base64@x.example", "wrapped@x.example", ""}
    assert {each.payload for each in found if each.state is State.REJECTED} == {b"no lead", b'{"order": 5}'}
    assert all(abs(each.received_at - before) < timedelta(minutes=5) for each in found)
    assert queue.get_queue_properties().approximate_message_count == 0
    again = run("import", "queue", QUEUE, "--yes", "--json")
    assert (again.code, again.records, "about 0 messages" in again.err) == (0, [], True)


def test_rows_of_any_table_of_the_shape_are_taken_in_once(run: Runner, ledger: AzureLedger, storage: Storage) -> None:
    table_of(storage, row("a@x.example"), row("b@x.example"), {"Color": "red"})
    dry = run("import", "table", "OldLeads", "--dry-run", "--json")
    assert (outcomes(dry), ledger.first_day()) == (["kept as rejected", "taken in", "taken in"], None)
    assert "2 leads to take in, last written from" in dry.err
    ran = run("import", "table", "OldLeads", "--yes", "--json")
    assert (ran.code, outcomes(ran)) == (0, outcomes(dry))
    assert sorted((each.state, each.email) for each in records(ledger)) == [
        (State.ACCEPTED, "a@x.example"),
        (State.ACCEPTED, "b@x.example"),
        (State.REJECTED, ""),
    ]
    again = run("import", "table", "OldLeads", "--yes", "--json")
    assert (again.code, outcomes(again)) == (0, ["already here"] * 3)
    assert len([*storage.table("OldLeads").list_entities()]) == 3


def test_the_runs_of_a_flow_are_taken_in_with_their_times(run: Runner, ledger: AzureLedger, tmp_path: Path) -> None:
    body = {"$content-type": "application/json", "$content": base64.b64encode(payload().encode()).decode()}
    start = "2026-03-01T09:30:15.0000000Z"
    file = file_of(tmp_path, {"value": [{"properties": {"startTime": start, "trigger": {"outputs": {"body": body}}}}]})
    assert run("import", "file", file).code == 0
    (found,) = records(ledger)
    assert (found.email, found.received_at) == ("jane.doe@fabrikam.com", RUN_START)
    assert (found.next_try_at or RUN_START) > datetime.now(UTC) - timedelta(minutes=5)  # so that it is not overdue
    longer = file_of(tmp_path, "no JSON", json.loads(Path(file).read_text())["value"][0], payload(), name="longer")
    ran = run("import", "file", longer, "--yes", "--json")
    assert (ran.code, outcomes(ran)) == (0, ["already here", "kept as rejected", "taken in"])
    assert "longer, line 1" in str(ran.records)


def test_old_text_that_is_no_lead_is_kept_as_long_as_a_new_one(
    run: Runner, ledger: AzureLedger, tmp_path: Path
) -> None:
    """Retention counts from the time of receipt."""
    file = file_of(tmp_path, {"time": "2020-01-01T00:00:00Z", "note": "x"}, {"time": "2020-01-01", "body": [payload()]})
    assert run("import", "file", file, "--yes").code == 0
    years = {each.state: each.received_at.year for each in records(ledger)}
    assert years == {State.REJECTED: datetime.now(UTC).year, State.ACCEPTED: 2020}


def test_the_same_lead_in_three_places_is_written_once(
    run_with_dynamics: Runner, storage: Storage, storage_account: str, tmp_path: Path, standin: Standin
) -> None:
    """The row, the message and the file differ in form; the file has no time of its own."""
    customer = {"FirstName": "Jo", "LastName": "Ito", "Email": "jo@x.example"}
    table_of(storage, {"LeadSource": "AzurePortal", "ActionCode": "INS", "CustomerInfo": json.dumps(customer)})
    posted = {"UserDetails": customer, "LeadSource": "AzurePortal", "ActionCode": "INS"}
    queue_of(storage_account, json.dumps({"data": posted}))
    assert run_with_dynamics("import", "table", "OldLeads").code == 0
    assert run_with_dynamics("import", "queue", QUEUE).code == 0
    settings = Settings.from_environment({**standin.settings, "AzureWebJobsStorage": storage_account})
    deliver_all(storage_account, settings)
    assert run_with_dynamics("import", "file", file_of(tmp_path, posted)).code == 0
    deliver_all(storage_account, settings)
    states = [each.state for each in records(AzureLedger(storage))]
    assert sorted(states) == [State.DUPLICATE, State.DUPLICATE, State.WRITTEN]
    assert len(standin.leads()) == 1


def deliver_all(account: str, settings: Settings) -> None:
    queue, ports = QueueClient.from_connection_string(account, "leads"), Wiring(settings).delivery()
    for message in queue.receive_messages():
        text = base64.b64decode(message.content).decode()
        deliver(text, dequeue_count=1, chance=0.0, now=lambda: datetime.now(UTC), ports=ports, settings=settings)
        queue.delete_message(message)


def dying_at(number: int, monkeypatch: pytest.MonkeyPatch, deaths: list[int]) -> None:
    """The process dies at its so manyeth write."""
    writes = iter(range(number))

    def dying(write: Callable[..., object]) -> Callable[..., object]:
        def written(*arguments: Any, **options: Any) -> object:
            if next(writes, None) is None:
                deaths.append(number)
                raise Died
            return write(*arguments, **options)

        return written

    for adapter, method in (
        (AzureClaims, "take"),
        (AzureLedger, "insert"),
        (AzureLeadQueue, "put"),
        (AzureForeignQueue, "delete"),
    ):
        monkeypatch.setattr(adapter, method, dying(getattr(adapter, method)))


@pytest.fixture
def briefly_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "HIDDEN_SECONDS", 1)


@pytest.mark.usefixtures("briefly_hidden")
def test_killed_at_any_write_and_run_again_each_is_moved_in_once(
    run: Runner, ledger: AzureLedger, storage: Storage, storage_account: str, tmp_path: Path
) -> None:
    """Leads and what is none in each place; killed at a later write each time, and in the end not."""
    names = [f"{place}{number}@x.example" for place in ("table", "queue", "file") for number in range(6)]
    table_of(storage, *map(row, names[:6]), *({"Color": f"red {number}"} for number in range(3)))
    queue = queue_of(storage_account, *map(posted_by, names[6:12]), *(f"no lead {number}" for number in range(3)))
    file = file_of(tmp_path, *map(posted_by, names[12:]), *(f"no JSON {number}" for number in range(3)))
    commands = (("table", "OldLeads"), ("queue", QUEUE), ("file", file))
    deaths: list[int] = []
    for deadly in range(7):
        for command in commands:
            with pytest.MonkeyPatch.context() as patch, suppress(Died):
                dying_at(deadly, patch, deaths)
                run("import", *command, "--yes")
    assert len(deaths) > 2 * 7
    until(partial(are_seen, queue), "the messages are seen again")
    assert [run("import", *command, "--yes").code for command in commands] == [0, 0, 0]
    assert depth(queue) == 0
    found = records(ledger)
    assert sorted(each.email for each in found if each.email) == sorted(names)
    assert [each.state for each in found].count(State.REJECTED) == 9


def posted_by(email: str) -> str:
    return payload(Email=email)


def are_seen(queue: QueueClient) -> bool:
    return len(queue.peek_messages(32)) == depth(queue)


def depth(queue: QueueClient) -> int:
    return queue.get_queue_properties().approximate_message_count or 0


@pytest.mark.parametrize("kind", ["variable", "settings file", "text file"])
def test_the_account_may_be_another_one(
    run: Runner, ledger: AzureLedger, new_storage_account: Callable[[], str], tmp_path: Path, kind: str
) -> None:
    other = new_storage_account()
    queue_of(other, payload(), name="leads-poison")
    table_of(connect(StorageByKey(connection_string=other), retries=1), row("b@x.example"), name="marketplaceleads")
    text = json.dumps({"Values": {"AzureWebJobsStorage": other}}) if kind == "settings file" else other
    source = "OLD_STORAGE" if kind == "variable" else file_of(tmp_path, text, name="old.txt")
    for words in (("queue", "leads-poison"), ("table", "marketplaceleads")):
        ran = run("import", *words, "--from", source, "--json", OLD_STORAGE=other)
        assert (ran.code, outcomes(ran)) == (0, ["taken in"])
        assert "from the storage account" in ran.err
        assert other not in ran.err
    assert {each.email for each in records(ledger)} == {"jane.doe@fabrikam.com", "b@x.example"}


def test_a_connection_string_on_the_command_line_is_refused(run: Runner, storage_account: str) -> None:
    ran = run("import", "queue", QUEUE, "--from", storage_account)
    assert (ran.code, "never the connection string itself" in ran.err) == (2, True)
    assert "AccountKey=" not in ran.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("queue", "leads"), "a queue of leadpipe's own"),
        (("queue", "leads-poison"), "the sweep empties it"),
        (("queue", "nothing-there"), "the account has no queue"),
        (("table", "leadledger"), "a table of leadpipe's own"),
        (("table", "NothingThere"), "the account has no table"),
        (("table", "LeadLedger"), "a table of leadpipe's own"),
        (("queue", "old", "--from", "NOWHERE"), "neither an environment variable nor a file"),
        (("queue", "old", "--from", "HOME"), "cannot be used"),
    ],
    ids=range(8),
)
def test_what_cannot_be_a_source_is_named_and_nothing_happens(run: Runner, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(LeadpipeError, match=why):
        run("import", *words, "--yes")


@pytest.mark.parametrize(
    "words",
    [("table", "bad name!"), ("table", "1st"), ("table", "x"), ("queue", "LEADS"), ("queue", "a--b")],
    ids=range(5),
)
def test_a_name_that_storage_cannot_have_is_a_mistake_of_usage(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are no settings: nothing could be asked."""
    ran = Runner({}, monkeypatch)("import", *words)
    assert (ran.code, f"no {words[0]} is called" in ran.err) == (2, True)


def test_a_dry_run_names_no_lead_id_that_the_run_itself_would_not_give(run: Runner, tmp_path: Path) -> None:
    timed = {"startTime": "2026-03-01T09:30:15Z", "body": json.loads(payload(Email="timed@x.example"))}
    file = file_of(tmp_path, timed, payload(), "no JSON")
    dry = run("import", "file", file, "--dry-run", "--json").records
    ids = [each["lead_id"] for each in run("import", "file", file, "--yes", "--json").records]
    assert [each["lead_id"] for each in dry] == [ids[0], "", ""]
    assert "" not in ids


def test_what_is_already_here_does_not_wait_for_the_rate(run: Runner, tmp_path: Path) -> None:
    file = file_of(tmp_path, payload(Email="a@x.example"), payload(Email="b@x.example"))
    assert run("import", "file", file, "--yes").code == 0
    began = time.monotonic()
    assert outcomes(run("import", "file", file, "--rate", "0.01", "--json")) == ["already here"] * 2
    assert time.monotonic() - began < 90  # it would wait for 100 seconds


def test_an_object_that_is_not_json_is_kept_with_the_endpoints_reason(
    run: Runner, ledger: AzureLedger, tmp_path: Path
) -> None:
    file = file_of(tmp_path, payload(), f'{{"OfferTitle": "x", "Phone": {"1" * 5000}}}', '{"OfferTitle": "x', "no JSON")
    assert run("import", "file", file, "--yes").code == 0
    rejected = {(each.reason, each.detail) for each in records(ledger) if each.state is State.REJECTED}
    assert rejected == {
        ("not_json", "a number has thousands of digits"),
        ("not_json", "line 1, column 16: Unterminated string starting at"),
        ("not_a_lead", "no object in it has a lead's keys"),
    }


def test_options_before_the_kind_of_source_are_refused(run: Runner, tmp_path: Path) -> None:
    assert run("import", "--yes", "file", file_of(tmp_path, payload())).code == 2
    assert run("import", "file", file_of(tmp_path, payload()), "--dry-run").code == 0


def test_it_asks_before_more_than_one(run: Runner, ledger: AzureLedger, storage_account: str, tmp_path: Path) -> None:
    queue = queue_of(storage_account, payload(), payload())
    assert run("import", "queue", QUEUE, answer="n\n").code == 1
    assert run("import", "file", file_of(tmp_path, payload(), payload()), answer="n\n").code == 1
    assert (ledger.first_day(), len(queue.peek_messages(32))) == (None, 2)


@pytest.mark.usefixtures("briefly_hidden")
def test_a_message_that_cannot_be_kept_stays_and_the_others_follow(
    run: Runner, ledger: AzureLedger, storage_account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = queue_of(storage_account, *(posted_by(f"{number}@x.example") for number in range(3)))
    insert = AzureLedger.insert

    def refuses(self: AzureLedger, record: Record) -> Record | None:
        if record.email == "1@x.example":
            raise StorageFailed("storage_error")
        return insert(self, record)

    with monkeypatch.context() as patch:
        patch.setattr(AzureLedger, "insert", refuses)
        ran = run("import", "queue", QUEUE, "--yes", "--json")
    assert (ran.code, outcomes(ran), "about 1 message left" in ran.err) == (1, ["failed", "taken in", "taken in"], True)
    assert "@x.example" not in ran.out + ran.err
    until(lambda: len(queue.peek_messages(32)) == 1, "the message is seen again")
    assert run("import", "queue", QUEUE).code == 0
    assert len(records(ledger)) == 3
