"""Says which facts of which scenario are compared."""

from collections.abc import Callable

from tests.devkit.functions_host.traces.facts import (
    Fact,
    asked_for,
    asks_first,
    at_once,
    batches,
    changes,
    deletes,
    dequeue_counts,
    end_after,
    exit_codes,
    first_refusal,
    goes_on_receiving,
    hidden_for,
    kinds_until_first_message,
    left_on_queue,
    order_of_receipt,
    pause_before_second_delete,
    pauses_between_tries,
    poison_copy,
    poison_requests,
    poll_waits,
    question_waits,
    receipt_after_release,
    release_after_begin,
    release_after_death,
    release_after_run,
    renewal_after_receipt,
    run_after_death,
    runs,
    tries,
    until_first_message,
    waited_in_vain,
)
from tests.devkit.functions_host.traces.trace import Trace
from tests.devkit.functions_host.traces.values import Same, Value

DID_NOT_HAPPEN = Same("what it is about did not happen")


def facts_of(trace: Trace) -> dict[str, Value]:
    cut = _CUTS.get(trace.scenario[:3], _whole)(trace)
    return {name: _value(fact, cut) for name, fact in _facts_for(trace.scenario).items()}


def _value(fact: Fact, trace: Trace) -> Value:
    """Give the fact also of a host that did something else altogether, such as nothing."""
    try:
        return fact(trace)
    except (LookupError, StopIteration, ValueError):
        return DID_NOT_HAPPEN


_COMMON: dict[str, Fact] = {
    "a receive asks for": asked_for,
    "hidden for, s": hidden_for,
    "dequeue counts": dequeue_counts,
    "runs": runs,
    "written to each message": changes,
    "requests to the poison queue": poison_requests,
    "poison queue": poison_copy,
    "left on the queue": left_on_queue,
    "exit codes": exit_codes,
    "waited for in vain": waited_in_vain,
}
_BY_CHANCE = {("s10", "left on the queue")}
_STOP = {"end after the last delete": end_after(deletes)}
_AGAIN = {
    "release after the run": release_after_run,
    "receipt after the release": receipt_after_release(0),
}
_DROPPED = first_refusal("receive")
_OF_ONE: dict[str, dict[str, Fact]] = {
    "s01": {"asks for the queue before it receives": asks_first, "waits between polls": poll_waits(6)},
    "s02": {**_AGAIN, "waits between polls": poll_waits(3)},
    "s03": {**_AGAIN, **_STOP},
    "s04": {"batches": batches, "order": order_of_receipt, "runs at once": at_once, **_STOP},
    "s05": _STOP,
    "s06": {"batches": batches, **_STOP},
    "s07": {"receipt after the release": receipt_after_release(0), **_STOP},
    "s10": {"goes on receiving after SIGTERM": goes_on_receiving, **_STOP},
    "s11": {
        "goes on receiving after SIGTERM": goes_on_receiving,
        "end after SIGTERM": end_after(lambda trace: trace.reported("begin")),
    },
    "s12": {"questions until the queue is there": kinds_until_first_message, "waits between questions": question_waits},
    "s13": {
        "questions until the first message": until_first_message,
        "pauses between tries": pauses_between_tries("receive"),
    },
    "s14": {"end after the 403": end_after(_DROPPED)},
    "s15": {
        "requests of each try": tries("receive"),
        "pauses between tries": pauses_between_tries("receive"),
        "end after the first drop": end_after(_DROPPED),
    },
    "s16": {"end after the 403": end_after(first_refusal("send"))},
    "s17": {"pause before the second delete": pause_before_second_delete},
    "s18": {"pause before the second delete": pause_before_second_delete},
    "s19": {
        "release after the run began": release_after_begin(1),
        "receipt after the release": receipt_after_release(1),
    },
    "s20": _STOP,
    "s21": {
        "release after the run began": release_after_begin(1),
        "release after the other run began": release_after_begin(2),
        "receipt after the release": receipt_after_release(1),
    },
    "s22": {
        "release after the worker's end": release_after_death,
        "run after the worker's end": run_after_death,
        "end after the worker's third": end_after(lambda trace: trace.reported("exits")),
    },
    "s30": {"renewal after the receipt": renewal_after_receipt, **_STOP},
    "s31": {
        "pauses between tries": pauses_between_tries("update"),
        "end after the first 503": end_after(first_refusal("update")),
    },
    "s32": {"waits between polls": poll_waits(10)},
}


def _whole(trace: Trace) -> Trace:
    return trace


def _until_stop(trace: Trace) -> Trace:
    """Cut where the driver sends its signal after a wait: what a stop does with a run is s10's and s11's."""
    return trace.until(min((seen["t"] for seen in trace.reported("driver_gave_up")), default=float("inf")))


def _until_first_delete(trace: Trace) -> Trace:
    return trace.until(min((seen["t"] for seen in trace.requests("delete")), default=float("inf")))


# The second message is put just before the signal: whether it is still received is a matter of chance.
_CUTS: dict[str, Callable[[Trace], Trace]] = {
    "s10": lambda trace: trace.of_message(1),
    "s19": _until_stop,
    "s21": _until_first_delete,
}


def _facts_for(scenario: str) -> dict[str, Fact]:
    short = scenario[:3]
    common = {name: fact for name, fact in _COMMON.items() if (short, name) not in _BY_CHANCE}
    return {**common, **_OF_ONE.get(short, {})}
