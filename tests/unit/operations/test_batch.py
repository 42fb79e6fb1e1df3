"""One decision for many leads: the pace, the end, and what is said of each."""

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import nullcontext

import pytest
import typer

from leadpipe.cli.batch import ask, carry_out, end, printer, stoppable
from leadpipe.cli.exit_codes import INTERRUPTED
from leadpipe.model.errors import LeadpipeError, NotAllowed, RecordDamaged, RowRefused, StorageFailed
from leadpipe.model.record import Record, State
from leadpipe.operations.batch import Work, paced
from leadpipe.operations.decisions import Outcome, Result
from tests.factories import LEAD_ID, lead_id, record

IDS = [lead_id(number=number) for number in range(5)]


def work(*outcomes: Record | Exception, stands: Record | None = None, done: Outcome = Outcome.REPLAYED) -> Work:
    """Work whose calls end in these, one after the other."""
    left = list(outcomes)

    def act(_lead_id: str) -> Record:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Work(act=act, done=done, look=lambda _lead_id: stands, at_once=1)


def outcomes(made: Work, ids: Iterable[str] = IDS) -> list[Outcome]:
    return [result.outcome for result in made.results(ids)]


def test_what_went_well_is_told_with_its_state_and_attempt() -> None:
    (result,) = work(record(attempt=4)).results([LEAD_ID])
    assert result == Result(lead_id=LEAD_ID, outcome=Outcome.REPLAYED, state="accepted", attempt=4)


def test_a_lead_that_dynamics_turned_out_to_have_is_told_as_written() -> None:
    assert outcomes(work(record(state=State.WRITTEN), done=Outcome.DISCARDED), [LEAD_ID]) == [Outcome.WRITTEN]


@pytest.mark.parametrize("failure", [RecordDamaged("20260314/x: Attempt is 0"), RowRefused("row_refused", "400")])
def test_a_row_that_storage_refuses_is_not_an_outage_and_the_next_lead_follows(failure: Exception) -> None:
    (refused, replayed) = work(failure, record()).results(IDS[:2])
    assert (refused.outcome, replayed.outcome) == (Outcome.REFUSED, Outcome.REPLAYED)
    assert failure.detail in refused.detail  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("stands", "outcome"),
    [
        (record(state=State.WRITTEN), Outcome.ALREADY_WRITTEN),
        (record(state=State.DEFERRED), Outcome.ON_ITS_WAY),
        (record(state=State.POISONED), Outcome.REFUSED),
        (record(state=State.KEPT), Outcome.REFUSED),
        (None, Outcome.REFUSED),
    ],
)
def test_a_lead_that_went_its_way_meanwhile_is_told_apart_from_one_that_still_waits(
    stands: Record | None, outcome: Outcome
) -> None:
    (result,) = work(NotAllowed("not_replayed", "it is so"), stands=stands).results([LEAD_ID])
    assert (result.outcome, result.detail) == (outcome, "it is so")
    assert result.state == (stands.state if stands else "")


def test_what_is_discarded_already_is_no_failure_of_discarding() -> None:
    stands = record(state=State.DISCARDED)
    discarding = work(NotAllowed("x"), stands=stands, done=Outcome.DISCARDED)
    assert outcomes(discarding, [LEAD_ID]) == [Outcome.ALREADY_DISCARDED]


def test_one_that_is_refused_does_not_stop_the_next() -> None:
    refused = NotAllowed("not_json"), LeadpipeError("unknown_lead")
    assert outcomes(work(*refused, record()), IDS[:3]) == [Outcome.REFUSED, Outcome.REFUSED, Outcome.REPLAYED]


def test_storage_that_does_not_answer_ends_the_work() -> None:
    failing = work(record(), StorageFailed("storage_unreachable", "the ledger"), record())
    assert outcomes(failing) == [Outcome.REPLAYED, Outcome.FAILED]


def test_a_fault_on_one_lead_does_not_stop_the_next_and_its_kind_is_reported() -> None:
    results = list(work(TypeError("Jane Doe"), record()).results(IDS[:2]))
    assert [result.outcome for result in results] == [Outcome.REFUSED, Outcome.REPLAYED]
    assert (results[0].reason, "Jane" in results[0].detail) == ("TypeError", False)


def test_several_are_worked_on_at_once_and_told_in_their_order() -> None:
    both_here = threading.Barrier(4, timeout=10)

    def act(lead: str) -> Record:
        both_here.wait()
        return record(lead)

    made = Work(act=act, done=Outcome.REPLAYED, look=lambda _lead: None, at_once=4)
    assert [result.lead_id for result in made.results(IDS[:4])] == IDS[:4]


