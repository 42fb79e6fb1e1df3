"""The functions host over the fakes, in a time of its own: what can happen between a queue and a process.

Two ways to run it. `Host` is moved step by step from outside: any number of runs stand still before their next call
of a port, whichever is chosen goes on, and a run can die where it stands. `Day` lets time pass by itself: leads are
posted, twelve deliveries at once wait for a Dynamics that takes its time, and the sweep comes every minute.

What is modelled of the host: a message is leased for ten minutes and its dequeue count consumed at once; a run that
ends deletes it; a run that raises releases it for `visibilityTimeout` and, at `maxDequeueCount`, sends its text to the
poison queue; a process that dies says nothing, so its messages come back when their lease is over. A lease can be
lost while the run goes on. https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
"""

import heapq
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain, count
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from leadpipe.delivery import deliver
from leadpipe.model.always import always
from leadpipe.model.errors import DeliveryFailed, Transient
from leadpipe.model.gate import Gate
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Ports, Receipt, SeenMessage
from leadpipe.model.pulse import Pulse
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from leadpipe.sweep import TASKS, Task, sweep
from leadpipe.sweep.fallback import AT_ONCE as DRAINED_AT_ONCE
from tests.fakes import FakeAttention, FakeDynamics, FakeLedger, Part, World

# host.json
MAX_DEQUEUE_COUNT = 5
VISIBILITY_TIMEOUT = timedelta(seconds=30)
AT_ONCE = 12
# the host's own
LEASE = timedelta(minutes=10)
# what one call of a port takes at least: no two things happen at the same moment
TICK = timedelta(milliseconds=2)


class Died(BaseException):
    """The process ends here. Not an Exception, so that nothing catches it."""


class Crash(BaseException):
    """The worker ends under one run, out of memory say. The host sees that the run failed; nothing of ours does."""


class Run:
    """One call of the product's code, which only moves while `go_on` waits for it.

    `where` it stands is the call that it makes next, or `end`, before the host hears of it; `was` is the place before.
    `alone`: it shall not be looked at on its way, so it is a plain call.

    It is a greenlet: all runs share a thread, which leaves one where it stands and goes on with another. Threads that
    wait for each other did the same, and their waits were most of a simulation's time.
    """

    def __init__(self, name: str, work: Callable[[], Any], *, alone: bool = False) -> None:
        self.name = name
        self.where = self.was = "start"
        self.ended = False
        self.died = False
        self.result: Any = None
        self.error: BaseException | None = None
        self._work, self._alone = work, alone
        self._dying = False
        self._greenlet: greenlet | None = None

    def go_on(self, calls: int = 1) -> bool:
        """Lets it make so many calls; whether it has ended."""
        for _ in range(calls):
            if self.ended:
                break
            before, _this_thread.run = _this_thread.run, self
            try:
                self._move()
            finally:
                _this_thread.run = before
        return self.ended

    def finish(self) -> None:
        while not self.go_on():
            pass

    def die(self) -> None:
        self._dying = True
        self.finish()

    def stop(self, where: str) -> None:
        """Called by its own work, which stands still here until it is told to go on."""
        if self._alone:
            return
        self.was, self.where = self.where, where
        if not self._dying:
            self._stand_still()
        if self._dying:
            raise Died

    def _move(self) -> None:
        if self._greenlet is not None:
            self._greenlet.parent = getcurrent()
            self._greenlet.switch()
        elif self._dying:
            self.ended = self.died = True
        elif self._alone:
            self._live()
        else:
            self._greenlet = greenlet(self._live)
            self._greenlet.switch()

    def _stand_still(self) -> None:
        parent = getcurrent().parent
        assert parent is not None
        try:
            parent.switch()
        except GreenletExit:  # nobody knows it any more: it ends where it stands
            self._dying = True
            raise

    def _live(self) -> None:
        try:
            self.result = self._work()
            self.stop("end")
        except Died:
            self.died = True
        except (Exception, Crash) as error:  # noqa: BLE001 - what leaves a function is the host's to judge
            self.error = error
        self.ended = True


