"""Lists the crash windows: the gaps between two successive writes, in which a process can die.

They follow from the order of writes in every situation of leadpipe, listed here. tests/faults records what the code
really does in each and compares, so that a write that is not listed here fails a test.

A write is named after the port and its method (leadpipe.model.ports); `http.answer` is the 202 and `message.delete`
the host's own end of a queue message.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

# situation -> flow: writes in their order. A flow is what the process was doing; for the sweep it is the task's name.
SITUATIONS = {
    "a lead is posted": "intake: ledger.insert, queue.put, http.answer",
    "something is posted that is no lead": "intake: ledger.insert, http.answer",
    "a lead is written": "delivery: claims.take, dynamics.create, ledger.write, message.delete",
    "only the message was kept": (
        "delivery: ledger.insert, claims.take, dynamics.create, ledger.write, message.delete"
    ),
    "the lead repeats another": "delivery: claims.take, ledger.write, message.delete",
    "the lead it repeats was discarded": (
        "delivery: claims.take, claims.take_over, dynamics.create, ledger.write, message.delete"
    ),
    "Dynamics refuses the lead": "delivery: claims.take, dynamics.create, ledger.write, message.delete",
    "Dynamics fails for now": "delivery: claims.take, dynamics.create, queue.put, ledger.write, message.delete",
    "the gate is shut": "delivery: claims.take, queue.put, ledger.write, message.delete",
    "a setting is wrong": "delivery: queue.put, ledger.write, message.delete",
    "Dynamics was away too long": (
        "delivery: claims.take, dynamics.create, fallback.keep, ledger.write, message.delete"
    ),
    "no organisation is configured": "delivery: claims.take, fallback.keep, ledger.write, message.delete",
    "the tables are away": "delivery: queue.put, message.delete",
    "the message is newer than leadpipe": "delivery: queue.put, message.delete",
    "the host gave up on a message": "poison_queue: ledger.write, queue.put, poison_queue.delete",
    "the host gave up for the third time": "poison_queue: ledger.write, poison_queue.delete",
    "the host gave up on a message without a record": (
        "poison_queue: ledger.insert, ledger.write, queue.put, poison_queue.delete"
    ),
    "the host gave up on what is no message of ours": "poison_queue: ledger.insert, poison_queue.delete",
    "the host gave up on a newer message": "poison_queue: queue.put, poison_queue.delete",
    "a lead is overdue": "overdue: ledger.write, queue.put",
    "a lead of an older day is overdue": "look_back: ledger.write, queue.put, marks.write",
    "a settled lead left its row behind": "look_back: fallback.remove, marks.write",
    "Dynamics is back": "fallback: dynamics.create, ledger.write, fallback.remove",
    "Dynamics is back after a failed probe": "fallback: dynamics.create, ledger.write, fallback.remove, marks.write",
    "Dynamics is still away": "fallback: dynamics.create, fallback.keep, ledger.write, marks.write",
    "the marketplace wrote a row": "arrivals: claims.take, ledger.insert, queue.put, marks.write",
    "a person replays a lead": "command: marks.write, ledger.write, queue.put",
    "a person erases a lead": "command: ledger.write, ledger.forget_details, fallback.remove",
    "an earlier app's message is moved in": ("command: claims.take, ledger.insert, queue.put, foreign_queue.delete"),
    "a canary is delivered": "delivery: ledger.write, message.delete",
    "a canary is due": "canary: canary_marks.write, canary.post, canary_marks.write",
    "a canary's time is over": "canary: ledger.write, canary_marks.write",
    "a person is needed": "attention: attention.mark, notifier.send, attention.mark",
    "a settled lead is old": "retention: ledger.forget_details, ledger.write, marks.write",
}


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The gap between these two writes of one run."""

    flow: str
    after: str
    before: str

    def __str__(self) -> str:
        return f"{self.flow}: {self.after} → {self.before}"

    @classmethod
    def parse(cls, text: str) -> Self:
        flow, _, writes = text.partition(": ")
        after, _, before = writes.partition(" → ")
        return cls(flow, after, before)


def flow_of(situation: str) -> str:
    return SITUATIONS[situation].partition(":")[0]


def writes_of(situation: str) -> list[str]:
    return SITUATIONS[situation].partition(": ")[2].split(", ")


def windows_of(situation: str) -> list[Window]:
    return [Window(flow_of(situation), after, before) for after, before in pairwise(writes_of(situation))]
