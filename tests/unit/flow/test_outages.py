"""Days of an outage in seconds: what the flow does with its leads while something is away, and how often it asks.

The clock is the simulation's; nothing here waits. The figures are those that docs/states.md and the README promise.
"""

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from leadpipe import intake
from leadpipe.model.errors import Blocked, NotKept, Refused, Transient
from leadpipe.model.gate import SLACK
from leadpipe.model.record import State
from leadpipe.model.settings import Settings
from leadpipe.sweep import fallback
from tests.factories import payload
from tests.fakes import NOW
from tests.host_simulation import AT_ONCE, Day, Throttle

SETTINGS = Settings(storage=None, dataverse=None)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OUTAGE = 72 * HOUR
EVERY = HOUR
MOST_CALLS_AN_HOUR = 12
RESTING = 1000
# The longest pause between two probes, and the time to deliver them one after the other.
OUT_WITHIN = 5 * MINUTE + RESTING * SECOND / 5

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("each_payload_is_read_once")]


@pytest.fixture(autouse=True)
def quiet_logs(caplog: pytest.LogCaptureFixture) -> None:
    """A hundred thousand lines that nobody reads would be most of the time."""
    caplog.set_level("CRITICAL")


class Life(Day):
    """A day with somebody who posts leads and remembers which of them got their 202."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        spread = random.Random(7)  # noqa: S311 - the same spread each time
        super().__init__(settings, chance=spread.random)
        self.accepted: list[str] = []
        self._posted = 0

    def post(self, company: str = "Fabrikam") -> str | None:
        self._posted += 1
        body = payload(FirstName=f"number {self._posted}", Company=company).encode()
        entropy = self._posted.to_bytes(10, "big")
        world = self.world
        try:
            lead_id = intake.take(
                body,
                at=world.at,
                entropy=entropy,
                ledger=world.ledger,
                queue=world.queue,
                elapsed=lambda: 0.0,
            )
        except NotKept:
            return None
        self.accepted.append(lead_id)
        return lead_id

    def states(self) -> Counter[State]:
        return Counter(self.world.ledger.rows[lead_id].state for lead_id in self.accepted)

    def ever(self, state: State) -> int:
        return sum(event.state is state for event in self.world.ledger.history.values())


def most_calls_in_an_hour(calls: list[datetime], span: timedelta = HOUR) -> int:
    """Of all hours that begin with a call."""
    return max((bisect_left(calls, call + span) - number for number, call in enumerate(calls)), default=0)


# Dynamics away


AWAY = {
    "transport": (Transient("dynamics_unreachable", "ConnectTimeout"), 5 * SECOND),
    "time-outs": (Transient("dynamics_unreachable", "ReadTimeout"), 30 * SECOND),
    "503": (Transient("dynamics_error", "503"), SECOND / 5),
    "503 with a time": (Transient("dynamics_error", "503", retry_after=30 * SECOND), SECOND / 5),
    "sign-in refused": (Blocked("sign_in_refused", "AADSTS7000215"), SECOND / 5),
    "missing role": (Blocked("no_role", "403 0x80042f09"), SECOND / 5),
    "admin mode": (Blocked("organisation_closed", "0x8004a113"), SECOND / 5),
}


@pytest.mark.parametrize("kind", AWAY)
def test_dynamics_away_for_three_days_poisons_no_lead_and_all_are_written_after(kind: str) -> None:
    life = Life()
    failure, fails_after = AWAY[kind]
    away_until = NOW + OUTAGE
    life.world.dynamics.judge = lambda _id, _lead: failure if life.world.at < away_until else None
    life.fails_after = fails_after
    life.every(EVERY, life.post, times=OUTAGE // (EVERY))
    life.until(away_until - SECOND)  # a sweep begins at that very moment
    calls = [call for call in life.world.dynamics.asked_at if call >= NOW + HOUR]
    assert life.world.dynamics.leads == {}
    assert most_calls_in_an_hour(calls) <= MOST_CALLS_AN_HOUR
    assert len(calls) > OUTAGE / HOUR
    life.until(away_until + 3 * HOUR)
    assert life.states() == {State.WRITTEN: OUTAGE // (EVERY)}
    assert life.ever(State.POISONED) == 0
    assert life.host.poisoned == 0
    assert life.world.fallback.rows == {}


def life_with_resting_leads(*, kind: str, fallback_after: timedelta) -> Life:
    """Dynamics is away from the beginning, and a thousand leads come at once. Sweeps begin up to two seconds late."""
    life = Life(replace(SETTINGS, fallback_after=fallback_after))
    failure, life.fails_after = AWAY[kind]
    life.world.dynamics.judge = lambda _id, _lead: failure
    life.late = lambda: random.Random(str(life.world.at)).random() * 2 * SECOND  # noqa: S311 - the same each time
    for _ in range(RESTING):
        life.post()
    return life


def slowest_after(life: Life, end: datetime) -> timedelta:
    """How long after the end of the outage the last of the thousand was written."""
    records = [life.world.ledger.rows[lead_id] for lead_id in life.accepted[:RESTING]]
    assert {record.state for record in records} == {State.WRITTEN}
    return max(record.written_at - end for record in records if record.written_at)


@pytest.mark.parametrize("seconds", [0, 170])
@pytest.mark.parametrize("fresh", [False, True], ids=["with nothing new", "with new leads all the time"])
@pytest.mark.parametrize("processes", ["one", "many"])
@pytest.mark.parametrize("kind", ["time-outs", "sign-in refused"])
def test_a_thousand_resting_leads_are_written_soon_after_ten_minutes(
    kind: str, processes: str, fresh: bool, seconds: int
) -> None:
    life = life_with_resting_leads(kind=kind, fallback_after=timedelta(0))
    life.sweeps_in_fresh_processes = processes == "many"
    end = NOW + 10 * MINUTE + seconds * SECOND
    life.every(7 * SECOND, life.post, times=120 if fresh else 0)
    life.until(end)
    life.world.dynamics.judge = lambda _id, _lead: None
    life.until(end + 20 * MINUTE)
    assert slowest_after(life, end) <= OUT_WITHIN
    assert life.states() == {State.WRITTEN: len(life.accepted)}


@pytest.mark.parametrize(("kind", "fresh"), [("time-outs", False), ("sign-in refused", True)])
def test_a_thousand_resting_leads_are_written_soon_after_three_days_with_few_calls(kind: str, fresh: bool) -> None:
    life = life_with_resting_leads(kind=kind, fallback_after=10 * MINUTE)
    end = NOW + OUTAGE + 170 * SECOND
    for hour in (3, 4, 71):
        life.at(NOW + hour * HOUR, lambda: life.every(20 * SECOND, life.post, times=200 if fresh else 0))
    life.until(end)
    calls = [call for call in life.world.dynamics.asked_at if call >= NOW + HOUR]
    assert most_calls_in_an_hour(calls, HOUR - SLACK) <= MOST_CALLS_AN_HOUR  # a sweep begins at any second of a minute
    assert len(calls) <= MOST_CALLS_AN_HOUR * (OUTAGE - HOUR) / HOUR + 1
    life.world.dynamics.judge = lambda _id, _lead: None
    life.until(end + 30 * MINUTE)
    assert slowest_after(life, end) <= OUT_WITHIN
    assert life.states() == {State.WRITTEN: len(life.accepted)}


def test_without_the_marks_of_the_probes_fresh_processes_would_ask_far_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that a fault of that kind would be noticed."""

    def calls_of_an_hour() -> int:
        life = life_with_resting_leads(kind="sign-in refused", fallback_after=timedelta(0))
        life.sweeps_in_fresh_processes = True
        life.until(NOW + 2 * HOUR)
        return sum(call >= NOW + HOUR for call in life.world.dynamics.asked_at)

    assert calls_of_an_hour() <= MOST_CALLS_AN_HOUR
    monkeypatch.setattr(fallback, "failed_probe", lambda marks, *_, **__: marks)
    assert calls_of_an_hour() >= 59


