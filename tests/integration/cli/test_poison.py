"""`leadpipe poison` on a real account, Dynamics being the stand-in."""

import base64
import json
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from leadpipe.model.errors import InvalidLead, LeadpipeError
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.operations.causes import failure_in_words
from leadpipe.storage.ledger import AzureLedger
from tests.factories import LEAD_ID, payload, record
from tests.integration.cli.conftest import Runner
from tests.standin_process import Standin

DAY = timedelta(days=1)
_numbers = count()


def kept(ledger: AzureLedger, ago: timedelta = DAY, *, posted: str | None = None, **fields: object) -> str:
    """A poisoned lead that rested for a while, unless told otherwise; gives its id."""
    made = new_lead_id(datetime.now(UTC) - ago, next(_numbers).to_bytes(10, "big"))
    ledger.insert(record(made, posted=posted, **{"state": State.POISONED, "reason": "too_long", **fields}))
    return made


def rejected(ledger: AzureLedger, posted: bytes = b"{") -> str:
    made = new_lead_id(datetime.now(UTC) - DAY, next(_numbers).to_bytes(10, "big"))
    ledger.insert(Record.rejected(made, InvalidLead("not_json", "line 1"), posted))
    return made


def messages(storage_account: str) -> list[dict[str, object]]:
    queue = QueueClient.from_connection_string(storage_account, "leads")
    return [json.loads(base64.b64decode(message.content)) for message in queue.receive_messages()]


def held(ledger: AzureLedger, lead: str) -> Record:
    found = ledger.read(lead)
    assert found is not None
    return found


# list


def test_the_list_has_a_line_for_each_cause_with_its_fix(run: Runner, ledger: AzureLedger) -> None:
    ids = [kept(ledger, ago=days * DAY) for days in (300, 2, 1)]
    bad = rejected(ledger)
    kept(ledger, state=State.WRITTEN, reason="")
    ran = run("poison", "list")
    first, second = ran.lines[1:]
    assert ran.code == 0
    assert first.split()[:3] == ["poisoned", "too_long", "3"]
    assert ids[0] in first
    assert "leadpipe poison edit ID" in first
    assert second.split()[:3] == ["rejected", "not_json", "1"]
    assert bad in second
    assert "4 leads" in ran.err


def test_the_json_has_one_record_a_lead_with_what_mends_it(run: Runner, ledger: AzureLedger) -> None:
    ids = [kept(ledger, ago=days * DAY) for days in (3, 2)]
    records = run("poison", "list", "--json").records
    assert [each["lead_id"] for each in records] == ids
    assert {"state", "reason", "detail", "says", "fix", "received_at", "attempt"} <= records[0].keys()
    assert f"leadpipe poison edit {ids[0]}" in records[0]["fix"]
    assert "payload" not in records[0]


def test_the_list_can_be_narrowed(run: Runner, ledger: AzureLedger) -> None:
    old, other = kept(ledger, ago=9 * DAY), kept(ledger, reason="plugin_refused", offer="acme.anvil")
    bad = rejected(ledger)

    def listed(*options: str) -> set[str]:
        return {each["lead_id"] for each in run("poison", "list", "--json", *options).records}

    assert listed("--cause", "too_long") == {old}
    assert listed("--cause", "too_long", "--cause", "not_json") == {old, bad}
    assert listed("--since", "2d") == {other, bad}
    assert listed("--offer", "ANVIL") == {other}
    assert listed("--state", "rejected") == {bad}
    assert run("poison", "list", "--state", "written").code == 2


# replay


def test_one_lead_is_replayed_without_a_question(run: Runner, ledger: AzureLedger, storage_account: str) -> None:
    lead = kept(ledger)
    ran = run("poison", "replay", lead, "--actor", "jane@desk")
    assert (ran.code, ran.out, ran.err.splitlines()[-1]) == (0, "", "1 replayed")
    assert (held(ledger, lead).state, held(ledger, lead).attempt) == (State.ACCEPTED, 2)
    assert [(event.event, event.actor) for event in ledger.events(lead)] == [("replayed", "jane@desk")]
    assert [(message["lead_id"], message["attempt"]) for message in messages(storage_account)] == [(lead, 2)]


def test_who_replayed_is_the_user_at_this_machine_unless_told(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger)
    run("poison", "replay", lead)
    assert "@" in ledger.events(lead)[0].actor


