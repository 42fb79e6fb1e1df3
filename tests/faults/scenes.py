"""Every situation of devkit.chaos.windows, brought about for real: what is there before, what happens, how it ends."""

import json
import re
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import requests

from devkit.chaos.watch import Death
from devkit.chaos.windows import Window, flow_of, writes_of
from devkit.launcher.ports import any_free
from leadpipe.model.canary import CanaryMark
from leadpipe.model.canary_form import PATIENCE, canary_payload
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import VERSION
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import ENTROPY_BYTES, new_lead_id
from leadpipe.model.ports import Marks
from leadpipe.model.record import Event, Record, State
from tests.answering import Answer, Server, answering
from tests.factories import payload, sample
from tests.faults.rig import AHEAD, Rig
from tests.host_process import until

STAYS = ExitStack()
_DATAVERSE = ("URL", "AUTHORITY", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
NO_ORGANISATION = dict.fromkeys((f"DATAVERSE_{name}" for name in _DATAVERSE), "")
FOREIGN = "old-leads-poison"
IMPORT = ("leadpipe", "import", "queue", FOREIGN, "--yes")
NEWER = json.dumps({"v": VERSION + 1, "lead": "as a newer leadpipe would write it"})


@dataclass(frozen=True, kw_only=True)
class Scene:
    """`before` gives the lead id, where there is one already. `act` brings the flow about; it may be cut short.

    `heal`: how what is left undone gets done. `end`: what is true then, with and without a death.
    """

    before: Callable[[Rig], str]
    act: "Act"
    end: Callable[[Rig, str], None]
    heal: Callable[[Rig, str], None] = lambda rig, _: rig.heal()


@dataclass(frozen=True, kw_only=True)
class InHost:
    """The functions do it, after what `then` provokes once they listen. `back`: their settings after a death."""

    settings: Callable[[Rig], Mapping[str, str]] = lambda _: {}
    back: Callable[[Rig], Mapping[str, str]] = lambda _: {}
    then: Callable[[Rig, str], object] = lambda _rig, _url: None
    # Windows that another lead passes before the one that counts.
    passed_before: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class InSweep:
    """One sweep does it, by a clock that is so far ahead."""

    ahead: timedelta = timedelta(0)
    settings: Callable[[], Mapping[str, str]] = dict


@dataclass(frozen=True, kw_only=True)
class InCommand:
    """An operator does it."""

    words: Callable[[str], tuple[str, ...]]


Act = InHost | InSweep | InCommand


# Before


def nothing(_rig: Rig) -> str:
    return ""


def swept_once(rig: Rig) -> str:
    rig.swept()
    return ""


def waiting(rig: Rig, **changes: Any) -> str:
    """A lead in the ledger, with its message on the queue."""
    record = rig.accepted(**changes)
    rig.ports.queue.put(rig.message_of(record))
    return record.lead_id


def waiting_while(**fault: Any) -> Callable[[Rig], str]:
    def before(rig: Rig) -> str:
        rig.standin.fault(**fault)
        return waiting(rig)

    return before


def message_alone(rig: Rig) -> str:
    record = rig.unrecorded()
    rig.ports.queue.put(rig.message_of(record))
    return record.lead_id


def repeating_one_that_is(state: State) -> Callable[[Rig], str]:
    def before(rig: Rig) -> str:
        first = rig.accepted()
        rig.ports.claims.take(
            Claim(fingerprint=first.fingerprint, lead_id=first.lead_id, received_at=first.received_at)
        )
        become(rig, first, state=state)
        return waiting(rig)

    return before


def waiting_for_a_first(state: State, *, in_dynamics: bool = False) -> Callable[[Rig], str]:
    """A later action of a customer whose first lead is in that state, and has no message."""

    def before(rig: Rig) -> str:
        first_lead(rig, state, in_dynamics=in_dynamics)
        return waiting(rig, ActionCode="PLT")

    return before


def first_lead(rig: Rig, state: State, *, in_dynamics: bool) -> Record:
    rig.more_settings["LEADPIPE_MERGE"] = "30d"
    first = rig.accepted(ago=timedelta(minutes=1))
    customer = Lead.from_payload(payload()).customer()
    rig.ports.claims.take(Claim(fingerprint=customer, lead_id=first.lead_id, received_at=first.received_at))
    if in_dynamics:
        assert rig.standin.create(leadid=first.lead_id, lastname="First").status_code == 204
    return become(rig, first, state=state)


def resting_for_a_first(rig: Rig) -> str:
    first_lead(rig, State.WRITTEN, in_dynamics=True)
    return resting(rig, ActionCode="PLT")


def newer_message(rig: Rig) -> str:
    rig.ports.queue.put(NEWER)
    return ""


def given_up_by_an_earlier_app(rig: Rig) -> str:
    queue = rig.queue(FOREIGN)
    queue.create_queue()
    queue.send_message(json.dumps({"id": "7f9c", "body": json.loads(payload())}))
    return ""


def given_up(rig: Rig) -> str:
    rig.swept()
    record = rig.accepted()
    rig.give_up_on(rig.message_of(record))
    return record.lead_id


def given_up_for_the_third_time(rig: Rig) -> str:
    rig.swept()
    record = become(rig, rig.accepted(), rounds=2, attempt=3)
    rig.give_up_on(rig.message_of(record))
    return record.lead_id


def given_up_without_a_record(rig: Rig) -> str:
    rig.swept()
    record = rig.unrecorded()
    rig.give_up_on(rig.message_of(record))
    return record.lead_id


def given_up_on(text: str) -> Callable[[Rig], str]:
    def before(rig: Rig) -> str:
        rig.swept()
        rig.give_up_on(text)
        return ""

    return before


def overdue(rig: Rig) -> str:
    rig.swept()
    return rig.accepted().lead_id


def overdue_for_days(rig: Rig) -> str:
    record = rig.accepted(ago=timedelta(days=3))
    swept_for_days(rig, watermark=record.received_at.date(), looked_back_at=hours_ago(2))
    return record.lead_id


def resting(rig: Rig, **changes: Any) -> str:
    """In the fallback table, and due."""
    rig.swept()
    now = datetime.now(UTC)
    lead = rig.accepted(ago=timedelta(minutes=10), **changes)
    record = become(rig, lead, state=State.FALLBACK, next_try_at=now - timedelta(minutes=1), failing_since=now)
    rig.ports.fallback.keep(record)
    return record.lead_id


def resting_after_a_probe_that_failed(rig: Rig) -> str:
    lead_id = resting(rig)
    before = rig.ports.marks.read()
    since, next_probe_at = hours_ago(1), datetime.now(UTC)
    rig.ports.marks.write(before, replace(before, probes_fail_since=since, next_probe_at=next_probe_at))
    return lead_id


def written_with_its_row_left(rig: Rig) -> str:
    swept_for_days(rig, looked_back_at=hours_ago(2))
    record = become(rig, rig.accepted(), state=State.WRITTEN)
    rig.ports.fallback.keep(record)
    return record.lead_id


def resting_while_dynamics_is_away(rig: Rig) -> str:
    rig.standin.fault("status", status=503, count=1)
    return resting(rig)


def arrived(rig: Rig) -> str:
    rig.swept()
    rig.table("marketplaceleads").create_entity(json.loads(sample("azure-table-row.json")))
    return ""


def settled_long_ago(rig: Rig) -> str:
    record = rig.accepted(ago=timedelta(days=4))
    after = replace(record, state=State.WRITTEN, next_try_at=None)
    at = record.received_at
    edited = Event(
        lead_id=record.lead_id, at=at, event="edited", state=State.POISONED, actor="kim", payload=record.payload
    )
    rig.ports.ledger.write(record, after, edited)
    swept_for_days(rig, forgotten_before=at.date(), forgetting_from=at.date())
    return record.lead_id


def poisoned_days_ago(rig: Rig) -> str:
    """On a day that the sweep does not look at any more."""
    rig.swept()
    return become(rig, rig.accepted(ago=timedelta(days=3)), state=State.POISONED, next_try_at=None).lead_id


def canary_waiting(rig: Rig) -> str:
    """A canary in the ledger, with its message on the queue."""
    record = canary_accepted(rig)
    rig.ports.queue.put(rig.message_of(record))
    return record.lead_id


def canary_that_nobody_delivered(rig: Rig) -> str:
    """One whose time is over, and whose message never came."""
    rig.swept()
    record = become(rig, canary_accepted(rig, ago=PATIENCE), next_try_at=datetime.now(UTC))  # not overdue
    mark = CanaryMark().begun(record.received_at).out(record.lead_id)
    assert rig.ports.canary_marks.write(CanaryMark(), mark)
    return record.lead_id


def canary_accepted(rig: Rig, ago: timedelta = timedelta(0)) -> Record:
    at = datetime.now(UTC) - ago
    record = rig.ports.ledger.insert(Record.accepted(new_lead_id(at, bytes(ENTROPY_BYTES)), canary_payload(at)))
    assert record is not None
    return record


def swept_for_days(rig: Rig, **marks: Any) -> None:
    """An app whose sweeps have come so far; the next one only does what these marks call for."""
    now = datetime.now(UTC)
    whole = Marks(
        watermark=now.date() - timedelta(days=1),
        looked_back_at=now,
        taken_in_until=now,
        forgotten_before=now.date(),
        expiry_told_on=now.date(),
    )
    rig.ports.marks.write(rig.ports.marks.read(), replace(whole, **marks))


def hours_ago(hours: int) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def become(rig: Rig, record: Record, **changes: Any) -> Record:
    return rig.ports.ledger.write(record, replace(record, **changes), None)


# What happens


def canaries_posted_to(url: str) -> dict[str, str]:
    return {"LEADPIPE_CANARY": "1d", "LEADPIPE_CANARY_URL": f"{url}/api/leads"}


def canaries_posted_to_nobody() -> dict[str, str]:
    return canaries_posted_to(f"http://127.0.0.1:{any_free()}")


@cache
def receiver() -> Server:
    """Where notices are posted; it ends with the process."""
    there = STAYS.enter_context(answering())
    there.answer = Answer(status=202)
    return there


def notified() -> dict[str, str]:
    """The one thing that needs a person shall be what the scene has prepared."""
    return {"LEADPIPE_NOTIFY_URL": receiver().url, "AzureWebJobs.sweep.Disabled": ""}


def poisoned_a_moment_ago(rig: Rig) -> str:
    rig.swept()
    receiver().bodies.clear()
    return become(rig, rig.accepted(), state=State.POISONED, reason="too_long", next_try_at=None).lead_id


def sweep_posts_again(rig: Rig, _lead_id: str) -> None:
    rig.run("sweep", options=("--ahead", "120"), **notified())


def somebody_knows(_rig: Rig, _lead_id: str) -> None:
    """By one notice; by two if the process died between the post and its mark."""
    notices = [json.loads(body) for body in receiver().bodies]
    told = [(notice["stage"], f"{notice['reason']} {notice['about']}") for notice in notices]
    assert told in ([("begins", "poisoned too_long")], [("begins", "poisoned too_long")] * 2), told


def posts(body: str) -> InHost:
    def then(_rig: Rig, url: str) -> None:
        try:
            requests.post(f"{url}/api/leads", data=body.encode(), timeout=20)
        except requests.RequestException:
            return  # it died before it could answer

    return InHost(then=then)


def without_tables(rig: Rig) -> dict[str, str]:
    """Its table service is at a port where nobody listens."""
    broken = re.sub(r"(TableEndpoint=http://127\.0\.0\.1:)\d+", rf"\g<1>{any_free()}", rig.account)
    return {"AzureWebJobsStorage": broken}


def second_lead(rig: Rig, _url: str) -> None:
    """Once a first one has shut the gate."""
    until(lambda: any(record.state is State.DEFERRED for record in rig.records()), "a deferred lead")
    record = rig.accepted(FirstName="another")
    rig.ports.queue.put(rig.message_of(record))


# How it ends


def sweep_posts_the_next(rig: Rig, _lead_id: str) -> None:
    """Hours later, to an app that runs; whatever the death left, that one comes through."""
    host = rig.host()
    rig.run("sweep", options=("--ahead", str(7200.0)), **canaries_posted_to(host.url))
    rig.heal()


def sweep_judges_it_again(rig: Rig, _lead_id: str) -> None:
    rig.run("sweep", **canaries_posted_to_nobody())


def has_failed(rig: Rig, lead_id: str) -> None:
    is_in(State.KEPT, "canary_failed")(rig, lead_id)
    mark = rig.ports.canary_marks.read()
    assert (mark.step, mark.detail) == ("canary_not_delivered", "accepted")


def is_written(rig: Rig, lead_id: str) -> None:
    assert rig.record(lead_id).state is State.WRITTEN
    assert rig.in_dynamics() == [lead_id]


def is_a_note(rig: Rig, lead_id: str) -> None:
    """On the first lead, which is the only one."""
    record = rig.record(lead_id)
    assert (record.state, rig.in_dynamics()) == (State.MERGED, [record.duplicate_of])
    assert rig.standin.notes() == {lead_id: record.duplicate_of}


def is_written_without_a_note(rig: Rig, lead_id: str) -> None:
    is_written(rig, lead_id)
    assert rig.standin.notes() == {}


def one_is_written(rig: Rig, _lead_id: str) -> None:
    (record,) = rig.records()
    is_written(rig, record.lead_id)


def both_are_written(rig: Rig, _lead_id: str) -> None:
    records = rig.records()
    assert [record.state for record in records] == [State.WRITTEN] * 2
    assert sorted(rig.in_dynamics()) == sorted(record.lead_id for record in records)


def is_in(state: State, reason: str = "") -> Callable[[Rig, str], None]:
    """In that state, and not in Dynamics."""

    def end(rig: Rig, lead_id: str) -> None:
        record = rig.record(lead_id)
        assert (record.state, record.reason) == (state, reason)
        assert rig.in_dynamics() == []

    return end


def one_is_in(state: State, reason: str) -> Callable[[Rig, str], None]:
    def end(rig: Rig, _lead_id: str) -> None:
        (record,) = rig.records()
        is_in(state, reason)(rig, record.lead_id)

    return end


def rests(rig: Rig, lead_id: str) -> None:
    is_in(State.FALLBACK, "no_dynamics")(rig, lead_id)
    assert rig.resting() == [lead_id]


def comes_to_the_fallback_table(rig: Rig, lead_id: str) -> None:
    until(lambda: rig.record(lead_id).state is State.FALLBACK and not rig.depth("leads"), "a lead at rest")


def still_waits(rig: Rig, _lead_id: str) -> None:
    """For the newer leadpipe: hidden, not burnt, and nobody made a lead of it."""
    assert rig.depth("leads") >= 1
    assert rig.depth("leads-poison") == 0
    assert rig.records() == []


def is_hidden_again(rig: Rig, _lead_id: str) -> None:
    def is_hidden() -> bool:
        rig.sweep(timedelta(0))
        return bool(rig.depth("leads")) and not rig.visible("leads") and not rig.depth("leads-poison")

    until(is_hidden, "a hidden message")


def one_is_written_and_the_row_stays(rig: Rig, lead_id: str) -> None:
    one_is_written(rig, lead_id)
    assert len(rig.rows("marketplaceleads")) == 1


def replay_again_if_it_still_waits(rig: Rig, lead_id: str) -> None:
    """A death before the record was written leaves the decision to be made again, in plain sight."""
    if rig.record(lead_id).state is State.POISONED:
        rig.run("leadpipe", "poison", "replay", lead_id, "--yes")
    rig.heal()


def erase_again(rig: Rig, lead_id: str) -> None:
    """What its runbook says; the tombstone stands from the first of its writes on."""
    assert rig.record(lead_id).state is State.ERASED
    rig.run("leadpipe", "erase", lead_id, "--yes")
    rig.heal()


def import_again(rig: Rig, _lead_id: str) -> None:
    """The message is seen again once nobody holds it any more."""
    until(lambda: rig.visible(FOREIGN) == rig.depth(FOREIGN), "the message can be received")
    rig.run(*IMPORT)
    rig.heal()
    assert rig.depth(FOREIGN) == 0


def is_erased(rig: Rig, lead_id: str) -> None:
    is_in(State.ERASED)(rig, lead_id)
    assert [event.payload for event in rig.ports.ledger.events(lead_id)] == [None]


def is_forgotten(rig: Rig, lead_id: str) -> None:
    record = rig.record(lead_id)
    assert (record.state, record.payload, record.email) == (State.WRITTEN, None, "")
    assert [event.payload for event in rig.ports.ledger.events(lead_id)] == [None]


SCENES = {
    "a lead is posted": Scene(before=nothing, act=posts(payload()), end=one_is_written),
    "something is posted that is no lead": Scene(
        before=nothing, act=posts("no JSON"), end=one_is_in(State.REJECTED, "not_json")
    ),
    "a lead is written": Scene(before=waiting, act=InHost(), end=is_written),
    "only the message was kept": Scene(before=message_alone, act=InHost(), end=is_written),
    "the lead repeats another": Scene(
        before=repeating_one_that_is(State.WRITTEN), act=InHost(), end=is_in(State.DUPLICATE)
    ),
    "the lead it repeats was discarded": Scene(
        before=repeating_one_that_is(State.DISCARDED), act=InHost(), end=is_written
    ),
    "a later action becomes a note": Scene(
        before=waiting_for_a_first(State.WRITTEN, in_dynamics=True), act=InHost(), end=is_a_note
    ),
    "a later action waits for its first lead": Scene(
        before=waiting_for_a_first(State.ACCEPTED), act=InHost(), end=is_a_note
    ),
    "the first lead was deleted in Dynamics": Scene(
        before=waiting_for_a_first(State.WRITTEN), act=InHost(), end=is_written_without_a_note
    ),
    "Dynamics refuses the lead": Scene(
        before=waiting_while(kind="plugin_abort"), act=InHost(), end=is_in(State.POISONED, "plugin_refused")
    ),
    "Dynamics fails for now": Scene(
        before=waiting_while(kind="status", status=503, count=1), act=InHost(), end=is_written
    ),
    "the gate is shut": Scene(
        before=waiting_while(kind="status", status=429, retry_after=2, count=1),
        act=InHost(then=second_lead, passed_before=frozenset({"queue.put", "ledger.write"})),
        end=both_are_written,
    ),
    "a setting is wrong": Scene(
        before=waiting, act=InHost(settings=lambda _: {"DATAVERSE_URL": "no address"}), end=is_written
    ),
    "Dynamics was away too long": Scene(
        before=waiting_while(kind="status", status=503, count=1),
        act=InHost(settings=lambda _: {"LEADPIPE_FALLBACK_AFTER": "0"}),
        end=is_written,
    ),
    "no organisation is configured": Scene(
        before=waiting,
        act=InHost(settings=lambda _: NO_ORGANISATION, back=lambda _: NO_ORGANISATION),
        heal=comes_to_the_fallback_table,
        end=rests,
    ),
    "the tables are away": Scene(before=waiting, act=InHost(settings=without_tables), end=is_written),
    "the message is newer than leadpipe": Scene(
        before=newer_message, act=InHost(), heal=is_hidden_again, end=still_waits
    ),
    "a canary is delivered": Scene(before=canary_waiting, act=InHost(), end=is_in(State.KEPT, "canary")),
    "a canary is due": Scene(
        before=swept_once,
        act=InSweep(settings=canaries_posted_to_nobody),
        heal=sweep_posts_the_next,
        end=one_is_in(State.KEPT, "canary"),
    ),
    "a canary's time is over": Scene(
        before=canary_that_nobody_delivered,
        act=InSweep(settings=canaries_posted_to_nobody),
        heal=sweep_judges_it_again,
        end=has_failed,
    ),
    "the host gave up on a message": Scene(before=given_up, act=InSweep(), end=is_written),
    "the host gave up for the third time": Scene(
        before=given_up_for_the_third_time, act=InSweep(), end=is_in(State.POISONED, "no_outcome")
    ),
    "the host gave up on a message without a record": Scene(
        before=given_up_without_a_record, act=InSweep(), end=is_written
    ),
    "the host gave up on what is no message of ours": Scene(
        before=given_up_on("no message of ours"), act=InSweep(), end=one_is_in(State.POISONED, "not_an_envelope")
    ),
    "the host gave up on a newer message": Scene(
        before=given_up_on(NEWER), act=InSweep(), heal=is_hidden_again, end=still_waits
    ),
    "a lead is overdue": Scene(before=overdue, act=InSweep(ahead=AHEAD), end=is_written),
    "a lead of an older day is overdue": Scene(before=overdue_for_days, act=InSweep(), end=is_written),
    "a settled lead left its row behind": Scene(
        before=written_with_its_row_left, act=InSweep(), end=is_in(State.WRITTEN)
    ),
    "Dynamics is back": Scene(before=resting, act=InSweep(), end=is_written),
    "Dynamics is back after a failed probe": Scene(
        before=resting_after_a_probe_that_failed, act=InSweep(), end=is_written
    ),
    "Dynamics is back for a later action": Scene(before=resting_for_a_first, act=InSweep(), end=is_a_note),
    "Dynamics is still away": Scene(before=resting_while_dynamics_is_away, act=InSweep(), end=is_written),
    "the marketplace wrote a row": Scene(before=arrived, act=InSweep(), end=one_is_written_and_the_row_stays),
    "a person replays a lead": Scene(
        before=poisoned_days_ago,
        act=InCommand(words=lambda lead_id: ("poison", "replay", lead_id, "--yes")),
        heal=replay_again_if_it_still_waits,
        end=is_written,
    ),
    "a person erases a lead": Scene(
        before=resting,
        act=InCommand(words=lambda lead_id: ("erase", lead_id, "--yes")),
        heal=erase_again,
        end=is_erased,
    ),
    "an earlier app's message is moved in": Scene(
        before=given_up_by_an_earlier_app,
        act=InCommand(words=lambda _: IMPORT[1:]),
        heal=import_again,
        end=one_is_written,
    ),
    "a person is needed": Scene(
        before=poisoned_a_moment_ago,
        act=InSweep(settings=notified),
        heal=sweep_posts_again,
        end=somebody_knows,
    ),
    "a settled lead is old": Scene(before=settled_long_ago, act=InSweep(), end=is_forgotten),
}


def play(situation: str, rig: Rig, window: Window | None = None, *, by: Death = Death.HOST) -> None:
    """From the beginning to the end, with a death in that window where one is given.

    After a death of its worker the host goes on, and is only restarted where the scene needs other settings then.
    """
    scene = SCENES[situation]
    lead_id = scene.before(rig)
    match scene.act:
        case InHost() as act:
            nth = 2 if window and window.after in act.passed_before else 1
            settings, back = act.settings(rig), act.back(rig)
            host = rig.host(*([(window, nth)] if window else ()), by=by, **settings)
            act.then(rig, host.url)
            if window is None:
                until(lambda: writes_of(situation) in rig.chains(flow_of(situation)), f"the writes of {situation!r}")
            elif by is Death.HOST:
                assert host.child.wait() == -signal.SIGKILL, host.child.said
            else:
                until(lambda: rig.died(window, by), f"the death of the {by}")
            if window is None or by is Death.HOST or settings != back:
                host.child.kill()
                rig.host(**back)
        case InSweep(ahead=ahead, settings=settings):
            options = ("--ahead", str(ahead.total_seconds()))
            rig.run("sweep", deaths=((window, 1),) if window else (), options=options, **settings())
            rig.host()
        case InCommand(words=words):
            rig.run("leadpipe", *words(lead_id), deaths=((window, 1),) if window else ())
            rig.host()
    scene.heal(rig, lead_id)
    scene.end(rig, lead_id)
