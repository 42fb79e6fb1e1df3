"""Says what a trace shows, in facts that can be compared between hosts.

Start-up is left out, and so is what depends on chance: a fact that two recordings of one host would not share.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

from tests.devkit.functions_host.traces.trace import Seen, Trace
from tests.devkit.functions_host.traces.values import Same, Times, Value, counted

Fact = Callable[[Trace], Value]


# What every scenario shows


def asked_for(trace: Trace) -> Same:
    """Lists how many messages a receive asks for, and how long they are to be hidden."""
    asked = sorted({(seen["n"], seen["vt"]) for seen in trace.requests("receive")})
    return Same([f"{n} for {seconds} s" for n, seconds in asked])


def hidden_for(trace: Trace) -> Same:
    return Same(sorted({round(message["visible_in"], -1) for message in _received(trace)}))


def dequeue_counts(trace: Trace) -> Same:
    return Same(counted([message["dequeue"] for message in _received(trace)]))


def runs(trace: Trace) -> Same:
    begun = sorted((seen["n"], seen["dequeue"]) for seen in trace.reported("begin"))
    return Same([f"{n} try {dequeue}" for n, dequeue in begun])


def changes(trace: Trace) -> Same:
    """Lists what was done with each message, in the order in which they were first received."""
    ids = dict.fromkeys(message["id"] for message in _received(trace))
    written = [[_shown(seen) for seen in trace.requests("update", "delete") if seen["id"] == each] for each in ids]
    return Same(counted([counted(each) for each in written]))


def poison_requests(trace: Trace) -> Same:
    return Same(counted([_shown(seen) for seen in trace.requests("send", "create")]))


def poison_copy(trace: Trace) -> Same:
    """Compares each copy with the message that it was made of: its text, its life, and which was written first."""
    if trace.poison is None:
        return Same("no queue")
    return Same([_described(copy, trace) for copy in trace.poison])


def left_on_queue(trace: Trace) -> Same:
    return Same(trace.left)


def exit_codes(trace: Trace) -> Same:
    return Same([seen["code"] for seen in trace.exits])


def waited_in_vain(trace: Trace) -> Same:
    return Same([seen["on"] for seen in trace.reported("driver_gave_up")])


# What some show


def asks_first(trace: Trace) -> Same:
    return Same(trace.wire[0]["op"] == "exists")


def batches(trace: Trace) -> Same:
    """Lists the sizes; only where all messages were there before the first receive are they no matter of chance."""
    return Same(counted([len(seen["messages"]) for seen in trace.requests("receive") if seen.get("messages")]))


def order_of_receipt(trace: Trace) -> Same:
    number_of = {seen["id"]: seen["n"] for seen in trace.reported("begin")}
    numbers = [number_of[message["id"]] for message in _received(trace)]
    return Same("as put" if numbers == sorted(numbers) else numbers)


def at_once(trace: Trace) -> Same:
    """Says whether runs never outnumber batchSize + newBatchThreshold, and a batch runs at once."""
    running = most = 0
    for seen in trace.reported("begin", "end"):
        running += 1 if seen["what"] == "begin" else -1
        most = max(most, running)
    return Same("8 to 12" if 8 <= most <= 12 else most)


def goes_on_receiving(trace: Trace) -> Same:
    """Says whether there are receives in a run long after the signal, which was sent when the run began."""
    begun = trace.reported("begin")[0]["t"]
    return Same(any(seen["t"] > begun + 2.2 for seen in trace.requests("receive")))


def until_first_message(trace: Trace) -> Same:
    """Lists the questions about the queue up to the first message, from the first fault on where there is one."""
    asked = trace.requests("exists", "receive")
    start = next((index for index, seen in enumerate(asked) if seen["status"] == 503), 0)
    end = next((index for index, seen in enumerate(asked) if seen.get("messages")), len(asked))
    return Same(counted([_shown(seen) for seen in asked[start : end + 1]]))


def kinds_until_first_message(trace: Trace) -> Same:
    asked = trace.requests("exists", "receive")
    end = next((index for index, seen in enumerate(asked) if seen.get("messages")), len(asked))
    return Same(list(dict.fromkeys(_shown(seen) for seen in asked[: end + 1])))


def poll_waits(count: int) -> Fact:
    """Measures the first waits after a hit or the start, each with those at its place in other series."""

    def fact(trace: Trace) -> Times:
        return _waits(trace.requests("receive"), count, lambda seen: bool(seen.get("messages")))

    return fact


def question_waits(trace: Trace) -> Times:
    return _waits(trace.requests("exists"), 5, lambda seen: seen["status"] == 200)


def tries(operation: str) -> Fact:
    """Lists the requests of each try in the first row of tries that got no answer, or a 5xx."""

    def fact(trace: Trace) -> Same:
        return Same(counted([len(each) for each in _tries(trace, operation)]))

    return fact


def pauses_between_tries(operation: str) -> Fact:
    def fact(trace: Trace) -> Times:
        begun = [each[0]["t"] for each in _tries(trace, operation)]
        return Times(positions=tuple((after - before,) for before, after in pairwise(begun)))

    return fact


def pause_before_second_delete(trace: Trace) -> Times:
    first, second = trace.requests("delete")[:2]
    return Times(positions=((second["t"] - first["t"],),))


def release_after_run(trace: Trace) -> Times:
    """Measures from the end of each run to what is written to its message."""
    pairs = zip(trace.reported("end", "exits"), trace.requests("update", "delete"), strict=False)
    return _one([written["t"] - ended["t"] for ended, written in pairs])


def release_after_death(trace: Trace) -> Times:
    deaths = [seen["t"] for seen in trace.reported("exits")]
    written = [seen["t"] for seen in trace.requests("update", "delete")]
    return _one([each - max(death for death in deaths if death <= each) for each in written if each >= deaths[0]])


def release_after_begin(n: int) -> Fact:
    def fact(trace: Trace) -> Times:
        only = trace.of_message(n)
        begun, released = only.reported("begin")[:1], only.requests("update")[:1]
        return _one([released[0]["t"] - begun[0]["t"]] if released else [], spread=1.25)

    return fact


def receipt_after_release(n: int) -> Fact:
    def fact(trace: Trace) -> Times:
        only = trace.of_message(n) if n else trace
        updates = [seen["t"] for seen in only.requests("update")]
        receipts = [seen["t"] for seen in only.requests("receive") if seen.get("messages")]
        after = [min((each for each in receipts if each > update), default=0.0) - update for update in updates]
        return _one([each for each in after if each > 0])

    return fact


def run_after_death(trace: Trace) -> Times:
    """Measures from each death of the worker to the next run."""
    begun = [seen["t"] for seen in trace.reported("begin")]
    deaths = [seen["t"] for seen in trace.reported("exits")]
    after = [min((each for each in begun if each > death), default=0.0) - death for death in deaths]
    return Times(positions=tuple((each,) for each in after if each > 0), spread=1.25)


def renewal_after_receipt(trace: Trace) -> Times:
    received = next(seen["t"] for seen in trace.requests("receive") if seen.get("messages"))
    return _one([seen["t"] - received for seen in trace.requests("update")[:1]], spread=1.02, late=5)


def end_after(cause: Callable[[Trace], Iterable[Seen]]) -> Fact:
    """Measures from the last of `cause` to the end of the process. A quicker end is no worse."""

    def fact(trace: Trace) -> Times:
        last = [seen["t"] for seen in cause(trace)][-1:]
        return _one([trace.exits[-1]["t"] - each for each in last], early=1)

    return fact


def deletes(trace: Trace) -> list[Seen]:
    return trace.requests("delete")


def first_refusal(operation: str) -> Callable[[Trace], list[Seen]]:
    return lambda trace: [seen for seen in trace.requests(operation) if seen["status"] not in {200, 201, 204, 404}][:1]


def _received(trace: Trace) -> list[Seen]:
    return [message for seen in trace.requests("receive") for message in seen.get("messages", ())]


def _shown(seen: Seen) -> str:
    asked = "".join(f" {name} {seen[name]} s" for name in ("vt", "ttl") if name in seen and seen["op"] != "receive")
    code = f" {seen['code']}" if seen.get("code") else ""
    return f"{seen['op']}{asked} {seen['status']}{code}"


def _described(copy: Seen, trace: Trace) -> dict[str, object]:
    originals = {message["id"] for message in _received(trace) if message["text_sha"] == copy["text_sha"]}
    sent = [seen["t"] for seen in trace.requests("send") if seen["status"] == 201]
    deleted = [seen["t"] for seen in trace.requests("delete") if seen["id"] in originals]
    return {
        "dequeued": copy["dequeue"],
        "lives, s": copy["lives_for"],
        "the message's own text": bool(originals),
        "before the delete": bool(sent and deleted and max(sent) < min(deleted)),
    }


def _waits(asked: list[Seen], count: int, ends_series: Callable[[Seen], bool]) -> Times:
    positions: list[list[float]] = [[] for _ in range(count)]
    place = 0
    for seen, following in pairwise(asked):
        if ends_series(seen):
            place = 0
        elif place < count:
            positions[place].append(following["t"] - seen["t"])
            place += 1
    return Times(positions=tuple(tuple(each) for each in positions if each), early=0.05, late=0.4)


def _tries(trace: Trace, operation: str) -> list[list[Seen]]:
    """Group the requests of the first row of failures: those within a third of a second are one try's."""
    asked = trace.requests(operation)
    failed = [seen["status"] == "dropped" or seen["status"] >= 500 for seen in asked]
    start = failed.index(True)
    end = failed.index(False, start) if False in failed[start:] else len(asked)
    found: list[list[Seen]] = []
    for seen in asked[start:end][:24]:
        if found and seen["t"] - found[-1][-1]["t"] < 1 / 3:
            found[-1].append(seen)
        else:
            found.append([seen])
    return found[:6]


def _one(values: list[float], **allowance: float) -> Times:
    return Times(positions=(tuple(values),) if values else (), **allowance)