def test_many_are_counted_by_cause_and_asked_about(run: Runner, ledger: AzureLedger) -> None:
    ids = [kept(ledger), kept(ledger, reason="plugin_refused"), kept(ledger)]
    no = run("poison", "replay", "--all", answer="n\n")
    assert no.code == 1
    assert "2 poisoned (too_long)" in no.err
    assert "3 leads to replay" in no.err
    assert "nothing was changed" in no.err
    assert {held(ledger, lead).state for lead in ids} == {State.POISONED}
    assert run("poison", "replay", "--all", answer="y\n").code == 0
    assert {held(ledger, lead).state for lead in ids} == {State.ACCEPTED}


def test_where_nobody_can_answer_it_takes_yes(run: Runner, ledger: AzureLedger) -> None:
    ids = [kept(ledger), kept(ledger)]
    ran = run("poison", "replay", "--all")
    assert (ran.code, "--yes" in ran.err) == (1, True)
    assert run("poison", "replay", "--all", "--yes").code == 0
    assert {held(ledger, lead).state for lead in ids} == {State.ACCEPTED}


def test_a_dry_run_counts_and_changes_nothing(run: Runner, ledger: AzureLedger, storage_account: str) -> None:
    ids = [kept(ledger), kept(ledger)]
    ran = run("poison", "replay", "--cause", "too_long", "--dry-run", "--json")
    assert ({each["lead_id"] for each in ran.records}, "2 leads to replay" in ran.err) == ({*ids}, True)
    QueueClient.from_connection_string(storage_account, "leads").create_queue()
    assert {held(ledger, lead).state for lead in ids} == {State.POISONED}
    assert messages(storage_account) == []


def test_a_dry_run_of_one_lead_says_what_would_become_of_it(run: Runner, ledger: AzureLedger) -> None:
    fine, bad = kept(ledger), rejected(ledger)
    ran = run("poison", "replay", fine, bad, "--dry-run", "--json")
    assert ran.code == 1
    assert [(each["lead_id"], each["outcome"], each["reason"]) for each in ran.records] == [
        (fine, "replayed", ""),
        (bad, "refused", "not_json"),
    ]
    assert ran.err.splitlines()[-2:] == ["1 would be replayed, 1 would be refused", "dry run: nothing was changed"]
    assert held(ledger, fine).state is State.POISONED


def test_a_dry_run_of_many_counts_what_the_real_run_would_refuse(run: Runner, ledger: AzureLedger) -> None:
    kept(ledger)
    bad = [rejected(ledger), rejected(ledger)]
    dry = run("poison", "replay", "--all", "--dry-run")
    assert dry.code == 1
    assert all(lead in dry.out for lead in bad)
    assert dry.err.splitlines()[-2:] == ["1 would be replayed, 2 would be refused", "dry run: nothing was changed"]
    real = run("poison", "replay", "--all", "--yes")
    assert (real.code, real.err.splitlines()[-1]) == (1, "1 replayed, 2 refused")


def test_a_state_is_choice_enough(run: Runner, ledger: AzureLedger) -> None:
    kept(ledger)
    good = rejected(ledger, b'{"OfferTitle": "Widget"}')
    ran = run("poison", "replay", "--state", "rejected", "--dry-run", "--json")
    assert (ran.code, [each["lead_id"] for each in ran.records]) == (0, [good])
    rejected(ledger, b'{"OfferTitle": "Other widget"}')
    assert run("poison", "replay", "--state", "rejected", answer="n\n").code == 1
    assert run("poison", "replay", "--state", "rejected", "--yes").code == 0
    assert held(ledger, good).state is State.ACCEPTED


def test_a_cause_that_no_lead_has_is_answered_with_those_that_there_are(run: Runner, ledger: AzureLedger) -> None:
    kept(ledger)
    rejected(ledger)
    told = "no lead has the cause too_wide; there are: "
    for command in (["replay"], ["list"], ["list", "--json"]):
        ran = run("poison", *command, "--cause", "too_wide")
        assert ran.code == 0
        (line,) = (line for line in ran.err.splitlines() if line.startswith(told))
        assert {*line.removeprefix(told).split(", ")} == {"too_long", "not_json"}
    assert "no lead has" not in run("poison", "list", "--cause", "too_long").err


def test_a_second_run_finds_nothing_left_to_do(run: Runner, ledger: AzureLedger) -> None:
    kept(ledger)
    run("poison", "replay", "--all", "--yes")
    assert "0 leads to replay" in run("poison", "replay", "--all", "--yes").err


def test_a_written_lead_is_said_to_be_written_and_stays_so(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger, state=State.WRITTEN, reason="")
    ran = run("poison", "replay", lead)
    assert (ran.code, ran.err.splitlines()[-1]) == (0, "1 already written")
    assert held(ledger, lead).attempt == 1


