"""Deliveries, twins, crashes, lost replies, sweeps and persons in any order: what stays true whatever happens.

Hypothesis chooses what happens next. Runs of intake, delivery, sweep and persons' decisions stand still before their
calls of a port, so that any of them can overtake another or die there. In the end everything is mended, time passes,
and every lead that got a 202 has to be where the design says.

For longer: LEADPIPE_MACHINE_EXAMPLES=5000 pytest tests/unit/flow/test_machine.py, which then also begins at random.
"""

import logging
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import combinations
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from leadpipe import delivery, intake, ledger_writes
from leadpipe import sweep as sweeping
from leadpipe.delivery import Try
from leadpipe.model.canary_form import canary_payload
from leadpipe.model.change import Change, Written, transition
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import Blocked, LeadpipeError, NotAllowed, NotKept, Refused, StorageFailed, Transient
from leadpipe.model.gate import Gate
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Arrival, Dynamics, Ports, SeenMessage
from leadpipe.model.record import ALLOWED, CANARY, CANARY_FAILED, FORGETTABLE, OPEN, Event, Record, State
from leadpipe.model.settings import Area, Fault, Settings
from leadpipe.operations import decisions
from leadpipe.operations.decisions import Desk
from leadpipe.sweep import overdue
from tests.factories import payload
from tests.fakes import FakeLedger
from tests.host_simulation import LEASE, Crash, Host, HostWorld, Run, this_run

