"""`leadpipe show` on a real account."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from leadpipe.ledger_writes import write
from leadpipe.model.change import Change, Deferred, Duplicate, Edited, Merged, Poisoned, Replayed, Written
from leadpipe.model.errors import InvalidLead
from leadpipe.model.record import Record, State
from leadpipe.storage.ledger import AzureLedger
from tests.factories import LEAD_ID, OTHER_LEAD_ID, RECEIVED_AT, payload, record, sample
from tests.integration.cli.conftest import Ran

Run = Callable[..., Ran]
SECOND = timedelta(seconds=1)


def lived(ledger: AzureLedger, *changes: Change, lead_id: str = LEAD_ID) -> Record:
    """A record after those changes, one a second."""
    now = ledger.insert(record(lead_id))
    assert now is not None
    for seconds, change in enumerate(changes, start=1):
        at = now.received_at + seconds * SECOND
        now = write(now, change, lambda at=at: at, ledger=ledger)
    return now


def poisoned(at: datetime = RECEIVED_AT) -> tuple[Change, ...]:
    return (
        Deferred(reason="throttled", detail="429", attempt=2, next_try_at=at),
        Poisoned(reason="too_long", detail="column lastname"),
        Edited(actor="ann", payload=payload(LastName="Short")),
    )


def test_a_written_lead_tells_how_long_it_took(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, Written())
    assert "2026-03-14 09:26:54Z, 1.0s after it came" in run("show", LEAD_ID).out
    (lead,) = run("show", LEAD_ID, "--json").records
    assert (lead["state"], lead["seconds_to_written"]) == ("written", 1.0)
    assert [(event["event"], event["at"]) for event in lead["events"]] == [("written", lead["written_at"])]


def test_a_lead_that_was_replayed_ends_in_its_history_where_it_ends(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, Poisoned(reason="too_long"), Replayed(actor="ann"), Written())
    (lead,) = run("show", LEAD_ID, "--json").records
    told = [(event["event"], event["state"]) for event in lead["events"]]
    assert told == [("poisoned", "poisoned"), ("replayed", "accepted"), ("written", "written")]
    assert run("show", LEAD_ID).lines[-1].split()[2:4] == ["written", "written"]


def test_a_writing_that_has_an_event_is_told_once(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, Deferred(reason="throttled", attempt=2, next_try_at=RECEIVED_AT), Written())
    (lead,) = run("show", LEAD_ID, "--json").records
    assert [event["event"] for event in lead["events"]] == ["deferred", "written"]


def test_a_poisoned_lead_tells_its_cause_and_a_fix_made_out_for_it(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, *poisoned())
    ran = run("show", LEAD_ID)
    assert ran.code == 0
    assert "a value is longer than its column" in ran.out
    assert f"leadpipe poison edit {LEAD_ID}" in ran.out
    assert "column lastname" in ran.out


def test_the_history_is_whole_and_in_the_order_of_time(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, *poisoned())
    (lead,) = run("show", LEAD_ID, "--json").records
    told = [(event["event"], event["reason"], event["actor"]) for event in lead["events"]]
    assert told == [("deferred", "throttled", ""), ("poisoned", "too_long", ""), ("edited", "too_long", "ann")]
    assert [event["at"] for event in lead["events"]] == [f"2026-03-14T09:26:{second}.589Z" for second in (54, 55, 56)]


def test_a_duplicate_names_the_lead_that_it_repeats_and_where_that_is(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, Written())
    lived(ledger, Duplicate(of=LEAD_ID), lead_id=OTHER_LEAD_ID)
    assert f"{LEAD_ID} (written, received 2026-03-14 09:26:53Z)" in run("show", OTHER_LEAD_ID).out
    (lead,) = run("show", OTHER_LEAD_ID, "--json").records
    assert (lead["duplicate_of"], lead["holder"]["state"]) == (LEAD_ID, "written")


def test_a_payload_is_shown_to_those_who_ask_for_it(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, *poisoned())
    assert "+33 1 23 45 67 89" not in run("show", LEAD_ID).out
    assert "payload" not in run("show", LEAD_ID, "--json").records[0]
    ran = run("show", LEAD_ID, "--payload")
    assert ran.out.count("+33 1 23 45 67 89") == 2  # before the edit and after it
    (lead,) = run("show", LEAD_ID, "--payload", "--json").records
    assert lead["payload"] == payload(LastName="Short")
    assert lead["events"][-1]["payload"] == payload()


def test_a_withheld_lead_says_so_while_its_payload_is_there(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(record(posted=sample("withheld.json"), state=State.WRITTEN))
    ran = run("show", LEAD_ID)
    assert [line.split(maxsplit=2)[2] for line in ran.lines if line.startswith("personal data")] == [
        "withheld by the marketplace"
    ]
    assert ["name", "(withheld)"] in [line.split() for line in ran.lines]
    assert not any(line.startswith("fingerprint") for line in ran.lines)
    (lead,) = run("show", LEAD_ID, "--json").records
    assert (lead["withheld"], lead["unread"]) == (True, [])


@pytest.mark.parametrize("state", [State.ACCEPTED, State.FALLBACK, State.POISONED, State.DISCARDED])
def test_unread_keys_are_named_in_any_state_and_their_values_are_not(
    run: Run, ledger: AzureLedger, state: State
) -> None:
    ledger.insert(record(posted=payload(Contact={"E-mail": "eve@secret.example", "\u202eName": "Eve"}), state=state))
    ran = run("show", LEAD_ID)
    assert "not read     Contact.E-mail, Contact.\ufffdName" in ran.out
    assert "secret" not in ran.out
    (lead,) = run("show", LEAD_ID, "--json").records
    assert (lead["withheld"], lead["unread"]) == (False, ["Contact.E-mail", "Contact.\u202eName"])


def test_a_lead_that_is_written_without_all_of_the_person_tells_what_to_do(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, Written(reason="person_unread", detail="Contact.Mail"))
    ran = run("show", LEAD_ID)
    assert "could not read" in ran.out
    assert f"leadpipe show {LEAD_ID} --payload" in ran.out
    assert ["detail", "Contact.Mail"] in [line.split() for line in ran.lines]


def test_rejected_bytes_are_shown_as_escaped_text(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(Record.rejected(LEAD_ID, InvalidLead("not_utf8", "byte 0 is not UTF-8"), b"\xff{\x1b[2J\n}"))
    assert "\\xff{\\x1b[2J\n}" in run("show", LEAD_ID, "--payload").out
    assert run("show", LEAD_ID, "--payload", "--json").records[0]["payload"] == "\\xff{\\x1b[2J\n}"


@pytest.mark.parametrize("spelt", [LEAD_ID.upper(), f"{{{LEAD_ID}}}", f" {LEAD_ID} "])
def test_an_id_may_be_spelt_as_dynamics_spells_it(run: Run, ledger: AzureLedger, spelt: str) -> None:
    lived(ledger)
    assert run("show", spelt, "--json").records[0]["lead_id"] == LEAD_ID


def test_an_unknown_id_is_one_line(storage_account: str, run_process: Run) -> None:
    ran = run_process("show", LEAD_ID, AzureWebJobsStorage=storage_account)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[1:] == [f"leadpipe: the ledger has no lead {LEAD_ID}"]


def test_with_merge_all_that_a_customer_did_is_listed(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, Written())
    lived(ledger, Merged(of=LEAD_ID), lead_id=OTHER_LEAD_ID)
    shown = run("show", OTHER_LEAD_ID, LEADPIPE_MERGE="30d")
    assert f"{LEAD_ID} (written, received" in next(line for line in shown.lines if line.startswith("first lead"))
    told = shown.lines[shown.lines.index("all that the customer did") :]
    assert [line.split()[3] for line in told if LEAD_ID in line or OTHER_LEAD_ID in line][:2] == ["written", "merged"]
    assert "BELONGS TO" in told[1]
    (lead,) = run("show", LEAD_ID, "--json", LEADPIPE_MERGE="30d").records
    assert [action["lead_id"] for action in lead["customer"]] == [LEAD_ID, OTHER_LEAD_ID]
    (lead,) = run("show", LEAD_ID, "--json").records
    assert lead["customer"] == []


def test_a_merged_action_shows_when_its_note_was_made(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, Merged(of=LEAD_ID))
    (lead,) = run("show", LEAD_ID, "--json").records
    assert ([event["event"] for event in lead["events"]], lead["seconds_to_written"]) == (["merged"], 1.0)


def test_an_action_made_a_lead_of_its_own_still_names_the_lead_with_its_note(run: Run, ledger: AzureLedger) -> None:
    lived(ledger, Merged(of=OTHER_LEAD_ID), Replayed(actor="ann", own_lead=True), Written())
    assert f"was a note on {OTHER_LEAD_ID}" in run("show", LEAD_ID).out