@pytest.mark.parametrize("state", [State.DUPLICATE, State.MERGED])
def test_a_duplicate_or_merged_action_is_replayed_with_anyway_by_its_id_alone(
    run: Runner, ledger: AzureLedger, state: State
) -> None:
    lead = kept(ledger, state=state, reason="", duplicate_of=LEAD_ID)
    assert "--anyway" in run("poison", "replay", lead).out
    assert run("poison", "replay", "--all", "--anyway").code == 2
    assert run("poison", "replay", lead, "--anyway").code == 0
    assert held(ledger, lead).own_lead


@pytest.mark.parametrize(
    "arguments",
    [[], [LEAD_ID, "--all"], [LEAD_ID, "--state", "rejected"], ["--all", "--cause", "x"], ["--rate", "0"], ["0000"]],
)
def test_a_choice_that_is_none_is_a_usage_error(run: Runner, arguments: list[str]) -> None:
    assert run("poison", "replay", *arguments).code == 2


def test_a_lead_that_does_not_exist_fails_and_the_others_are_replayed(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger)
    ran = run("poison", "replay", LEAD_ID, lead, "--yes", "--json")
    assert (ran.code, [each["outcome"] for each in ran.records]) == (1, ["refused", "replayed"])


# edit


def test_an_edit_by_field_keeps_the_rest_and_what_was_before(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger)
    ran = run("poison", "edit", lead, "--set", "email=new@fabrikam.com", "--set", "UserDetails.Phone=", "--json")
    assert ran.code == 0
    assert [each["field"] for each in ran.records] == ["email", "phone"]
    assert held(ledger, lead).payload == payload(Email="new@fabrikam.com", Phone="")
    assert held(ledger, lead).email == "new@fabrikam.com"
    assert ledger.events(lead)[0].payload == payload()
    assert f"leadpipe poison replay {lead}" in ran.err


def test_an_edit_that_changes_nothing_says_so(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger)
    ran = run("poison", "edit", lead, "--set", "Email=jane.doe@fabrikam.com")
    assert (ran.code, ran.out, ran.err.splitlines()[-1]) == (0, "", f"{lead} is unchanged")
    assert ledger.events(lead) == []


def test_a_dry_edit_shows_the_fields_and_writes_nothing(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger)
    ran = run("poison", "edit", lead, "--set", "Company=Contoso", "--dry-run")
    assert ran.lines[1].split() == ["company", "Fabrikam", "Contoso"]
    assert held(ledger, lead).company == "Fabrikam"


def editor(code: str) -> str:
    return f'"{sys.executable}" -c "import pathlib, sys; file = pathlib.Path(sys.argv[1]); {code}"'


def test_an_editor_mends_a_rejected_post(run: Runner, ledger: AzureLedger) -> None:
    lead = rejected(ledger, b'{"OfferTitle": "Widget"')
    ran = run("poison", "edit", lead, EDITOR=editor("file.write_text(file.read_text() + chr(125))"))
    assert ran.code == 0
    assert (held(ledger, lead).offer, held(ledger, lead).state) == ("Widget", State.REJECTED)
    assert ledger.events(lead)[0].payload == b'{"OfferTitle": "Widget"'
    assert run("poison", "replay", lead).code == 0


def test_an_editor_that_leaves_no_lead_is_opened_again_or_nothing_is_changed(
    run: Runner, ledger: AzureLedger, tmp_path: Path
) -> None:
    lead = kept(ledger)
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "file.write_text('{\"OfferTitle\": 1}' if file.read_text() == '{' else '{')\n"
    )
    by_script = f'"{sys.executable}" "{script}"'
    ran = run("poison", "edit", lead, answer="n\n", EDITOR=by_script)
    assert (ran.code, "not saved: " in ran.err, "nothing was changed" in ran.err) == (1, True, True)
    nobody = run("poison", "edit", lead, EDITOR=by_script).err.splitlines()[-1]
    assert ("--set FIELD=VALUE" in nobody, "--yes" in nobody) == (True, False)
    assert run("poison", "edit", lead, answer="y\n", EDITOR=by_script).code == 0
    assert held(ledger, lead).offer == "1"


def test_an_emptied_file_is_not_saved_and_said_to_be_empty(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger)
    ran = run("poison", "edit", lead, EDITOR=editor("file.write_text(str())"))
    assert (ran.code, held(ledger, lead).payload) == (1, payload())
    assert "not saved: the file is empty" in ran.err
    assert "request" not in ran.err