pytestmark = [
    pytest.mark.timeout(3600 if "LEADPIPE_MACHINE_EXAMPLES" in os.environ else 300),
    pytest.mark.slow,
    pytest.mark.usefixtures("each_payload_is_read_once"),
]
EXAMPLES = int(os.environ.get("LEADPIPE_MACHINE_EXAMPLES", "0"))
ORDINARY = settings(
    max_examples=EXAMPLES or 300,
    stateful_step_count=60 if EXAMPLES else 40,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    # What is found comes again in each run; to have it shortened, which can take long, set the variable.
    phases=[Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
    suppress_health_check=[*HealthCheck],
)
HUNT = settings(ORDINARY, max_examples=500, derandomize=True, phases=[Phase.generate])

SETTINGS = Settings(storage=None, dataverse=None)
FAULT = Fault(area=Area.DYNAMICS, setting="DATAVERSE_URL", problem="is no URL")
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Every call has a time-out, so no run lasts longer; what a person may not decide in is longer than that and a landing.
LONGEST_RUN = timedelta(seconds=70)

# How far a run goes before something else happens: mostly to its end, often to a place between two calls.
TO_THE_END = 1000
CALLS = st.sampled_from((TO_THE_END, TO_THE_END, 1, 2, 3, 4, 5, 6, 8, 10))
SOME_CALLS = st.sampled_from((1, 2, 3, 4, 5, 6))
SWEEP_LOGS = ("leadpipe.sweep", "leadpipe.sweep.guard")
STORES = ("queue", "ledger", "claims", "fallback", "poison_queue", "marks")
# What may leave each kind of run; anything else is a fault of ours.
EXPECTED: dict[str, tuple[type[BaseException], ...]] = {
    "post": (NotKept,),
    "deliver": (StorageFailed, Crash),
    "sweep": (StorageFailed,),
    "person": (LeadpipeError,),
}
LEADS = ("ordinary", "other", "nobody", "refused", "crashing", "crashing late")
CONTENTS = (*LEADS, "canary")
FAILURES = {
    "unreachable": Transient("dynamics_unreachable"),
    "error": Transient("dynamics_error"),
    "throttled": Transient("throttled", retry_after=MINUTE),
    "blocked": Blocked("no_role"),
    "this lead blocked": Blocked("owner_lacks_privilege", lead_only=True),
    "plug-in": Transient("plugin_crashed"),
    "refused": Refused("plugin_refused"),
}
# What has to have happened somewhere in a whole run, or the machine is not worth its time.
INTERESTING = frozenset(
    {
        "two deliveries of one lead at once",
        "died between create and settle",
        "died between the copy and the record",
        "reply lost: ledger",
        "reply lost: queue",
        "reply lost: claims",
        "reply lost: dynamics",
        "landed late",
        "poison queue",
        "overdue",
        "another round",
        "message made the record",
        "drained",
        "duplicate",
        "claim taken over",
        "replayed",
        "replayed anyway",
        "edited",
        "discarded",
        "discard found it written",
        "erased",
        "taken in",
        "decision refused",
        "receipt won over a settled state",
        "no outcome",
        "written as assumed",
        "canary came back",
        "canary failed",
    }
)


class Losing(list[Any]):
    """The replies that a store will lose, which tells when it has."""

    def __init__(self, tell: Callable[[], None], failure: Exception) -> None:
        super().__init__([failure])
        self._tell = tell

    def pop(self, *at: Any) -> Any:
        self._tell()
        return super().pop(*at)


@dataclass(frozen=True)
class Begun:
    run: Run
    at: datetime
    host: Host


class SweepFaults(logging.Handler):
    """A fault of our own that a sweep survived is still a fault."""

    def __init__(self, wrong: list[str]) -> None:
        super().__init__()
        self._wrong = wrong

    def emit(self, line: logging.LogRecord) -> None:
        said = line.getMessage()
        if re.search(r"sweep_(item_)?failed .* reason=[A-Z]", said):
            self._wrong.append(said)


class Machine(RuleBasedStateMachine):
    reached: ClassVar[Counter[str]] = Counter()
    usual: ClassVar[Settings] = SETTINGS

    def __init__(self) -> None:
        super().__init__()
        self.world = HostWorld()
        self.settings = self.usual
        self.host = self.new_host()
        self.runs: list[Begun] = []
        self.accepted: set[str] = set()
        self.canaries: set[str] = set()
        self.arrivals: list[str] = []
        self.touched: set[str] = set()  # the fingerprints of leads that a person had a hand in
        self.deleted: set[str] = set()  # what a person deleted in Dynamics, with the notes that went with it
        self.wrong: list[str] = []
        self.next_failures: list[Exception] = []
        self.cases: set[str] = set()
        self.crashing = True
        self.posted = 0
        self.seen_at_the_head: dict[Run | None, dict[tuple[str, int], datetime]] = {}
        self.world.dynamics.judge = self.judge
        self.watch()
        self.sweep_faults = SweepFaults(self.wrong)
        for name in SWEEP_LOGS:
            logging.getLogger(name).addHandler(self.sweep_faults)

    # What happens

    @initialize()
    def first_sweep(self) -> None:
        self.begin(self.host.sweep(), TO_THE_END)

    @rule(content=st.sampled_from(CONTENTS), calls=CALLS)
    def post(self, content: str, calls: int) -> None:
        self.posted += 1
        body, entropy = self.payload(content).encode(), self.posted.to_bytes(10, "big")
        at, ports = self.world.at, self.host.ports
        if content == "canary":
            self.canaries.add(new_lead_id(at, entropy))
        take = partial(
            intake.take, body, at=at, entropy=entropy, ledger=ports.ledger, queue=ports.queue, elapsed=lambda: 0.0
        )
        self.begin(Run("post", take), calls)

    @rule(content=st.sampled_from(("ordinary", "other")))
    def the_marketplace_writes_a_row(self, content: str) -> None:
        self.posted += 1
        key = sha256(f"row {self.posted}".encode()).hexdigest()
        posted = self.payload(content, TableRow={"RowKey": key})
        self.world.fallback.from_the_marketplace.append(Arrival(key=key, at=self.world.at, payload=posted))
        self.arrivals.append(key)

    @rule(calls=CALLS)
    def deliver(self, calls: int) -> None:
        run = self.host.deliver()
        if run is not None:
            self.begin(run, calls)

    @rule(content=st.sampled_from(CONTENTS), calls=CALLS)
    def a_lead_comes_and_is_delivered(self, content: str, calls: int) -> None:
        self.post(content, TO_THE_END)
        self.deliver(calls)

    @rule(content=st.sampled_from((*CONTENTS, "ordinary")), first=SOME_CALLS, second=CALLS, refused=st.booleans())
    def a_lead_is_delivered_twice_at_once(self, content: str, first: int, second: int, refused: bool) -> None:
        self.work_off_the_queue()
        self.a_lead_comes_and_is_delivered(content, first)
        self.a_message_is_seen_again(-1)
        self.next_failures = [FAILURES["refused"]] * refused
        self.deliver(second)

    @rule(content=st.sampled_from(("ordinary", "other")), calls=CALLS, again=CALLS)
    def a_lead_is_delivered_and_its_process_dies(self, content: str, calls: int, again: int) -> None:
        self.a_lead_comes_and_is_delivered(content, calls)
        self.the_process_dies()
        self.wait(LEASE)
        self.deliver(again)

    @rule(discarded=st.booleans())
    def a_lead_is_written_and_then_refused(self, discarded: bool) -> None:
        """Its reply was lost, and a plug-in that is newer than the lead would not have it."""
        self.dynamics_reply_is_lost()
        self.a_lead_comes_and_is_delivered("ordinary", TO_THE_END)
        self.next_failures = [FAILURES["refused"]]
        self.wait(35 * SECOND)
        self.deliver(TO_THE_END)
        if discarded and self.world.ledger.rows:
            self.wait(125 * SECOND)
            self.a_person_discards(-1, TO_THE_END)

    @rule(first=st.sampled_from((2, 3, 4, 5)))
    def a_lead_is_written_while_another_delivery_of_it_is_refused(self, first: int) -> None:
        """One that repeats no other, and that nothing waits before."""
        self.work_off_the_queue()
        self.a_lead_comes_and_is_delivered(f"number {self.posted}", first)
        self.a_message_is_seen_again(-1)
        self.next_failures = [FAILURES["refused"]]
        self.deliver(TO_THE_END)
        if self.runs:
            self.move(self.runs[-1], TO_THE_END)

    @rule(first=CALLS, second=CALLS)
    def a_role_that_may_not_read_meets_its_own_lead(self, first: int, second: int) -> None:
        self.the_role_may_read_leads(False)
        self.dynamics_reply_is_lost()
        self.a_lead_comes_and_is_delivered("ordinary", first)
        self.wait(35 * SECOND)
        self.deliver(second)

    @rule(calls=CALLS)
    def sweep(self, calls: int) -> None:
        self.begin(self.host.sweep(), calls)

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 7), calls=CALLS)
    def a_run_goes_on(self, which: int, calls: int) -> None:
        self.move(self.runs[which % len(self.runs)], calls)

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 7))
    def a_run_dies(self, which: int) -> None:
        self.kill(self.runs[which % len(self.runs)])

    @precondition(lambda self: self.runs)
    @rule()
    def the_process_dies(self) -> None:
        for begun in [*self.runs]:
            self.kill(begun)
        self.host = self.new_host()

    @rule(which=st.integers(0, 7))
    def a_message_is_seen_again(self, which: int) -> None:
        """Its lease was lost, or its delete, or it was put twice; its run may still go on."""
        messages = [*self.world.queue.messages.values()]
        if messages:
            message = messages[which % len(messages)]
            message.receipt = 0
            self.world.queue.show(message)

    @rule(part=st.sampled_from(STORES))
    def a_store_goes_away(self, part: str) -> None:
        self.world.parts[part].down = True

    @rule(span=st.sampled_from((timedelta(0), 35 * SECOND, 11 * MINUTE)))
    def the_stores_come_back(self, span: timedelta) -> None:
        self.wait(span)
        for part in self.world.parts.values():
            part.down = False

    @rule(part=st.sampled_from(STORES))
    def a_stores_reply_is_lost(self, part: str) -> None:
        failure = StorageFailed("storage_unreachable", "ReadTimeout")
        self.world.parts[part].losing = Losing(lambda: self.reach(f"reply lost: {part}"), failure)

    @rule()
    def dynamics_reply_is_lost(self) -> None:
        self.world.dynamics.losing = Losing(
            lambda: self.reach("reply lost: dynamics"), Transient("dynamics_unreachable", "ReadTimeout")
        )

    @rule()
    def dynamics_will_land_one_late(self) -> None:
        self.world.dynamics.landing_late = True

    @rule(kind=st.sampled_from([*FAILURES]), times=st.integers(1, 4))
    def dynamics_fails(self, kind: str, times: int) -> None:
        self.next_failures += [FAILURES[kind]] * times

    @rule(may=st.booleans())
    def the_role_may_read_leads(self, may: bool) -> None:
        self.world.dynamics.may_read = may

    @rule(usable=st.booleans())
    def the_settings_change(self, usable: bool) -> None:
        """Which takes a new process."""
        self.settings = self.usual if usable else replace(self.usual, faults=(FAULT,))
        self.the_process_dies()

    @rule(span=st.sampled_from((SECOND, 10 * SECOND, 35 * SECOND, 125 * SECOND, 11 * MINUTE, 2 * HOUR, 5 * HOUR)))
    def time_passes(self, span: timedelta) -> None:
        self.wait(span)

    @rule(days=st.sampled_from((1, 8)))
    def days_pass(self, days: int) -> None:
        self.wait(days * DAY)

    @rule(minutes=st.sampled_from((1, 5, 20)))
    def life_goes_on(self, minutes: int) -> None:
        self.live(minutes * MINUTE)

    @rule(kind=st.sampled_from([*FAILURES]), hours=st.sampled_from((1, 5)))
    def dynamics_is_away_for_hours(self, kind: str, hours: int) -> None:
        self.next_failures = [FAILURES[kind]] * 1000
        self.live(hours * HOUR, step=10 * MINUTE)
        self.next_failures = []

    @rule(times=st.integers(5, 15))
    def life_goes_on_for_hours(self, times: int) -> None:
        self.live(times * 16 * MINUTE, step=16 * MINUTE)

    # What a person does

    @precondition(lambda self: self.world.ledger.rows)
    @rule(which=st.integers(0, 11), anyway=st.booleans(), calls=CALLS)
    def a_person_replays(self, which: int, anyway: bool, calls: int) -> None:
        states = {State.DUPLICATE, State.MERGED} if anyway else {State.POISONED, State.DISCARDED}
        self.decide(partial(decisions.replay, self.chosen(which, states), self.desk(), anyway=anyway), calls)

    @precondition(lambda self: self.world.ledger.rows)
    @rule(which=st.integers(0, 11), content=st.sampled_from(LEADS), calls=CALLS)
    def a_person_edits(self, which: int, content: str, calls: int) -> None:
        lead_id, desk = self.chosen(which, {State.POISONED, State.DISCARDED}), self.desk()
        posted = self.payload(content)

        def edit() -> None:
            decisions.edit(decisions.known(lead_id, desk.ports.ledger), posted, desk)

        self.decide(edit, calls)

    @precondition(lambda self: self.world.ledger.rows)
    @rule(which=st.integers(0, 11), calls=CALLS)
    def a_person_discards(self, which: int, calls: int) -> None:
        lead_id = self.chosen(which, {State.POISONED})
        self.decide(partial(decisions.discard, lead_id, self.desk(), why="spam"), calls)

    @precondition(lambda self: self.world.ledger.rows)
    @rule(which=st.integers(0, 11), calls=CALLS)
    def a_person_erases(self, which: int, calls: int) -> None:
        lead_id = self.chosen(which, {*State} if which > 8 else {State.POISONED, State.FALLBACK, State.KEPT})
        self.decide(partial(decisions.erase, lead_id, self.desk()), calls)

    # What is true at any time

    @invariant()
    def nothing_was_wrong_and_nothing_that_dynamics_has_is_discarded(self) -> None:
        assert not self.wrong, self.wrong
        for lead_id, record in self.world.ledger.rows.items():
            assert record.state is not State.DISCARDED or not self.in_dynamics(lead_id), record

    # What is true in the end

    def teardown(self) -> None:
        try:
            self.mend()
            for _ in range(80):
                if self.at_rest():
                    break
                self.live(10 * MINUTE, step=10 * MINUTE)
            self.nothing_was_wrong_and_nothing_that_dynamics_has_is_discarded()
            self.judge_the_end()
            self.judge_doubles()
            self.world.at += 100 * DAY
            self.live(10 * MINUTE, step=5 * MINUTE)
            self.judge_retention()
        finally:
            self.reached.update(self.cases)
            for case in sorted(self.cases):
                event(case)
            for name in SWEEP_LOGS:
                logging.getLogger(name).removeHandler(self.sweep_faults)
            for begun in self.runs:
                begun.run.die()

    def mend(self) -> None:
        for part in self.world.parts.values():
            part.down, part.losing = False, []
        self.world.dynamics.landing_late = False
        self.world.dynamics.may_read = True
        self.next_failures = []
        self.crashing = False
        self.settings = self.usual
        for begun in [*self.runs]:
            self.move(begun, TO_THE_END)
        self.host = self.new_host()

    def at_rest(self) -> bool:
        self.world.dynamics.land()
        open_ones = any(record.state in OPEN for record in self.world.ledger.rows.values())
        claims, rows = self.world.claims.rows, self.world.ledger.rows
        not_taken_in = [key for key in self.arrivals if key not in claims or claims[key].lead_id not in rows]
        return not (self.world.queue.messages or self.world.poison_queue.messages or open_ones or not_taken_in)

    def judge_the_end(self) -> None:
        rows, there = self.world.ledger.rows, self.world.dynamics.leads
        assert self.at_rest(), [(r.lead_id, r.state, r.attempt, r.reason, r.next_try_at) for r in rows.values()]
        taken_in = {self.world.claims.rows[key].lead_id for key in self.arrivals}
        self.reach("taken in", taken_in)
        self.reach("landed late", self.world.dynamics.landed)
        ends = {rows[lead_id].reason for lead_id in self.canaries & rows.keys()}
        self.reach("canary came back", CANARY in ends)
        self.reach("canary failed", CANARY_FAILED in ends)
        for lead_id in self.accepted | taken_in:
            assert self.accounted_for(lead_id), f"lost: {lead_id} {rows.get(lead_id)}"
        for lead_id in there:
            assert lead_id in rows, f"in Dynamics, not in the ledger: {lead_id}"
            told = rows[lead_id].state in {State.WRITTEN, State.ERASED, State.POISONED}
            # What a person made of a lead that Dynamics had, unknown to us, may be what another lead said.
            assert told or rows[lead_id].fingerprint in self.touched, rows[lead_id]
        for record in rows.values():
            settled = record.state in {State.WRITTEN, State.MERGED}
            assert not settled or self.was_in_dynamics(record.lead_id), f"not in Dynamics: {record}"

    def accounted_for(self, lead_id: str) -> bool:
        """In Dynamics, or waiting for a person, or decided by one, or a repeat of a lead of which that is true."""
        for _ in range(10):
            record = self.world.ledger.rows.get(lead_id)
            if record is None or record.state is not State.DUPLICATE:
                break
            lead_id = record.duplicate_of
        if record is None:
            return False
        if lead_id in self.canaries:
            return record.state in {State.KEPT, State.ERASED} and lead_id not in self.world.dynamics.leads
        decided = {State.POISONED, State.DISCARDED, State.ERASED}
        return self.was_in_dynamics(lead_id) or record.state in decided

    def in_dynamics(self, lead_id: str) -> bool:
        """As a lead or as a note."""
        return lead_id in self.world.dynamics.leads or lead_id in self.world.dynamics.notes

    def was_in_dynamics(self, lead_id: str) -> bool:
        return self.in_dynamics(lead_id) or lead_id in self.deleted

    def judge_doubles(self) -> None:
        """Each content once within the window, unless a person had a hand in it."""
        written = [self.world.ledger.rows[lead_id] for lead_id in self.world.dynamics.leads]
        untouched = [record for record in written if record.fingerprint not in {"", *self.touched}]
        for one, other in combinations(sorted(untouched, key=lambda record: record.lead_id), 2):
            apart = other.received_at - one.received_at
            if one.fingerprint == other.fingerprint and apart <= SETTINGS.dedupe_window and not self.overtaken(one):
                pytest.fail(f"doubled: {one} and {other}, {apart} apart")

    def overtaken(self, record: Record) -> bool:
        """Whether its claim may have passed to a lead so much later that an old one goes on without asking it."""
        same = [other for other in self.world.ledger.rows.values() if other.fingerprint == record.fingerprint]
        return any(other.received_at - record.received_at > SETTINGS.dedupe_window for other in same)

    def judge_retention(self) -> None:
        for record in self.world.ledger.rows.values():
            if record.state in FORGETTABLE:
                assert (record.payload, record.email, record.name, record.company) == (None, "", "", ""), record
                assert record.lead_id not in self.world.fallback.rows, f"row left in the fallback table: {record}"

    # How it is done

    def new_host(self) -> Host:
        return Host(self.world, self.settings)

    def desk(self) -> Desk:
        return Desk(actor="op", now=self.world.now, ports=self.host.ports)

    def payload(self, content: str, **more: Any) -> str:
        if content == "canary":
            return canary_payload(self.world.at)
        who = dict.fromkeys(("FirstName", "LastName", "Email", "Phone"), "") if content == "nobody" else {}
        return payload(**{"Company": content, "Email": f"{content.replace(' ', '.')}@fabrikam.com", **who, **more})

    def judge(self, lead_id: str, lead: Lead) -> BaseException | None:
        if lead.company == "refused":
            return Refused("too_long", "subject")
        if lead.company.startswith("crashing") and self.crashing:
            if lead.company.endswith("late"):
                self.world.dynamics.leads.setdefault(lead_id, lead)
            run = this_run()
            return Crash() if run and run.name == "deliver" else KeyError("unforeseen")
        return self.next_failures.pop(0) if self.next_failures else None

    def chosen(self, which: int, states: set[State]) -> str:
        """One of the leads in those states, or else of all: a person may well be late."""
        rows = self.world.ledger.rows
        fitting = sorted(lead_id for lead_id, record in rows.items() if record.state in states) or sorted(rows)
        return fitting[which % len(fitting)]

    def decide(self, decision: Callable[[], object], calls: int) -> None:
        self.begin(Run("person", decision), calls)

    def begin(self, run: Run, calls: int) -> None:
        self.runs.append(Begun(run, self.world.at, self.host))
        if run.name == "deliver":
            under_way = [lead_of(begun) for begun in self.runs if begun.run.name == "deliver"]
            self.reach("two deliveries of one lead at once", len(under_way) > len({*under_way}))
        self.move(self.runs[-1], calls)

    def move(self, begun: Begun, calls: int) -> None:
        if begun.run.go_on(calls):
            self.ended(begun)

    def kill(self, begun: Begun) -> None:
        run = begun.run
        self.reach("died between create and settle", run.where == "dynamics.create answers")
        self.reach("died between the copy and the record", (run.was, run.where) == ("queue.put", "ledger.write"))
        run.die()
        self.ended(begun)

    def ended(self, begun: Begun) -> None:
        self.runs.remove(begun)
        run = begun.run
        if run.name == "deliver":
            begun.host.settle(run)
            self.reach("poison queue", begun.host.poisoned)
        if run.name == "post" and isinstance(run.result, str) and not run.died:
            self.accepted.add(run.result)
        self.reach("decision refused", run.name == "person" and isinstance(run.error, NotAllowed))
        if run.error is not None and not isinstance(run.error, EXPECTED[run.name]):
            self.wrong.append(f"{run.name}: {run.error!r}")

    def wait(self, span: timedelta) -> None:
        """Nobody does anything for so long; what is under way then has come to its end."""
        for begun in [*self.runs]:
            if self.world.at + span - begun.at > LONGEST_RUN:
                self.move(begun, TO_THE_END)
        self.world.at += span

    def live(self, span: timedelta, step: timedelta = MINUTE) -> None:
        """Ordinary life for so long: every message as soon as it is seen, and the sweep."""
        end = self.world.at + span
        while self.world.at < end:
            self.wait(step)
            self.alone(self.host.sweep(alone=True))
            self.work_off_the_queue()

    def work_off_the_queue(self) -> None:
        while run := self.host.deliver(alone=True):
            self.alone(run)

    def alone(self, run: Run) -> None:
        self.runs.append(Begun(run, self.world.at, self.host))
        self.move(self.runs[-1], TO_THE_END)

    def reach(self, case: str, happened: object = True) -> None:
        if happened:
            self.cases.add(case)

    # What is seen of it

    def watch(self) -> None:
        ledger, claims = self.world.ledger, self.world.claims
        put, take_over = ledger._put, claims._put

        def put_record(record: Record) -> Record:
            self.check(ledger.rows.get(record.lead_id), record, this_run())
            return put(record)

        def put_claim(claim: Claim) -> None:
            self.reach("claim taken over", claim.fingerprint in claims.rows)
            take_over(claim)

        peek = self.world.queue.peek

        def peek_and_remember() -> list[SeenMessage]:
            head = peek()
            self.seen_at_the_head[this_run()] = {
                (envelope.lead_id, envelope.attempt): message.inserted_at
                for message in head
                for envelope in (Envelope.from_text(message.text),)
            }
            return head

        self.world.queue.peek = peek_and_remember  # type: ignore[method-assign]
        ledger._put = put_record  # type: ignore[method-assign]
        claims._put = put_claim  # type: ignore[method-assign]

    def check(self, before: Record | None, after: Record, run: Run | None) -> None:
        """Every change of a record as it is made."""
        by = run.name if run else ""
        if before is None:
            self.reach("message made the record", by == "deliver")
            return
        if by == "person":
            self.touched |= {before.fingerprint, after.fingerprint}
        if after.state is State.DUPLICATE and not after.fingerprint:
            self.wrong.append(f"{by}: {after.lead_id} names nobody and was called a duplicate")
        if not self.may_follow(before, after, by):
            self.wrong.append(f"{by}: {before.state} {before.attempt} to {after.state} {after.attempt}")
        if self.waited_its_turn(before, after, run):
            self.wrong.append(f"{by}: {before.lead_id} is put a second time while its message waits at the head")
        if after.state in {State.WRITTEN, State.MERGED} and not self.was_in_dynamics(after.lead_id):
            self.wrong.append(f"{by}: {after.state} before Dynamics had it")
        receipt = after.state in {State.WRITTEN, State.MERGED}
        if run in self.attempts and not receipt and self.attempts[run] < before.attempt:
            self.wrong.append(f"attempt {self.attempts[run]} settled attempt {before.attempt} as {after.state}")
        self.tell(before, after, by)

    def waited_its_turn(self, before: Record, after: Record, run: Run | None) -> bool:
        """Whether the sweep put an overdue lead again although it saw its message, or an older one, at the head."""
        queued_again = after.state is before.state and after.attempt > before.attempt and after.rounds == before.rounds
        seen = self.seen_at_the_head.get(run, {})
        due_at = before.next_try_at or before.received_at
        return queued_again and any(at <= due_at for at in seen.values())

    def may_follow(self, before: Record, after: Record, by: str) -> bool:
        if after.attempt < before.attempt:
            return False
        if after.state is before.state:
            return before.state in OPEN or by == "person" or after == replace(after, payload=None)
        only_by_a_person = after.state in {State.ACCEPTED, State.DISCARDED, State.ERASED}
        return after.state in ALLOWED[before.state] and (by == "person" or not only_by_a_person)

    @property
    def attempts(self) -> dict[Run | None, int]:
        return {b.run: attempt_of(b) for b in self.runs if b.run.name == "deliver"}

    def tell(self, before: Record, after: Record, by: str) -> None:
        moved = after.state is not before.state
        repeated = by == "sweep" and not moved and after.attempt > before.attempt
        self.reach("overdue", repeated and after.rounds == before.rounds)
        self.reach("another round", repeated and after.rounds > before.rounds)
        self.reach("no outcome", moved and after.reason == "no_outcome")
        self.reach("drained", (before.state, after.state) == (State.FALLBACK, State.WRITTEN))
        self.reach("duplicate", moved and after.state is State.DUPLICATE)
        self.reach("written as assumed", moved and after.reason == "assumed")
        settled = before.state not in OPEN and by != "person"
        self.reach("receipt won over a settled state", settled and moved and after.state is State.WRITTEN)
        if by == "person":
            self.reach("replayed", moved and after.state is State.ACCEPTED)
            self.reach("replayed anyway", after.own_lead and not before.own_lead)
            self.reach("discard found it written", moved and after.state is State.WRITTEN)
            self.reach("edited", not moved)
            self.reach(str(after.state), moved and after.state in {State.DISCARDED, State.ERASED})


