"""The console over HTTP on the fakes, and Chromium in front of it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadpipe.console.server import Server
from leadpipe.model.change import Deferred, Poisoned, Written, transition
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.pulse import Beat, Day, LastDay, Pulse
from leadpipe.model.record import Record, State
from tests.chromium import running_chromium
from tests.console_browser import ACTOR, FakeTarget
from tests.factories import payload
from tests.fakes import World

COMPANIES = ("Northwind Traders", "Tailspin Toys", "Fabrikam", "Adventure Works", "Wingtip", "Litware", "Proseware")
OFFERS = ("contoso.backup", "contoso.monitor", "contoso.widget")


@pytest.fixture(scope="session")
def program() -> Iterator[Any]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def world() -> World:
    return World(at=datetime.now(UTC))


@pytest.fixture
def served(world: World) -> Iterator[Server]:
    def now() -> datetime:
        world.at = datetime.now(UTC)
        return world.at

    server = Server(FakeTarget(world.ports), port=0, actor=ACTOR, now=now, environment={})  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server
    server.stop()
    thread.join(10)


@pytest.fixture
def page(program: Any, served: Server) -> Iterator[Any]:
    """A tab that came in by the start address. What the browser complains about fails the test, but for a 503."""
    context = program.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(served.start_address)
    yield tab
    context.close()
    assert [each for each in complaints if "status of 503" not in each] == []


def fill(world: World, number: int = 60) -> list[Record]:
    """Two weeks of leads: most written, some on their way, some that need a person."""
    made = []
    for place in range(number):
        at = world.at - timedelta(minutes=7 + place * 330)
        person = {"FirstName": "Jane", "LastName": "Doe", "Email": f"jane{place}@example.com"}
        posted = payload(**person, Company=COMPANIES[place % 7], LeadSource=f"AppSource-INS|{OFFERS[place % 3]}")
        record = Record.accepted(new_lead_id(at, place.to_bytes(10, "big")), posted, key_name="partner-center")
        made.append(_settled(world, record, place))
    days = {world.at.date() - timedelta(days=back): Day(leads=4 + back * 7 % 9) for back in range(1, 90)}
    world.attention.pulse = Pulse(
        at=world.at - timedelta(seconds=21),
        counted_at=world.at - timedelta(minutes=21),
        beat=Beat(queue=1, last_lead=made[0].received_at if made else None),
        last_day=LastDay(accepted=5, written=4, p50=0.6, p95=1.9, slowest=3.2),
        days=days,
        days_until=world.at.date(),
    )
    return made


def _settled(world: World, record: Record, place: int) -> Record:
    after: Record = record
    changes: list[Any] = [Written()]
    if place in {2, 5, 9, 14}:
        changes = [Poisoned(reason="column_unknown", detail="'new_region' is no column of the table lead")]
    elif place == 7:
        changes = [Poisoned(reason="too_long", detail="a value is longer than jobtitle takes")]
    elif place in {0, 3}:
        at = world.at + timedelta(minutes=2)
        changes = [Deferred(reason="dynamics_unreachable", attempt=2, next_try_at=at)]
    for change in changes:
        took = timedelta(seconds=0.4 + place % 5 * 0.3 + (40 if place % 19 == 12 else 0))
        decided = transition(after, change, at=record.received_at + took)
        assert decided is not None
        after = decided.after
        if decided.event:
            world.ledger.history[f"{record.lead_id}{change}"] = decided.event
    if place in {4, 6}:
        after = replace(after, state=State.DUPLICATE, written_at=None, duplicate_of=record.lead_id)
    world.ledger.rows[after.lead_id] = replace(after, version=f"b{place}")
    return world.ledger.rows[after.lead_id]