@pytest.mark.parametrize("posted", [b"{", b"[]"])
def test_fields_of_what_has_none_are_left_to_the_editor(run: Runner, ledger: AzureLedger, posted: bytes) -> None:
    lead = rejected(ledger, posted)
    with pytest.raises(LeadpipeError, match="leave --set out, and the editor") as raised:
        run("poison", "edit", lead, "--set", "Email=jane@contoso.com")
    assert "leadpipe poison edit" not in failure_in_words(raised.value)


def test_an_editor_that_changes_nothing_leaves_the_lead_alone(run: Runner, ledger: AzureLedger) -> None:
    assert "is unchanged" in run("poison", "edit", kept(ledger), EDITOR=editor("pass")).err


@pytest.mark.parametrize("value", ["Mail=x", "Email"])
def test_an_unknown_field_is_a_usage_error(run: Runner, value: str) -> None:
    ran = run("poison", "edit", LEAD_ID, "--set", value)
    assert (ran.code, "OfferTitle" in ran.err) == (2, True)


# discard


def test_a_lead_is_discarded_once_dynamics_says_that_it_has_it_not(
    run_with_dynamics: Runner, ledger: AzureLedger
) -> None:
    lead = kept(ledger)
    assert run_with_dynamics("poison", "discard", lead, "--why", "a scanner").code == 0
    assert (held(ledger, lead).state, held(ledger, lead).detail) == (State.DISCARDED, "a scanner")


def test_a_lead_that_dynamics_has_becomes_written_and_the_command_says_so(
    run_with_dynamics: Runner, ledger: AzureLedger, standin: Standin
) -> None:
    lead = kept(ledger)
    assert standin.create(leadid=lead, lastname="Ito").status_code == 204
    ran = run_with_dynamics("poison", "discard", lead, "--why", "a scanner")
    assert (ran.code, held(ledger, lead).state) == (0, State.WRITTEN)
    assert "Dynamics has it" in ran.out
    assert ran.err.splitlines()[-1] == "1 written"


def test_without_the_right_to_read_nothing_is_discarded_unless_it_is_wanted(
    run_with_dynamics: Runner, ledger: AzureLedger, standin: Standin
) -> None:
    lead = kept(ledger)
    standin.fault("missing_privilege", privilege="prvReadLead")
    ran = run_with_dynamics("poison", "discard", lead, "--why", "x")
    assert (ran.code, "--without-asking" in ran.out) == (1, True)
    assert held(ledger, lead).state is State.POISONED
    assert run_with_dynamics("poison", "discard", lead, "--why", "x", "--without-asking").code == 0


def test_a_fresh_change_is_left_alone(run_with_dynamics: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger, updated_at=datetime.now(UTC))
    ran = run_with_dynamics("poison", "discard", lead, "--why", "x")
    assert (ran.code, "a moment ago" in ran.out) == (1, True)


def test_the_duplicates_that_hang_on_it_are_named(run_with_dynamics: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger)
    hanging = kept(ledger, ago=timedelta(hours=1), state=State.DUPLICATE, reason="", duplicate_of=lead)
    ran = run_with_dynamics("poison", "discard", lead, "--why", "x", "--dry-run")
    assert f"1 lead with the same content as {lead}: {hanging}" in ran.err
    assert held(ledger, lead).state is State.POISONED


@pytest.mark.parametrize("why", [[], ["--why", ""], ["--why", "  "]])
def test_why_has_to_be_said(run: Runner, why: list[str]) -> None:
    assert run("poison", "discard", LEAD_ID, *why).code == 2


def test_a_discarded_lead_is_said_to_be_discarded_already(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger, state=State.DISCARDED, reason="discarded")
    ran = run("poison", "discard", lead, "--why", "x")
    assert (ran.code, ran.err.splitlines()[-1]) == (0, "1 already discarded")


def test_a_dry_discard_asks_dynamics_as_the_real_one_does(
    run_with_dynamics: Runner, ledger: AzureLedger, standin: Standin
) -> None:
    there, not_there, fresh = kept(ledger), kept(ledger), kept(ledger, updated_at=datetime.now(UTC))
    assert standin.create(leadid=there, lastname="Ito").status_code == 204
    ran = run_with_dynamics("poison", "discard", "--all", "--why", "x", "--dry-run", "--json")
    outcomes = {each["lead_id"]: each["outcome"] for each in ran.records}
    assert outcomes == {there: "written", not_there: "discarded", fresh: "refused"}
    assert {held(ledger, lead).state for lead in outcomes} == {State.POISONED}
