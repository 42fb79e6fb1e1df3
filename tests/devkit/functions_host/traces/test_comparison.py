"""The comparison itself: it takes two recordings of the same rules for equal, and finds each rule that is broken."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.devkit.functions_host.traces.__main__ import DECISION, main, with_table
from tests.devkit.functions_host.traces.compare import (
    QUEUE_LISTENER,
    Outcome,
    compare,
    differs_in_times_alone,
    microsofts,
    unexplained,
)
from tests.devkit.functions_host.traces.differences import DIFFERENCES, Difference
from tests.devkit.functions_host.traces.scenario_facts import DID_NOT_HAPPEN, facts_of
from tests.devkit.functions_host.traces.scenarios import SCENARIOS
from tests.devkit.functions_host.traces.trace import Seen, Trace, load, save
from tests.devkit.functions_host.traces.values import Same, Times, agree

THEIRS = microsofts()
LISTENERS = load(QUEUE_LISTENER)
# Where the listener alone, without the host around it, does something else.
OF_THE_HOST = {
    ("s10", "goes on receiving after SIGTERM"),
    ("s11", "goes on receiving after SIGTERM"),
    ("s14", "exit codes"),
    ("s15", "exit codes"),
    ("s16", "exit codes"),
    ("s31", "exit codes"),
    # Without a worker process there is nothing to end.
    ("s19", "dequeue counts"),
    ("s19", "runs"),
    ("s19", "written to each message"),
    ("s19", "release after the run began"),
}


def test_each_scenario_has_a_recording() -> None:
    assert {*THEIRS} == {*SCENARIOS}


@pytest.mark.parametrize("name", LISTENERS)
def test_both_recordings_agree_but_for_what_the_host_adds(name: str) -> None:
    differing = unexplained(compare(THEIRS[name], LISTENERS[name], table=()))
    assert [str(each) for each in differing if (name[:3], each.fact) not in OF_THE_HOST] == []
    assert {each.fact for each in differing} == {fact for scenario, fact in OF_THE_HOST if scenario == name[:3]}


@pytest.mark.parametrize("trace", [*THEIRS.values(), *LISTENERS.values()], ids=lambda trace: trace.scenario)
def test_each_fact_is_one_that_happened_in_the_recordings(trace: Trace) -> None:
    assert DID_NOT_HAPPEN not in facts_of(trace).values()


@pytest.mark.parametrize("name", THEIRS)
def test_a_host_that_does_nothing_agrees_in_no_scenario(name: str) -> None:
    nothing = Trace(scenario=name, wire=(), events=(), exits=(), left=0, poison=None, output=())
    assert unexplained(compare(THEIRS[name], nothing, table=()))


@pytest.mark.parametrize("name", THEIRS)
def test_a_recording_agrees_with_itself(name: str) -> None:
    assert {each.outcome for each in compare(THEIRS[name], THEIRS[name], table=())} == {Outcome.AGREES}


Change = Callable[[Trace], Trace]


def with_(operation: str, **fields: object) -> Change:
    """Change fields of each such request."""
    return lambda trace: replace(
        trace, wire=tuple({**seen, **fields} if seen["op"] == operation else seen for seen in trace.wire)
    )


def without(operation: str, which: int) -> Change:
    def change(trace: Trace) -> Trace:
        left_out = trace.requests(operation)[which]
        return replace(trace, wire=tuple(seen for seen in trace.wire if seen is not left_out))

    return change


def later(operation: str, which: int, seconds: float) -> Change:
    """Delay one request and all that follows it."""

    def change(trace: Trace) -> Trace:
        since = trace.requests(operation)[which]["t"]
        return moved(trace, lambda t: t + seconds if t >= since else t)

    return change


def stretched(factor: float) -> Change:
    return lambda trace: moved(trace, lambda t: t * factor)


def moved(trace: Trace, to: Callable[[float], float]) -> Trace:
    def all_moved(seen: tuple[Seen, ...]) -> tuple[Seen, ...]:
        return tuple({**each, "t": to(each["t"])} for each in seen)

    return replace(trace, wire=all_moved(trace.wire), events=all_moved(trace.events), exits=all_moved(trace.exits))


def polls_each(seconds: float) -> Change:
    """Poll at even intervals in place of growing ones."""

    def change(trace: Trace) -> Trace:
        receives = trace.requests("receive")
        wire = tuple({**seen, "t": number * seconds} for number, seen in enumerate(receives))
        return replace(trace, wire=wire)

    return change


def received_for(seconds: int) -> Change:
    def hidden(seen: Seen) -> Seen:
        messages = [{**message, "visible_in": seconds} for message in seen.get("messages", ())]
        return {**seen, "messages": messages} if messages else seen

    return lambda trace: replace(trace, wire=tuple(hidden(seen) for seen in trace.wire))


def of_poison(**fields: object) -> Change:
    return lambda trace: replace(trace, poison=tuple({**copy, **fields} for copy in trace.poison or ()))


def ending(seconds: float, code: int = 0) -> Change:
    return lambda trace: replace(trace, exits=({"t": trace.exits[-1]["t"] + seconds, "code": code},))


def run_once_more(trace: Trace) -> Trace:
    return replace(trace, events=(*trace.events, trace.reported("begin")[-1]))


def deleted_before_the_copy(trace: Trace) -> Trace:
    sent = trace.requests("send")[-1]["t"]
    return replace(
        trace, wire=tuple({**seen, "t": sent - 0.1} if seen["op"] == "delete" else seen for seen in trace.wire)
    )


def only_tries(count: int) -> Change:
    """Give up after fewer tries."""

    def change(trace: Trace) -> Trace:
        failed = [seen for seen in trace.wire if seen["status"] in {"dropped", 503}]
        kept = failed[: count * len(failed) // 6]
        return replace(trace, wire=tuple(seen for seen in trace.wire if seen not in failed or seen in kept))

    return change


@pytest.mark.parametrize(
    ("scenario", "change", "fact"),
    [
        ("s01", with_("receive", n=16), "a receive asks for"),
        ("s01", with_("receive", vt=300), "a receive asks for"),
        ("s01", received_for(300), "hidden for, s"),
        ("s01", polls_each(0.1), "waits between polls"),
        ("s01", polls_each(1), "waits between polls"),
        ("s01", polls_each(2), "waits between polls"),
        ("s01", without("delete", 0), "written to each message"),
        ("s02", run_once_more, "runs"),
        ("s02", with_("update", vt=0), "written to each message"),
        ("s02", with_("send", ttl=-1), "requests to the poison queue"),
        ("s02", later("receive", 2, 0.7), "waits between polls"),
        ("s02", later("send", 0, 4), "release after the run"),
        ("s03", later("update", 0, 9), "release after the run"),
        ("s04", run_once_more, "runs"),
        ("s05", deleted_before_the_copy, "poison queue"),
        ("s05", of_poison(lives_for=-1), "poison queue"),
        ("s06", of_poison(text_sha="other"), "poison queue"),
        ("s08", with_("delete", status=503), "written to each message"),
        ("s09", lambda trace: replace(trace, left=0), "left on the queue"),
        ("s11", ending(-6), "end after SIGTERM"),
        ("s11", ending(10), "end after SIGTERM"),
        ("s12", without("exists", -1), "questions until the queue is there"),
        ("s12", stretched(3), "waits between questions"),
        ("s13", without("exists", -1), "questions until the first message"),
        ("s13", only_tries(3), "pauses between tries"),
        ("s14", ending(10), "end after the 403"),
        ("s14", ending(0, code=70), "exit codes"),
        ("s15", only_tries(4), "pauses between tries"),
        ("s15", stretched(2), "pauses between tries"),
        ("s16", lambda trace: replace(trace, left=0), "left on the queue"),
        ("s17", later("delete", 1, 2.5), "pause before the second delete"),
        ("s19", later("update", 0, -12), "release after the run began"),
        ("s21", later("update", 1, -9), "release after the run began"),
        ("s22", later("update", 1, 5), "release after the worker's end"),
        ("s22", ending(8), "end after the worker's third"),
        ("s30", later("update", 0, 30), "renewal after the receipt"),
        ("s30", with_("update", vt=60), "written to each message"),
        ("s31", only_tries(5), "pauses between tries"),
        ("s32", stretched(0.5), "waits between polls"),
    ],
)
def test_a_broken_rule_is_found(scenario: str, change: Change, fact: str) -> None:
    theirs = next(trace for name, trace in THEIRS.items() if name.startswith(scenario))
    assert fact in {each.fact for each in unexplained(compare(theirs, change(theirs), table=()))}


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.25], ids=lambda delay: f"{delay} s late")
def test_a_slow_machine_is_no_broken_rule(delay: float) -> None:
    """Each request comes later than the one before it by so much more than it did."""
    theirs = THEIRS["s01_success_then_idle"]
    place = {id(seen): number for number, seen in enumerate(theirs.wire)}
    slow = replace(theirs, wire=tuple({**seen, "t": seen["t"] + delay * place[id(seen)]} for seen in theirs.wire))
    assert unexplained(compare(theirs, replace(slow, exits=theirs.exits), table=())) == []


ROW = Difference("s01", "left on the queue", Same(1), "for a test")


@pytest.mark.parametrize(
    ("left", "table", "outcome"),
    [
        (0, (), Outcome.AGREES),
        (1, (), Outcome.UNEXPLAINED),
        (1, (ROW,), Outcome.KNOWN),
        (2, (ROW,), Outcome.OTHER),
        (0, (ROW,), Outcome.GONE),
    ],
)
def test_only_what_the_table_says_may_differ(left: int, table: tuple[Difference, ...], outcome: Outcome) -> None:
    theirs = THEIRS["s01_success_then_idle"]
    (of_left,) = (each for each in compare(theirs, replace(theirs, left=left), table) if each.fact == ROW.fact)
    assert of_left.outcome is outcome
    assert bool(unexplained([of_left])) is (outcome not in {Outcome.AGREES, Outcome.KNOWN})


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: f"{row.scenario} {row.fact}")
def test_each_row_names_a_fact_of_a_scenario_and_a_difference(row: Difference) -> None:
    (theirs,) = (trace for name, trace in THEIRS.items() if name.startswith(row.scenario))
    assert not agree(facts_of(theirs)[row.fact], row.ours)


def test_no_row_is_there_twice() -> None:
    assert len({(row.scenario, row.fact) for row in DIFFERENCES}) == len(DIFFERENCES)


def test_the_decision_has_the_table_of_the_code() -> None:
    text = DECISION.read_text(encoding="utf-8")
    assert with_table(text) == text, "run `python -m tests.devkit.functions_host.traces table`"


def test_measured_times_agree_within_the_jitter_and_some_delay() -> None:
    theirs = Times(positions=((1.0, 1.2),), spread=1.5, early=0.1, late=0.5)
    fits = [value for value in (0.5, 0.6, 1.0, 2.2, 2.4) if agree(theirs, Times(positions=((value,),)))]
    assert fits == [0.6, 1.0, 2.2]
    assert not agree(theirs, Times(positions=()))
    assert not agree(theirs, Same(1.0))


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    save(tmp_path / "traces.json.gz", THEIRS.values(), command=["host"])
    assert load(tmp_path / "traces.json.gz") == THEIRS


@pytest.mark.parametrize(("change", "code"), [(lambda trace: trace, 0), (with_("update", vt=0), 1)])
def test_the_command_ends_with_1_where_something_is_unexplained(
    change: Change, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "other.json.gz", [change(THEIRS["s03_succeeds_at_the_third"])], command=["host"])
    assert main(["compare", str(tmp_path / "other.json.gz")]) == code
    assert ("s03_succeeds_at_the_third: written to each message" in capsys.readouterr().out) is bool(code)
    assert main(["compare", "--json", str(tmp_path / "other.json.gz")]) == code
    outcomes = {record["outcome"] for record in json.loads(capsys.readouterr().out)}
    assert outcomes == ({"agrees", "unexplained"} if code else {"agrees"})


@pytest.mark.parametrize(
    ("change", "alone"),
    [
        (lambda trace: trace, False),
        (later("update", 0, 9), True),
        (with_("update", vt=0), False),
        (lambda trace: with_("update", vt=0)(later("update", 0, 9)(trace)), False),
    ],
)
def test_only_a_difference_of_measured_times_alone_is_worth_another_try(change: Change, alone: bool) -> None:
    theirs = THEIRS["s03_succeeds_at_the_third"]
    assert differs_in_times_alone(compare(theirs, change(theirs), table=())) is alone
