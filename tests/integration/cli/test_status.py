"""`leadpipe status` on a real account."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue import QueueClient

from leadpipe.model.envelope import Envelope
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.storage.connection import Storage
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.rows import keys
from tests.factories import environment, record
from tests.integration.cli.conftest import Ran

Run = Callable[..., Ran]


pytestmark = pytest.mark.usefixtures("swept")


def received(ago: timedelta, number: int = 0, **fields: object) -> Record:
    return record(new_lead_id(datetime.now(UTC) - ago, number.to_bytes(10, "big")), **fields)


def test_an_account_without_leads_needs_nobody(run: Run) -> None:
    ran = run("status")
    assert ran.code == 0
    assert ["written", "0"] in [line.split() for line in ran.lines]
    assert "nobody is needed" in ran.err


def test_everything_is_in_one_json_record(run: Run, ledger: AzureLedger, storage: Storage) -> None:
    minute = timedelta(minutes=1)
    written = received(2 * minute)
    ledger.insert(
        received(3 * minute, state=State.WRITTEN, written_at=written.received_at),
    )
    waiting = ledger.insert(received(5 * minute, state=State.DEFERRED, reason="throttled"))
    ledger.insert(received(minute, state=State.ACCEPTED))
    AzureLeadQueue(storage.queues).put("text")
    ran = run("status", "--json")
    (status,) = ran.records
    assert ran.code == 0
    assert waiting is not None
    assert {state: n for state, n in status["states"].items() if n} == {"written": 1, "deferred": 1, "accepted": 1}
    assert status["states"].keys() == {*State}
    assert status["oldest_open_lead_id"] == waiting.lead_id
    assert 300 <= status["oldest_open_age_seconds"] < 400
    assert status["last_written_at"].endswith("Z")
    assert (status["queue_leads"], status["queue_leads_poison"]) == (1, 0)
    assert status["poisoned"] == []
    assert {(group["state"], group["reason"], group["leads"]) for group in status["waiting"]} == {
        ("deferred", "throttled", 1),
        ("accepted", "", 1),
    }
    assert status["needs_a_person"] == []


def test_posts_that_were_no_lead_are_counted_and_call_nobody(run: Run, ledger: AzureLedger) -> None:
    for number in range(2):
        ledger.insert(received(timedelta(0), number, state=State.REJECTED, reason="not_json"))
    ran = run("status")
    assert (ran.code, ran.err.splitlines()[-1]) == (0, "nobody is needed")
    assert "2 rejected need nobody; `leadpipe poison list --state rejected` shows them" in ran.err


def test_a_poisoned_lead_exits_with_1_and_tells_its_fix(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(received(timedelta(0), state=State.POISONED, reason="too_long"))
    ran = run("status")
    assert ran.code == 1
    assert "a value is longer than its column" in ran.out
    assert "leadpipe poison edit ID" in ran.out
    assert "a person is needed: 1 poisoned (too_long)" in ran.err


def test_a_poisoned_lead_is_seen_however_old_it_is(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(received(timedelta(days=200), state=State.POISONED, reason="too_long"))
    ran = run("status", "--since", "1h", "--json")
    (status,) = ran.records
    assert (ran.code, status["states"]["poisoned"]) == (1, 0)
    assert status["poisoned"][0]["leads"] == 1


def test_a_lead_that_waits_for_a_role_exits_with_1(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(received(timedelta(0), state=State.DEFERRED, reason="no_role"))
    ran = run("status", "--json")
    assert (ran.code, ran.records[0]["waiting"][0]["needs_a_person"]) == (1, True)


def test_a_lead_that_was_completed_by_hand_calls_nobody_any_more(run: Run, ledger: AzureLedger) -> None:
    unread = received(timedelta(hours=1), state=State.WRITTEN, reason="person_unread", detail="Contact")
    ledger.insert(unread)
    assert run("status").code == 1
    assert run("complete", unread.lead_id, "--dry-run").code == 0
    assert run("status").code == 1
    ran = run("complete", unread.lead_id, "--actor", "ann", "--json")
    assert [(each["outcome"], each["state"]) for each in ran.records] == [("completed", "written")]
    assert run("status").code == 0
    assert "already written" in run("complete", unread.lead_id).out
    assert run("complete").code == 2


def test_a_mapping_file_that_cannot_be_used_is_named_before_a_lead_meets_it(run: Run) -> None:
    ran = run("status", LEADPIPE_MAPPING="/nowhere/mapping.toml")
    assert ran.code == 1
    assert "the mapping file cannot be used" in ran.err
    assert "`leadpipe mapping check`" in ran.err


def test_a_lead_written_without_all_of_the_person_exits_with_1_in_the_span(run: Run, ledger: AzureLedger) -> None:
    for hours in (1, 30, 1000):
        ledger.insert(received(timedelta(hours=hours), state=State.WRITTEN, reason="person_unread", detail="Contact"))
    ran = run("status")
    assert (ran.code, "a person is needed: 2 written (person_unread)" in ran.err) == (1, True)
    assert "leadpipe show ID --payload" in ran.out
    assert "complete the lead in Dynamics by hand" in ran.out
    (status,) = run("status", "--json").records
    (group,) = status["incomplete"]
    assert (group["reason"], group["leads"], group["needs_a_person"]) == ("person_unread", 2, True)
    assert run("status", "--since", "30m").code == 0


def test_a_message_on_the_poison_queue_exits_with_1(run: Run, storage_account: str) -> None:
    poison = QueueClient.from_connection_string(storage_account, "leads-poison")
    poison.create_queue()
    poison.send_message("text")
    ran = run("status")
    assert (ran.code, "1 on the queue leads-poison" in ran.err) == (1, True)


def test_the_span_is_said_and_can_be_chosen(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(received(timedelta(hours=30), state=State.DISCARDED))
    assert run("status", "--json", "--since", "1d").records[0]["states"]["discarded"] == 0
    ran = run("status", "--json", "--since", "31h")
    assert ran.records[0]["states"]["discarded"] == 1
    assert "counts are of leads received since 20" in ran.err


def test_the_end_of_the_secret_is_a_line_and_in_its_last_week_needs_action(run: Run) -> None:
    def ending_in(days: int) -> Ran:
        on = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
        dynamics = {name: value for name, value in environment().items() if name.startswith("DATAVERSE_")}
        return run("status", "--json", **dynamics, DATAVERSE_SECRET_EXPIRES=on)

    later, soon = ending_in(30), ending_in(7)
    assert (later.code, later.records[0]["credential"], later.records[0]["credential_days_left"]) == (
        0,
        "client_secret",
        30,
    )
    assert (soon.code, "a person is needed: the client secret ends in 7 d" in soon.err) == (1, True)
    assert "shown from 7 d before" in soon.err
    assert "make a new client secret" in soon.err
    assert "make a new client secret" in soon.records[0]["credential_fix"]


def test_a_function_that_is_switched_off_is_for_a_person_to_undo(run: Run) -> None:
    switch = {"AzureWebJobs.deliver.Disabled": "1"}
    ran = run("status", **switch)
    assert (ran.code, "the function deliver is switched off" in ran.err, "nobody is needed" in ran.err) == (
        1,
        True,
        False,
    )
    assert "AzureWebJobs.deliver.Disabled" in ran.err
    assert run("status", "--json", **switch).records[0]["switched_off"] == {"deliver": "AzureWebJobs.deliver.Disabled"}


def test_a_setting_whose_default_counts_is_told_and_needs_nobody(run: Run) -> None:
    ran = run("status", LEADPIPE_DEDUPE_WINDOW="a week")
    assert (ran.code, "LEADPIPE_DEDUPE_WINDOW is not a time like" in ran.out) == (0, True)
    assert "setting LEADPIPE_DEDUPE_WINDOW is not a time like" in ran.err
    (status,) = run("status", "--json", LEADPIPE_DEDUPE_WINDOW="a week").records
    assert [fault.split()[0] for fault in status["setting_faults"]] == ["LEADPIPE_DEDUPE_WINDOW"]


def test_a_setting_that_makes_leads_wait_is_for_a_person_before_one_has_come(run: Run) -> None:
    ran = run("status", LEADPIPE_TEST_LEADS="drop")
    assert (ran.code, "a person is needed: LEADPIPE_TEST_LEADS is neither" in ran.err) == (1, True)


def test_without_a_date_nothing_is_said_of_the_secret(run: Run) -> None:
    ran = run("status")
    assert (ran.code, "sign-in" in ran.out) == (0, False)


def test_a_lead_that_is_only_on_the_queue_calls_a_person(run: Run, ledger: AzureLedger, storage: Storage) -> None:
    queue = AzureLeadQueue(storage.queues)
    for number in range(3):
        alone = record(new_lead_id(datetime.now(UTC), bytes([number] * 10)))
        text = Envelope.for_payload(alone.lead_id, alone.text, attempt=4).to_text()
        queue.put(text, delay=timedelta(minutes=15))
    ledger.insert(received(timedelta(minutes=5), state=State.DEFERRED, reason="throttled"))
    ran = run("status")
    assert (ran.code, "2 messages without a record on the queue leads" in ran.err) == (1, True)
    assert ["without", "a", "record", "2"] in [line.split() for line in ran.lines]
    (status,) = run("status", "--json").records
    assert (status["messages_without_record"], status["messages_seen_without_record"]) == (2, [])


def test_a_damaged_row_calls_a_person_however_old_its_lead_is(run: Run, ledger: AzureLedger, storage: Storage) -> None:
    kept = received(timedelta(days=200), state=State.WRITTEN)
    ledger.insert(kept)
    table = storage.table("leadledger")
    table.update_entity({**table.get_entity(*keys(kept.lead_id)), "State": 7})
    ran = run("status")
    assert (ran.code, "/".join(keys(kept.lead_id)) in ran.err) == (1, True)
    assert "1 row of leadledger is damaged" in ran.err