def test_a_backlog_of_an_hour_is_not_put_on_the_queue_a_second_time() -> None:
    life = Life()
    life.answers_after = 20 * SECOND
    for _ in range(12 * 3 * 70):
        life.post()
    life.until(NOW + 3 * HOUR)
    records = [life.world.ledger.rows[lead_id] for lead_id in life.accepted]
    assert life.states() == {State.WRITTEN: len(records)}
    # Those in delivery when the queue has become empty cannot be told from lost ones.
    assert sum(record.attempt > 1 for record in records) <= AT_ONCE
    assert max(record.written_at - NOW for record in records if record.written_at) > HOUR


# A store away


@pytest.mark.parametrize("away", [{"ledger", "claims", "fallback", "marks"}, {"queue", "poison_queue"}])
def test_one_of_the_two_stores_away_for_five_minutes_loses_and_poisons_nothing(away: set[str]) -> None:
    life = Life()

    def turn(down: bool) -> None:
        for name in away:
            life.world.parts[name].down = down

    life.every(SECOND, life.post, times=15 * 60)
    life.at(NOW + 5 * MINUTE, lambda: turn(True))
    life.at(NOW + 10 * MINUTE, lambda: turn(False))
    life.until(NOW + 3 * HOUR)
    assert len(life.accepted) == 15 * 60
    assert life.states() == {State.WRITTEN: 15 * 60}
    assert {*life.world.dynamics.leads} == {*life.accepted}
    assert life.ever(State.POISONED) == 0
    assert life.host.poisoned == 0