def lead_of(begun: Begun) -> str:
    return Envelope.from_text(begun.host.deliveries[begun.run][0].text).lead_id


def attempt_of(begun: Begun) -> int:
    return Envelope.from_text(begun.host.deliveries[begun.run][0].text).attempt


@pytest.fixture(autouse=True)
def quiet_logs(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sweep says is for SweepFaults alone."""
    caplog.set_level("CRITICAL")
    for name in SWEEP_LOGS:
        caplog.set_level("ERROR", logger=name)
        monkeypatch.setattr(logging.getLogger(name), "propagate", False)


def test_whatever_happens_in_whatever_order_no_lead_is_lost_and_none_doubled() -> None:
    Machine.reached.clear()
    run_machine(Machine, settings=ORDINARY)
    assert {*Machine.reached} >= INTERESTING, INTERESTING - {*Machine.reached}


# That it would have noticed


def create_before_claim(patch: pytest.MonkeyPatch) -> None:
    real = delivery.keep_out

    def keep_out(record: Record, lead: Lead, *, ports: Ports, settings: Settings) -> Any:
        if ports.dynamics is not None:
            ports.dynamics.create(record.lead_id, lead)
        return real(record, lead, ports=ports, settings=settings)

    patch.setattr(delivery, "keep_out", keep_out)


def a_late_outcome_counts(patch: pytest.MonkeyPatch) -> None:
    def late(record: Record, change: Change, *, at: datetime, attempt: int | None = None) -> Any:
        del attempt
        return transition(record, change, at=at)

    patch.setattr(ledger_writes, "transition", late)


def rest_without_a_claim(patch: pytest.MonkeyPatch) -> None:
    real = delivery.outcome_of_failure
    patch.setattr(
        delivery,
        "outcome_of_failure",
        lambda record, failure, run, **_: real(record, failure, run, fallback_after=SETTINGS.fallback_after),
    )


def no_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(delivery, "claim", lambda record, **_: record.lead_id)


def no_copy_while_the_ledger_is_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(delivery, "put_again", lambda *_, **__: None)


def nothing_is_ever_overdue(patch: pytest.MonkeyPatch) -> None:
    kept = {name: task for name, task in sweeping.TASKS.items() if name not in {"overdue", "look_back"}}
    patch.setattr(sweeping, "TASKS", kept)


def a_backlog_is_put_again(patch: pytest.MonkeyPatch) -> None:
    def seen_but_ignored(record: Record, run: Any) -> bool:
        del record
        run.head.oldest()
        return False

    patch.setattr(overdue, "waits_its_turn", seen_but_ignored)


def settled_before_it_is_created(patch: pytest.MonkeyPatch) -> None:
    real = delivery.create

    def create(record: Record, lead: Lead, run: Try, *, dynamics: Dynamics, gate: Gate) -> Any:
        try:
            return real(record, lead, run, dynamics=dynamics, gate=gate)
        except Transient:
            return Written()

    patch.setattr(delivery, "create", create)


def discarded_without_asking(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decisions, "receipt_of", lambda *_: None)


def an_outcome_without_a_version(patch: pytest.MonkeyPatch) -> None:
    """Whoever writes last is right."""

    def write(self: FakeLedger, before: Record, after: Record, event: Event | None) -> Record:
        del event
        with self.call("write"):
            assert before.lead_id == after.lead_id
            return self._put(after)

    patch.setattr(FakeLedger, "write", write)


@pytest.mark.parametrize(
    "mutant",
    [
        create_before_claim,
        a_late_outcome_counts,
        rest_without_a_claim,
        no_claim,
        no_copy_while_the_ledger_is_away,
        nothing_is_ever_overdue,
        a_backlog_is_put_again,
        settled_before_it_is_created,
        discarded_without_asking,
        an_outcome_without_a_version,
    ],
)
def test_a_fault_put_in_on_purpose_is_found(
    mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_machine(Machine, settings=HUNT)
