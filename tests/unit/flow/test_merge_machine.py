"""The machine of test_machine.py with LEADPIPE_MERGE: one customer's actions in any order, beside all else.

In the end each action is in Dynamics as a lead or as a note, never as both, and a customer has one lead.
"""

import logging
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from leadpipe import delivery
from leadpipe.model.claim import TAKES_NOTES
from leadpipe.model.lead import Lead
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from tests.host_simulation import Run
from tests.unit.flow import test_machine as machine
from tests.unit.flow.test_machine import (
    CALLS,
    FAILURES,
    HUNT,
    ORDINARY,
    SECOND,
    SOME_CALLS,
    SWEEP_LOGS,
    TO_THE_END,
    Machine,
)

pytestmark = [*machine.pytestmark, pytest.mark.slow]
EXAMPLES = machine.EXAMPLES or 40
WINDOW = timedelta(days=30)
# What has to have happened somewhere, or the machine is not worth its time.
INTERESTING = frozenset(
    {
        "a note",
        "waited for its first lead",
        "rested with its first lead",
        "a note was drained",
        "took the place of a first lead",
        "took the place of a deleted lead",
        "a first lead became a note",
        "a merged action became a lead",
        "a note whose reply was lost",
        "merge was switched",
    }
)


class MergeMachine(Machine):
    reached: ClassVar[Counter[str]] = Counter()
    usual: ClassVar[Settings] = replace(machine.SETTINGS, merge=WINDOW)

    def __init__(self) -> None:
        super().__init__()
        self.gave_way: set[str] = set()  # leads that were, at some time, none that take notes
        self.could_not_look = False  # what an earlier try made could not always be asked for
        self.switched = False
        self.customer = 0

    # What happens

    @rule()
    def another_customer_comes(self) -> None:
        self.customer += 1

    @rule(which=st.integers(0, 3), calls=CALLS)
    def a_customer_acts(self, which: int, calls: int) -> None:
        self.a_lead_comes_and_is_delivered(f"action {which} of {self.customer}", calls)

    @rule(which=st.integers(0, 3), other=st.integers(0, 3), first=SOME_CALLS, second=CALLS)
    def a_customer_acts_twice_at_once(self, which: int, other: int, first: int, second: int) -> None:
        self.work_off_the_queue()
        self.a_customer_acts(which, first)
        self.a_customer_acts(other, second)

    @rule(calls=CALLS, replayed=st.booleans())
    def a_new_customers_first_action_is_refused(self, calls: int, replayed: bool) -> None:
        self.work_off_the_queue()
        self.another_customer_comes()
        self.next_failures = [FAILURES["refused"]]
        self.a_customer_acts(0, TO_THE_END)
        self.a_customer_acts(1, calls)
        if replayed:
            self.a_person_replays(-1, False, TO_THE_END)
            self.work_off_the_queue()

    @rule(kind=st.sampled_from(("unreachable", "blocked")), calls=CALLS)
    def a_new_customer_acts_while_dynamics_is_away(self, kind: str, calls: int) -> None:
        self.another_customer_comes()
        self.a_customer_acts(0, 4)
        self.dynamics_is_away_for_hours(kind, 5)
        self.a_customer_acts(1, calls)
        self.life_goes_on(20)

    @rule(calls=CALLS)
    def a_notes_reply_is_lost(self, calls: int) -> None:
        self.work_off_the_queue()
        self.a_customer_acts(0, TO_THE_END)
        self.dynamics_reply_is_lost()
        self.a_customer_acts(1, TO_THE_END)
        self.wait(35 * SECOND)
        self.deliver(calls)

    @rule(calls=CALLS)
    def a_new_customers_lead_is_deleted_before_the_next_action(self, calls: int) -> None:
        self.work_off_the_queue()
        self.another_customer_comes()
        self.a_customer_acts(0, TO_THE_END)
        if self.world.dynamics.leads:
            self.a_person_deletes_a_lead_in_dynamics(-1)
        self.a_customer_acts(1, calls)

    @precondition(lambda self: self.world.dynamics.leads)
    @rule(which=st.integers(0, 5))
    def a_person_deletes_a_lead_in_dynamics(self, which: int) -> None:
        dynamics = self.world.dynamics
        lead_id = sorted(dynamics.leads)[which % len(dynamics.leads)]
        record = self.world.ledger.rows.get(lead_id)
        if record is None or record.state is not State.WRITTEN:
            return  # one that is still being settled would be created a second time, by whoever redelivers it
        self.deleted |= {lead_id, *(note for note, of in dynamics.notes.items() if of == lead_id)}
        self.gave_way.add(lead_id)
        dynamics.delete(lead_id)

    @rule(on=st.booleans())
    def merge_is_switched(self, on: bool) -> None:
        self.settings = replace(self.settings, merge=WINDOW if on else timedelta(0))
        self.switched = True
        self.reach("merge was switched")
        self.the_process_dies()

    @rule(may=st.booleans())
    def the_role_may_read_leads(self, may: bool) -> None:
        super().the_role_may_read_leads(may)
        self.could_not_look = self.could_not_look or not may

    # What is true in the end

    def judge_the_end(self) -> None:
        super().judge_the_end()
        self.judge_kinds()

    def judge_kinds(self) -> None:
        dynamics, rows = self.world.dynamics, self.world.ledger.rows
        unsure = self.could_not_look or self.switched
        for lead_id in dynamics.leads.keys() & dynamics.notes.keys():
            explained = unsure or rows[lead_id].own_lead or lead_id in dynamics.landed_late
            assert explained, f"a lead and a note: {rows[lead_id]}"
        for lead_id, of in dynamics.notes.items():
            assert of in dynamics.leads, f"a note on nothing: {lead_id}"

    def judge_doubles(self) -> None:
        if not self.switched:
            super().judge_doubles()
            self.judge_customers()

    def judge_customers(self) -> None:
        """Each customer has one lead within the window, but for those that gave way or that a person touched."""
        rows = self.world.ledger.rows
        leads = [
            (self.world.dynamics.leads[lead_id].customer(), rows[lead_id]) for lead_id in self.world.dynamics.leads
        ]
        firsts = [(of, record) for of, record in leads if of and not self.excused(record)]
        for (one_of, one), (other_of, other) in combinations(firsts, 2):
            apart = abs(one.received_at - other.received_at)
            assert one_of != other_of or apart > WINDOW or self.is_long(), f"two leads of one customer: {one} {other}"

    def excused(self, record: Record) -> bool:
        touched = record.fingerprint in self.touched or record.own_lead
        return touched or record.lead_id in self.gave_way or record.lead_id in self.world.dynamics.landed_late

    def is_long(self) -> bool:
        """Whether claims may have passed to leads so much later that an old one goes on without one."""
        times = [record.received_at for record in self.world.ledger.rows.values()]
        return max(times) - min(times) > WINDOW

    # How it is done

    def payload(self, content: str, **more: Any) -> str:
        if not content.startswith("action"):
            return super().payload(content, **more)
        action, _, customer = content.partition(" of ")
        return super().payload(f"customer {customer}", ActionCode=action, **more)

    def judge(self, lead_id: str, lead: Lead) -> BaseException | None:
        if self.world.dynamics.noting:
            return self.next_failures.pop(0) if self.next_failures else None
        return super().judge(lead_id, lead)

    def check(self, before: Record | None, after: Record, run: Run | None) -> None:
        super().check(before, after, run)
        if after.state not in TAKES_NOTES:
            self.gave_way.add(after.lead_id)

    def tell(self, before: Record, after: Record, by: str) -> None:
        super().tell(before, after, by)
        waited = before.reason == "behind_first"
        merged = after.state is State.MERGED and before.state is not State.MERGED
        written = after.state is State.WRITTEN and before.state is not State.WRITTEN
        self.reach("a note", merged)
        self.reach("waited for its first lead", waited and merged)
        self.reach("rested with its first lead", (after.state, after.reason) == (State.FALLBACK, "behind_first"))
        self.reach("a note was drained", merged and before.state is State.FALLBACK)
        self.reach("took the place of a first lead", written and self.is_of_one_that_gave_way(after))
        self.reach("a note whose reply was lost", merged and before.reason == "dynamics_unreachable")
        self.reach("took the place of a deleted lead", written and self.is_of_one_that_gave_way(after, self.deleted))
        self.reach("a first lead became a note", merged and before.lead_id in self.gave_way)
        self.reach("a merged action became a lead", by == "person" and before.state is State.MERGED and after.own_lead)

    def is_of_one_that_gave_way(self, record: Record, among: set[str] | None = None) -> bool:
        """Whether another lead of the same customer gave way."""
        rows, gave_way = self.world.ledger.rows, self.gave_way if among is None else among
        others = (rows[lead_id] for lead_id in gave_way & rows.keys() if lead_id != record.lead_id)
        return bool(record.email) and any(record.email == other.email for other in others)


@pytest.fixture(autouse=True)
def quiet_logs(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level("CRITICAL")
    for name in SWEEP_LOGS:
        caplog.set_level("ERROR", logger=name)
        monkeypatch.setattr(logging.getLogger(name), "propagate", False)


def test_each_action_of_a_customer_is_one_lead_or_one_note_whatever_happens() -> None:
    MergeMachine.reached.clear()
    run_machine(MergeMachine, settings=settings(ORDINARY, max_examples=EXAMPLES))
    assert {*MergeMachine.reached} >= INTERESTING, INTERESTING - {*MergeMachine.reached}


def test_that_nobody_claims_a_customer_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "find_first", lambda *_, **__: None)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_machine(MergeMachine, settings=HUNT)
