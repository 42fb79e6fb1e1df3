"""`leadpipe fallback` on a real account, Dynamics being the stand-in."""

from datetime import UTC, datetime, timedelta

import pytest

from leadpipe.model.errors import SettingsError
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.storage.connection import Storage
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.ledger import AzureLedger
from tests.factories import record
from tests.integration.cli.conftest import Runner
from tests.standin_process import Standin

HOUR = timedelta(hours=1)


def resting(storage: Storage, ledger: AzureLedger, number: int, *, reason: str = "no_dynamics") -> str:
    """A lead that rests with its row; the higher the number, the older."""
    made = new_lead_id(datetime.now(UTC) - number * HOUR, number.to_bytes(10, "big"))
    next_try_at = None if reason == "no_dynamics" else datetime.now(UTC) + HOUR
    kept = ledger.insert(record(made, state=State.FALLBACK, reason=reason, next_try_at=next_try_at))
    assert kept is not None
    AzureFallback(storage).keep(kept)
    return made


def rows(storage: Storage) -> set[str]:
    today = datetime.now(UTC).date()
    return {*AzureFallback(storage).lead_ids(today - timedelta(days=9), today)}


def held(ledger: AzureLedger, lead: str) -> Record:
    found = ledger.read(lead)
    assert found is not None
    return found


def test_the_list_says_why_each_rests_and_when_it_is_tried(run: Runner, storage: Storage, ledger: AzureLedger) -> None:
    waiting, kept = resting(storage, ledger, 2, reason="throttled"), resting(storage, ledger, 1)
    records = {each["lead_id"]: each for each in run("fallback", "list", "--json").records}
    assert (records[waiting]["reason"], records[kept]["reason"]) == ("throttled", "no_dynamics")
    assert records[waiting]["next_try_at"]
    assert records[kept]["next_try_at"] is None
    ran = run("fallback", "list", "--since", "90m")
    assert (kept in ran.out, waiting in ran.out, "1 lead resting" in ran.err) == (True, False, True)


def test_a_drain_delivers_all_oldest_first_and_removes_their_rows(
    run_with_dynamics: Runner, storage: Storage, ledger: AzureLedger, standin: Standin
) -> None:
    ids = [resting(storage, ledger, number, reason=reason) for number, reason in ((1, "throttled"), (2, "no_dynamics"))]
    ran = run_with_dynamics("fallback", "drain", "--yes", "--json")
    assert (ran.code, [each["lead_id"] for each in ran.records]) == (0, ids[::-1])
    assert {held(ledger, lead).state for lead in ids} == {State.WRITTEN}
    assert {row["leadid"] for row in standin.leads()} == {*ids}
    assert rows(storage) == set()


def test_a_drain_of_many_asks_and_one_that_is_dry_only_counts(
    run_with_dynamics: Runner, storage: Storage, ledger: AzureLedger, standin: Standin
) -> None:
    ids = [resting(storage, ledger, number) for number in (1, 2)]
    dry = run_with_dynamics("fallback", "drain", "--dry-run")
    assert (dry.code, "2 fallback (no_dynamics)" in dry.err, "2 leads to deliver" in dry.err) == (0, True, True)
    assert run_with_dynamics("fallback", "drain", answer="n\n").code == 1
    assert standin.leads() == []
    assert rows(storage) == {*ids}


def test_a_limit_takes_the_oldest(
    run_with_dynamics: Runner, storage: Storage, ledger: AzureLedger, standin: Standin
) -> None:
    ids = [resting(storage, ledger, number) for number in (3, 1, 2)]
    assert run_with_dynamics("fallback", "drain", "--limit", "1").code == 0
    assert [row["leadid"] for row in standin.leads()] == [ids[0]]


def test_dynamics_that_is_away_ends_the_drain_at_the_first_with_its_reason(
    run_with_dynamics: Runner, storage: Storage, ledger: AzureLedger, standin: Standin
) -> None:
    ids = [resting(storage, ledger, number) for number in (1, 2, 3)]
    standin.fault("status", status=503)
    ran = run_with_dynamics("fallback", "drain", "--yes")
    assert ran.code == 1
    assert ran.lines[1].split()[:4] == [ids[2], "failed", "fallback", "dynamics_error"]
    assert "2 not reached" in ran.err
    assert rows(storage) == {*ids}
    assert {held(ledger, lead).state for lead in ids} == {State.FALLBACK}


def test_a_lead_that_is_refused_for_good_is_poisoned_and_the_others_are_written(
    run_with_dynamics: Runner, storage: Storage, ledger: AzureLedger, standin: Standin
) -> None:
    ids = [resting(storage, ledger, number) for number in (2, 1)]
    standin.fault("plugin_abort", count=1)
    ran = run_with_dynamics("fallback", "drain", "--yes")
    assert (ran.code, ids[0] in ran.out, ids[1] in ran.out) == (1, True, False)
    assert [held(ledger, lead).state for lead in ids] == [State.POISONED, State.WRITTEN]


def test_without_an_organisation_it_says_what_to_set(run: Runner, storage: Storage, ledger: AzureLedger) -> None:
    resting(storage, ledger, 1)
    with pytest.raises(SettingsError, match="DATAVERSE_URL"):
        run("fallback", "drain")


def test_rows_that_a_crash_left_behind_go(run_with_dynamics: Runner, storage: Storage, ledger: AzureLedger) -> None:
    lead = resting(storage, ledger, 1)
    left = held(ledger, lead)
    assert run_with_dynamics("fallback", "drain").code == 0
    AzureFallback(storage).keep(left)
    ran = run_with_dynamics("fallback", "drain")
    assert (rows(storage), "1 rows" in ran.err) == (set(), True)