def test_with_both_stores_away_nobody_is_told_that_a_lead_is_safe() -> None:
    life = Life()
    for part in life.world.parts.values():
        part.down = True
    assert life.post() is None


# One bad lead


BAD = {
    "refused": Refused("too_long", "subject"),
    "its plug-in crashes": Transient("plugin_crashed", "0x80040224"),
    "its owner may not own it": Blocked("owner_lacks_privilege", lead_only=True),
    "Dynamics fails on it": Transient("dynamics_error", "500 0x80040216"),
    "Dynamics is silent on it": Transient("dynamics_unreachable", "ReadTimeout"),
}


@pytest.mark.parametrize("pause", [SECOND, 2 * MINUTE, 10 * MINUTE], ids=["in a burst", "now and then", "rarely"])
@pytest.mark.parametrize("kind", BAD)
def test_one_bad_lead_among_a_hundred_good_ones_delays_none_of_them(kind: str, pause: timedelta) -> None:
    life = Life()
    life.world.dynamics.judge = lambda _id, lead: BAD[kind] if lead.company == "Bad" else None
    life.fails_after = 5 * SECOND
    life.post("Bad")
    arrivals = random.Random(11)  # noqa: S311 - the same each time, and in step with nothing
    at = NOW
    for _ in range(100):
        at += arrivals.expovariate(1) * pause
        life.at(at, life.post)
    life.until(at + MINUTE)
    good = [life.world.ledger.rows[lead_id] for lead_id in life.accepted[1:]]
    waited = [record.written_at - record.received_at for record in good if record.written_at]
    assert len(waited) == 100
    assert max(waited) < SECOND


def test_leads_that_rest_are_drained_past_a_bad_one_among_them() -> None:
    life = Life()
    life.world.dynamics.judge = lambda _id, _lead: Transient("dynamics_error")
    life.post("Bad")
    life.every(SECOND, life.post, times=100)
    life.until(NOW + 5 * HOUR)
    assert life.states()[State.FALLBACK] == 101
    life.world.dynamics.judge = lambda _id, lead: BAD["its plug-in crashes"] if lead.company == "Bad" else None
    life.until(NOW + 7 * HOUR)
    assert life.states() == {State.FALLBACK: 1, State.WRITTEN: 100}


# Under a throttle


WINDOW = 300 * SECOND
LIMIT = 2000  # a third of the real one, which `python -m bench --only throttle` tries


def pour_a_backlog(life: Life) -> None:
    for _ in range(2 * LIMIT + LIMIT // 6):
        life.post()


def pour_a_stream(life: Life) -> None:
    """A quarter more than the limit lets through, so that the window is full for most of the time."""
    life.every(WINDOW / LIMIT / 1.25, life.post, times=round(2 * LIMIT * 1.25))


@pytest.mark.parametrize("pour", [pour_a_backlog, pour_a_stream])
def test_under_a_throttle_nearly_all_of_the_allowance_is_used_and_little_is_refused(
    pour: Callable[[Life], None],
) -> None:
    life = Life()
    throttle = life.world.dynamics.judge = Throttle(life.world, requests=LIMIT, window=WINDOW)
    pour(life)
    life.until(NOW + 2 * WINDOW)
    passed, refused = len(throttle.passed), len(throttle.refused)
    used, in_vain = passed / (2 * LIMIT), refused / (passed + refused)
    figures = f"{used:.1%} of the allowance got through, {in_vain:.2%} of all requests were refused"
    print(figures)  # noqa: T201 - `pytest -rP` shows how much room there is
    assert used >= 0.95, figures
    assert in_vain <= 0.02, figures
    assert life.ever(State.POISONED) == 0