class _ThisThread(threading.local):
    run: Run | None = None


_this_thread = _ThisThread()


def this_run() -> Run | None:
    """The run that whoever asks belongs to."""
    return _this_thread.run


class Watched:
    """A port whose calls are places to stand still: before them, or until their answer comes."""

    def __init__(self, part: Part, world: "HostWorld", *, before: bool = True, after: bool = False) -> None:
        self._part, self._world, self._before, self._after = part, world, before, after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Made when it is first asked for, and then kept as an attribute."""
        where = f"{self._part.name}.{name}"

        def call(*arguments: Any, **named: Any) -> Any:
            if self._before:
                self._stop(where)
            self._world.at += TICK
            answer = "fails"
            try:
                result = getattr(self._part, name)(*arguments, **named)
                answer = "answers"
            finally:
                if self._after:
                    self._stop(f"{where} {answer}")
            return result

        setattr(self, name, call)
        return call

    def _stop(self, where: str) -> None:
        if _this_thread.run is not None:
            _this_thread.run.stop(where)


@dataclass(kw_only=True)
class Message:
    number: int
    text: str
    inserted_at: datetime
    visible_at: datetime
    dequeue_count: int = 0
    receipt: int = 0


class HostQueue(Part):
    """The queue `leads`, with the times at which its messages are seen."""

    def __init__(self, world: "HostWorld") -> None:
        super().__init__("queue", world.journal)
        self.messages: dict[int, Message] = {}
        self.on_visible: Callable[[datetime], None] = lambda _: None
        self._world = world
        self._by_time: list[tuple[datetime, int]] = []
        self._numbers = count(1)

    def put(self, text: str, *, delay: timedelta = timedelta(0)) -> None:
        with self.call("put"):
            whole_seconds = timedelta(seconds=math.ceil(max(delay, timedelta(0)).total_seconds()))
            at = self._world.at
            message = Message(number=next(self._numbers), text=text, inserted_at=at, visible_at=at)
            self.messages[message.number] = message
            self.show(message, whole_seconds)

    def show(self, message: Message, after: timedelta = timedelta(0)) -> None:
        message.visible_at = self._world.at + after
        heapq.heappush(self._by_time, (message.visible_at, message.number))
        self.on_visible(message.visible_at)

    def peek(self) -> list[SeenMessage]:
        """In the order in which they are received."""
        with self.call("peek"):
            seen = [message for message in self.messages.values() if message.visible_at <= self._world.at]
        head = sorted(seen, key=lambda message: (message.visible_at, message.number))[:32]
        return [SeenMessage(id=str(m.number), inserted_at=m.inserted_at, text=m.text) for m in head]

    def depth(self) -> int:
        with self.call("depth"):
            return len(self.messages)

    def receive(self) -> Message | None:
        """The message that has been waiting longest, leased; its dequeue is counted whatever happens next."""
        while self._by_time and self._by_time[0][0] <= self._world.at and not self.down:
            seen, number = heapq.heappop(self._by_time)
            message = self.messages.get(number)
            if message is not None and message.visible_at == seen:
                message.dequeue_count += 1
                message.receipt = next(self._numbers)
                self.show(message, LEASE)
                return message
        return None

    def visible(self) -> int:
        return sum(message.visible_at <= self._world.at for message in self.messages.values())


class SlowDynamics(FakeDynamics):
    """Dynamics with a mind of its own: `judge` says what fails, and a create may land after its caller gave up."""

    LANDS_WITHIN = timedelta(seconds=40)

    def __init__(self, world: "HostWorld") -> None:
        super().__init__(world.journal)
        self.judge: Callable[[str, Lead], BaseException | None] = lambda _id, _lead: None
        self.landing_late = False
        self.noting = False  # while `judge` is asked about a note
        self.landed = 0
        self.asked_at: list[datetime] = []
        self._world = world
        self.landed_late: set[str] = set()
        self._on_the_way: list[tuple[datetime, str, Lead, str]] = []

    def create(self, lead_id: str, lead: Lead) -> Receipt:
        self._take(lead_id, lead)
        return super().create(lead_id, lead)

    def note(self, lead_id: str, lead: Lead, *, of: str) -> Receipt:
        self._take(lead_id, lead, of)
        return super().note(lead_id, lead, of=of)

    def note_on(self, lead_id: str) -> str | None:
        self.land()
        return super().note_on(lead_id)

    def has(self, lead_id: str) -> bool:
        self.land()
        return super().has(lead_id)

    def _take(self, lead_id: str, lead: Lead, of: str = "") -> None:
        """Fails as `judge` says, or by a time-out after which the work is done all the same."""
        self.asked_at.append(self._world.at)
        self.land()
        self.noting = bool(of)
        failure = self.judge(lead_id, lead)
        if failure is not None:
            raise failure
        if self.landing_late:
            self.landing_late = False
            self._on_the_way.append((self._world.at + self.LANDS_WITHIN, lead_id, lead, of))
            raise Transient("dynamics_unreachable", "ReadTimeout")

    def land(self) -> None:
        """What was on its way and has arrived by now."""
        arrived = [on_the_way for on_the_way in self._on_the_way if on_the_way[0] <= self._world.at]
        self._on_the_way = [on_the_way for on_the_way in self._on_the_way if on_the_way not in arrived]
        for _, lead_id, lead, of in arrived:
            if not of:
                self.leads.setdefault(lead_id, lead)
            elif of in self.leads:
                self.notes.setdefault(lead_id, of)
            self.landed_late.add(lead_id)
            self.landed += 1


class QuickLedger(FakeLedger):
    """Looks for what is due in memory's own way: a minute's sweep must not cost more than it does in the service.

    So it knows which leads are in which state, and keeps a record as it is listed until that changes. Its rows are
    written by `_put` alone.
    """

    def __init__(self, journal: list[str]) -> None:
        super().__init__(journal)
        self._in_state: dict[State, dict[str, None]] = {state: {} for state in State}  # dicts keep their order
        self._listed: dict[str, Record] = {}

    def _put(self, record: Record) -> Record:
        before = self.rows.get(record.lead_id)
        if before is not None:
            del self._in_state[before.state][record.lead_id]
        self._in_state[record.state][record.lead_id] = None
        self._listed.pop(record.lead_id, None)
        return super()._put(record)

    def due(
        self, first: date, before: datetime, *, states: frozenset[State], go_on: Callable[[], bool] = always
    ) -> Iterator[Record]:
        del go_on  # it is one page
        with self.call("due"):
            found = self._list(states)
        for record in found:
            if record.next_try_at is not None and record.next_try_at < before and record.received_at.date() >= first:
                yield record

    def between(
        self,
        first: date,
        last: date,
        *,
        states: frozenset[State] | None = None,
        reason: str = "",
        payloads: bool = False,
        fields: frozenset[str] | None = None,
        page: int | None = None,
        damage: list[str] | None = None,
    ) -> Iterator[Record]:
        del page
        if states is None or payloads or reason or fields:
            yield from super().between(
                first, last, states=states, reason=reason, payloads=payloads, fields=fields, damage=damage
            )
            return
        with self.call("between"):
            found = self._list(states)
        for record in found:
            if first <= record.received_at.date() <= last:
                yield record

    def _list(self, states: frozenset[State]) -> list[Record]:
        """The records as they now are, oldest first."""
        lead_ids = sorted(chain.from_iterable(self._in_state[state] for state in states))
        return [self._listed.get(lead_id) or self._list_one(lead_id) for lead_id in lead_ids]

    def _list_one(self, lead_id: str) -> Record:
        listed = self._listed[lead_id] = replace(self.rows[lead_id], payload=None, version=None)
        return listed


class QuickAttention(FakeAttention):
    """Keeps the pulse as a value. That its text says the same is for tests/ports."""

    def _kept(self, pulse: Pulse, version: str) -> Pulse:
        return replace(pulse, version=version)


class _NoJournal(list[str]):
    """Days of life would fill memory with it."""

    def append(self, _: str) -> None:
        return


class HostWorld(World):
    """The fakes, with a queue and a Dynamics that know the time."""

    def __post_init__(self) -> None:
        self.journal = _NoJournal()
        super().__post_init__()
        self.queue: HostQueue = HostQueue(self)  # type: ignore[assignment]
        self.ledger = QuickLedger(self.journal)
        self.attention = QuickAttention(self.journal)
        self.dynamics: SlowDynamics = SlowDynamics(self)

    @property
    def parts(self) -> dict[str, Part]:
        all_of_them = (
            self.queue,
            self.ledger,
            self.claims,
            self.fallback,
            self.poison_queue,
            self.marks,
            self.attention,
            self.canary_marks,
            self.dynamics,
        )
        return {part.name: part for part in all_of_them}

    def watched(self, gate: Gate) -> Ports:
        """The ports of one process."""
        ports: Any = {name: Watched(part, self, after=name == "dynamics") for name, part in self.parts.items()}
        return Ports(gate=gate, **ports)


class Host:
    """One process of the function app. `die` takes all of its runs with it, and the gate begins anew."""

    def __init__(self, world: HostWorld, settings: Settings) -> None:
        self.world = world
        self.settings = settings
        self.ports = world.watched(Gate())
        self.deliveries: dict[Run, tuple[Message, int]] = {}
        self.poisoned = 0
        self.tasks: dict[str, Task] | None = None

    def deliver(self, *, chance: float = 0.5, alone: bool = False) -> Run | None:
        """A run of delivery for the next message, or None where there is nothing to run."""
        message = self.world.queue.receive()
        if message is None:
            return None
        if message.dequeue_count > MAX_DEQUEUE_COUNT:
            self._give_up(message)
            return None
        text, dequeue_count, settings, ports = message.text, message.dequeue_count, self.settings, self.ports

        def work() -> None:
            deliver(
                text, dequeue_count=dequeue_count, chance=chance, now=self.world.now, ports=ports, settings=settings
            )

        run = Run("deliver", work, alone=alone)
        self.deliveries[run] = (message, message.receipt)
        return run

    def sweep(self, *, chance: float = 0.5, alone: bool = False) -> Run:
        settings, ports = self.settings, self.ports
        work = partial(sweep, now=self.world.now, chance=chance, ports=ports, settings=settings, tasks=self.tasks)
        return Run("sweep", work, alone=alone)

    def settle(self, run: Run) -> None:
        """What the host does with the message of a run that has ended."""
        message, receipt = self.deliveries.pop(run)
        if run.died or message.receipt != receipt or self.world.queue.down:
            return  # whoever holds it next, or nobody until the lease is over
        if run.error is None:
            self.world.queue.messages.pop(message.number, None)
        elif message.dequeue_count >= MAX_DEQUEUE_COUNT:
            self._give_up(message)
        else:
            self.world.queue.show(message, VISIBILITY_TIMEOUT)

    def _give_up(self, message: Message) -> None:
        if self.world.poison_queue.down:
            return
        self.world.poison_queue.holding(message.text, self.world.at)
        self.world.queue.messages.pop(message.number, None)
        self.poisoned += 1


class Day:
    """Time that passes by itself: a heap of what happens when. One process, twelve deliveries at once, one sweep.

    Of the resting leads that the sweep delivers at once one goes after the other, in a fraction of the time.
    """

    #: Our own storage calls before a delivery asks Dynamics.
    STORAGE = timedelta(milliseconds=40)

    def __init__(self, settings: Settings, *, chance: Callable[[], float], at_once: int = AT_ONCE) -> None:
        self.world = HostWorld()
        self.host = Host(self.world, settings)
        dynamics: Any = Watched(self.world.dynamics, self.world, before=False, after=True)
        self.host.ports = replace(self.world.ports, dynamics=dynamics)
        # What needs a person delivers nothing; to sum it up each minute of days would be most of a simulation.
        self.host.tasks = {name: task for name, task in TASKS.items() if name != "attention"}
        #: How long Dynamics takes to create a lead, and to say that it will not.
        self.answers_after = timedelta(milliseconds=200)
        self.fails_after = timedelta(milliseconds=40)
        #: Whether each sweep runs in a process of its own, which knows nothing of the others.
        self.sweeps_in_fresh_processes = False
        #: By how much a sweep begins late.
        self.late: Callable[[], timedelta] = lambda: timedelta(0)
        self._chance = chance
        self._free = at_once
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self.world.queue.on_visible = lambda at: self.at(at, self._fill)
        self.at(self.world.at, partial(self._sweep, self.world.at))

    def at(self, when: datetime, what: Callable[[], Any]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), what))

    def every(self, pause: timedelta, what: Callable[[], Any], *, times: int) -> None:
        for number in range(times):
            self.at(self.world.at + pause * number, what)

    def until(self, end: datetime) -> None:
        while self._events and self._events[0][0] <= end:
            when, _, what = heapq.heappop(self._events)
            self.world.at = max(self.world.at, when)
            what()
        self.world.at = max(self.world.at, end)

    def _fill(self) -> None:
        """Hands out messages while there are visible ones and free places."""
        while self._free:
            run = self.host.deliver(chance=self._chance(), alone=self._asks_nobody())
            if run is None:
                return
            self._free -= 1
            self._after(self.STORAGE, run, self._delivered)

    def _sweep(self, planned: datetime) -> None:
        host = self.host
        if self.sweeps_in_fresh_processes:
            host = Host(self.world, host.settings)
            host.ports = replace(self.host.ports, gate=Gate())
        run = host.sweep(chance=self._chance(), alone=self._sweep_asks_nobody(host))

        def again(_: Run) -> None:
            on_time = planned + timedelta(minutes=1)
            self.at(max(on_time + self.late(), self.world.at), partial(self._sweep, on_time))

        self._after(timedelta(0), run, again)

    def _asks_nobody(self) -> bool:
        return self.host.ports.gate.is_shut(self.world.at + self.STORAGE)

    def _sweep_asks_nobody(self, host: Host) -> bool:
        next_probe_at = self.world.marks.marks.next_probe_at
        waits = next_probe_at is not None and self.world.at + self.STORAGE < next_probe_at
        return waits or host.ports.gate.is_shut(self.world.at + self.STORAGE, resting=True)

    def _after(self, pause: timedelta, run: Run, ended: Callable[[Run], None]) -> None:
        def go_on() -> None:
            if run.go_on():
                ended(run)
            elif run.where.endswith("fails"):
                self._after(self.fails_after, run, ended)
            else:
                answers_after = self.answers_after / (DRAINED_AT_ONCE if run.name == "sweep" else 1)
                self._after(answers_after if run.where.endswith("answers") else timedelta(0), run, ended)

        self.at(self.world.at + pause, go_on)

    def _delivered(self, run: Run) -> None:
        self.host.settle(run)
        self._free += 1
        self.at(self.world.at, self._fill)


class Throttle:
    """Dataverse's limit on requests: so many in a sliding window, refused ones included.

    https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
    """

    def __init__(self, world: HostWorld, *, requests: int, window: timedelta) -> None:
        self._world, self._requests, self._window = world, requests, window
        self._arrivals: list[datetime] = []
        self._first = 0
        self.passed: list[datetime] = []
        self.refused: list[datetime] = []

    def __call__(self, _lead_id: str, _lead: Lead) -> DeliveryFailed | None:
        now = self._world.at
        self._arrivals.append(now)
        while self._arrivals[self._first] <= now - self._window:
            self._first += 1
        in_window = len(self._arrivals) - self._first
        if in_window <= self._requests:
            self.passed.append(now)
            return None
        self.refused.append(now)
        leaver = self._arrivals[len(self._arrivals) - self._requests]
        seconds = max(1, math.ceil((leaver + self._window - now).total_seconds()))
        return Transient("throttled", "429 0x80072322", retry_after=timedelta(seconds=seconds))