def test_no_more_than_the_rate_are_done_in_a_second() -> None:
    at, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        at[0] += seconds

    def slow(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            at[0] += 0.1
            yield item

    assert list(slow(paced(range(4), 4, clock=lambda: at[0], sleep=sleep))) == [0, 1, 2, 3]
    assert slept == pytest.approx([0, 0.15, 0.15, 0.15])
    assert list(paced(range(3), None, sleep=slept.append)) == [0, 1, 2]


def test_what_costs_nothing_is_not_waited_for() -> None:
    costs, slept = iter([1, 0, 3, 0]), list[float]()
    assert list(paced(range(4), 2, cost=lambda: next(costs), clock=lambda: 0.0, sleep=slept.append)) == [0, 1, 2, 3]
    assert slept == [0, 0.5, 0.5, 2]


def test_ctrl_c_lets_the_lead_at_hand_come_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []

    def interrupted(ids: Iterable[str]) -> Iterator[Result]:
        for lead in ids:
            if len(done) == 1:
                signal.raise_signal(signal.SIGINT)
            done.append(lead)
            yield Result(lead_id=lead, outcome=Outcome.REPLAYED)

    before = signal.getsignal(signal.SIGINT)
    counts, stopped = carry_out(IDS, interrupted, list, title="replay")
    assert (done, counts, stopped) == (IDS[:2], {Outcome.REPLAYED: 2}, True)
    assert signal.getsignal(signal.SIGINT) is before
    assert "2 replayed; 3 not reached, the same command goes on with them" in capsys.readouterr().err


@pytest.fixture
def _in_the_foreground() -> Iterator[None]:
    """A shell lets what it starts in the background ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_in_the_foreground")
def test_a_second_ctrl_c_interrupts_at_once() -> None:
    with stoppable() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_dry_run_says_what_would_be_and_that_nothing_was_changed(capsys: pytest.CaptureFixture[str]) -> None:
    found = [Outcome.ERASED, Outcome.ERASED, Outcome.REFUSED, Outcome.ALREADY_WRITTEN]
    results = [Result(lead_id=lead, outcome=outcome) for lead, outcome in zip(IDS, found, strict=False)]
    carry_out(IDS[:4], lambda _ids: results, list, title="erase", dry_run=True)
    assert capsys.readouterr().err.splitlines() == [
        "2 would be erased, 1 would be refused, 1 already written",
        "dry run: nothing was changed",
    ]


def test_nothing_to_do_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    carry_out([], work().results, list, title="replay")
    assert capsys.readouterr().err == "nothing was done\n"


@pytest.mark.parametrize(
    ("outcome", "stopped", "named", "code"),
    [
        (Outcome.REPLAYED, False, True, 0),
        (Outcome.WRITTEN, False, True, 0),
        (Outcome.CHANGED, False, False, 0),
        (Outcome.CHANGED, False, True, 1),
        (Outcome.ON_ITS_WAY, False, False, 0),
        (Outcome.ON_ITS_WAY, False, True, 1),
        (Outcome.ALREADY_WRITTEN, False, True, 0),
        (Outcome.ALREADY_DISCARDED, False, True, 0),
        (Outcome.REFUSED, False, False, 1),
        (Outcome.FAILED, False, False, 1),
        (Outcome.REPLAYED, True, False, INTERRUPTED),
    ],
)
def test_the_exit_code_says_whether_what_was_asked_for_came_true(
    outcome: Outcome, stopped: bool, named: bool, code: int
) -> None:
    counts, _ = carry_out([LEAD_ID], lambda _: [Result(lead_id=LEAD_ID, outcome=outcome)], list, title="x")
    with pytest.raises(typer.Exit) if code else nullcontext() as ended:
        end(counts, stopped=stopped, named=named)
    assert (ended.value.exit_code if ended else 0) == code


def test_the_table_tells_what_did_not_go_as_meant_and_the_json_tells_all(capsys: pytest.CaptureFixture[str]) -> None:
    results = [Result(lead_id=IDS[0], outcome=Outcome.REPLAYED), Result(lead_id=IDS[1], outcome=Outcome.REFUSED)]
    printer(Outcome.REPLAYED, as_json=False)(results)
    table = capsys.readouterr().out
    assert (IDS[0] in table, IDS[1] in table) == (False, True)
    printer(Outcome.REPLAYED, as_json=True)(results)
    out = capsys.readouterr().out
    assert all(lead in out for lead in IDS[:2])


def test_where_nobody_can_answer_it_says_what_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def abort(*_: object, **__: object) -> bool:
        raise typer.Abort

    monkeypatch.setattr(typer, "confirm", abort)
    with pytest.raises(typer.Exit):
        ask("really?", yes=False, instead="--set does")
    assert capsys.readouterr().err.splitlines()[-1] == "nothing was changed: where nobody can answer, --set does"


def test_yes_answers_the_question_before_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer, "confirm", None)
    ask("really?", yes=True)
