"""A person decides while a copy of the lead's message is in flight: at every place where one can overtake the other.

The copy's delivery began before the lead was poisoned. The person's command stands still after so many of its calls,
the delivery goes on to its end, and then the command does. The decision stands, or Dynamics had the lead first and the
record says so.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest

from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import NotAllowed, Refused
from leadpipe.model.lead import Lead
from leadpipe.model.record import OPEN, Record, State
from leadpipe.operations import decisions
from leadpipe.operations.decisions import Desk
from tests.factories import LEAD_ID, RECEIVED_AT, payload, record, settings
from tests.host_simulation import LEASE, Host, HostWorld, Run

# More than any delivery or command makes.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("each_payload_is_read_once")]
CALLS = range(12)
REFUSED = Refused("plugin_refused", "Company")
EDITED = payload(Company="Mended")


class Story:
    """One lead, two copies of its message, and a Dynamics that would take either text or only the mended one."""

    def __init__(self, *, takes_it: bool) -> None:
        self.world = HostWorld()
        self.world.at = RECEIVED_AT
        self.host = Host(self.world, settings())
        self.taken: list[str] = []
        self.takes_it = takes_it
        self.world.dynamics.judge = self.judge
        held = self.world.ledger.insert(record(LEAD_ID))
        assert held is not None
        for _ in range(2):
            self.world.queue.put(Envelope.for_payload(LEAD_ID, payload(), attempt=1).to_text())

    def judge(self, lead_id: str, lead: Lead) -> Refused | None:
        if lead.company != "Mended" and not self.takes_it:
            return REFUSED
        if lead_id not in self.world.dynamics.leads:
            self.taken.append(lead_id)
        return None

    @property
    def record(self) -> Record:
        return self.world.ledger.rows[LEAD_ID]

    def desk(self) -> Desk:
        return Desk(actor="jane", now=self.world.now, ports=self.host.ports)

    def delivery(self) -> Run:
        run = self.host.deliver()
        assert run is not None
        return run

    def ended(self, run: Run) -> None:
        run.finish()
        self.host.settle(run)

    def poisoned(self) -> None:
        """By the other copy, whatever the first one has done until now."""
        takes_it, self.takes_it = self.takes_it, False
        self.ended(self.delivery())
        self.takes_it = takes_it

    def come_to_rest(self) -> None:
        self.world.at += LEASE
        for _ in range(5):
            while run := self.host.deliver():
                self.ended(run)
            sweep = self.host.sweep()
            sweep.finish()
            self.world.at += timedelta(minutes=20)


def erase(desk: Desk) -> None:
    decisions.erase(LEAD_ID, desk)


def discard(desk: Desk) -> None:
    decisions.discard(LEAD_ID, desk, why="spam")


def edit_and_replay(desk: Desk) -> None:
    decisions.edit(decisions.known(LEAD_ID, desk.ports.ledger), EDITED, desk)
    decisions.replay(LEAD_ID, desk)


@pytest.fixture(params=[True, False], ids=["Dynamics takes the copy", "Dynamics refuses the copy"])
def takes_it(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def told(
    takes_it: bool, decide: Callable[[Desk], None], pause: timedelta = timedelta(0)
) -> Iterator[tuple[Story, Run]]:
    """Every story in which the command and the copy's delivery can overtake each other, brought to its end."""
    for delivered in CALLS:
        for decided in CALLS:
            story = Story(takes_it=takes_it)
            copy = story.delivery()
            copy.go_on(delivered)
            story.poisoned()
            story.world.at += pause
            person = Run("person", partial(decide, story.desk()))
            person.go_on(decided)
            story.ended(copy)
            person.finish()
            story.come_to_rest()
            yield story, person


def test_an_erased_lead_stays_a_tombstone(takes_it: bool) -> None:
    for story, person in told(takes_it, erase):
        assert person.error is None
        assert (story.record.state, story.record.payload, story.record.email) == (State.ERASED, None, "")


def test_an_edited_and_replayed_lead_is_in_dynamics_once_and_written(takes_it: bool) -> None:
    ends = set()
    for story, person in told(takes_it, edit_and_replay):
        assert person.error is None or isinstance(person.error, NotAllowed)
        ends.add((story.record.state, story.world.dynamics.leads[LEAD_ID].company if story.taken else ""))
        assert story.taken in ([LEAD_ID], [])
        # The command comes too late only for a lead that Dynamics has.
        assert person.error is None or story.record.state is State.WRITTEN
        assert story.record.state is State.WRITTEN, (story.record, person.error)
    assert (State.WRITTEN, "Mended") in ends
    assert ((State.WRITTEN, "Fabrikam") in ends) is takes_it


def test_a_discard_waits_until_no_delivery_can_be_under_way(takes_it: bool) -> None:
    for story, person in told(takes_it, discard):
        assert isinstance(person.error, NotAllowed)
        assert person.error.slug == "too_soon" or story.record.state is State.WRITTEN
        assert (story.record.state is State.WRITTEN) is (LEAD_ID in story.world.dynamics.leads)


def test_a_discarded_lead_is_not_in_dynamics_and_what_dynamics_has_is_written(takes_it: bool) -> None:
    ends = set()
    for story, person in told(takes_it, discard, pause=timedelta(minutes=3)):
        assert person.error is None or story.record.state is State.WRITTEN, person.error
        ends.add(story.record.state)
        assert story.record.state in {State.WRITTEN, State.DISCARDED}
        assert (story.record.state is State.WRITTEN) is (LEAD_ID in story.world.dynamics.leads)
        assert story.record.state not in OPEN
    assert ends == ({State.WRITTEN, State.DISCARDED} if takes_it else {State.DISCARDED})
