"""What the sweep says of what needs a person: log lines, notices and the pulse, over the fakes and a moved clock."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadpipe.model.attention import Notice, Stage
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import NotifyFailed, StorageFailed
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Marks
from leadpipe.model.pulse import Pulse
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from leadpipe.operations.reconcile.mark import note_reconciled
from leadpipe.sweep import TASKS, attention, sweep
from leadpipe.sweep.attention import call_for_attention
from leadpipe.sweep.run import LONGEST_SWEEP, Head, Run
from tests.factories import payload
from tests.fakes import NOW, FakeAttention, FakeNotifier, World

SETTINGS = Settings(storage=None, dataverse=None)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SWITCHED_OFF = replace(SETTINGS, switched_off={"deliver": "AzureWebJobs.deliver.Disabled"})
AWAY = StorageFailed("storage_unreachable")


def notified() -> World:
    world = World()
    world.notifier = FakeNotifier(world.journal)
    return world


def lead(world: World, number: int = 1, *, ago: timedelta = timedelta(0), **fields: Any) -> Record:
    """A lead received so long ago, in any state."""
    made = Record.accepted(new_lead_id(world.at - ago, number.to_bytes(10, "big")), payload(FirstName=f"n {number}"))
    kept = world.ledger.insert(replace(made, **fields))
    assert kept is not None
    return kept


def poisoned(world: World, number: int = 1, *, ago: timedelta = timedelta(0), reason: str = "too_long") -> Record:
    return lead(world, number, ago=ago, state=State.POISONED, reason=reason)


def run(world: World, settings: Settings = SETTINGS, *, times: int = 1, every: timedelta = MINUTE) -> None:
    for _ in range(times):
        sweep(now=world.now, chance=0.5, ports=world.ports, settings=settings)
        world.at += every


def one_run(world: World, settings: Settings = SETTINGS) -> Run:
    return Run(
        now=world.now,
        until=world.at + LONGEST_SWEEP,
        hourly=False,
        head=Head(world.queue),
        chance=0.5,
        ports=world.ports,
        settings=settings,
    )


def sent(world: World) -> list[tuple[Stage, str]]:
    assert world.notifier is not None
    return [(notice.stage, notice.attention.key) for notice in world.notifier.sent]


class Lines:
    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def of(self, event: str) -> list[dict[str, str]]:
        """The fields of each line of that event."""
        messages = [each.getMessage() for each in self._caplog.records]
        return [fields_of(message) for message in messages if message.split()[0] == event]

    def stages(self) -> list[str]:
        return [f"{line['stage']} {line['reason']}" for line in self.of("attention")]

    def clear(self) -> None:
        self._caplog.clear()


def fields_of(message: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in message.split()[1:] if "=" in pair)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.INFO)
    return Lines(caplog)


# When it is said


def test_a_fault_is_logged_and_posted_within_two_sweeps_and_not_again_that_day(lines: Lines) -> None:
    world = notified()
    run(world, times=3)
    poisoned(world)
    run(world, times=2)
    assert lines.stages() == ["begins poisoned"]
    assert sent(world) == [(Stage.BEGINS, "poisoned too_long")]
    run(world, times=60)
    run(world, times=22, every=HOUR)
    assert len(lines.stages()) == len(sent(world)) == 1


def test_what_lasts_is_said_after_a_day_and_its_end_once(lines: Lines) -> None:
    world = notified()
    one = poisoned(world)
    run(world, times=26, every=HOUR)
    assert [stage for stage, _ in sent(world)] == [Stage.BEGINS, Stage.LASTS]
    world.ledger.rows[one.lead_id] = replace(one, state=State.DISCARDED)
    run(world, times=30, every=HOUR)
    assert [stage for stage, _ in sent(world)] == [Stage.BEGINS, Stage.LASTS, Stage.OVER]
    assert lines.stages() == ["begins poisoned", "lasts poisoned", "over poisoned"]
    assert world.attention.marks == {}


def test_the_line_and_the_notice_say_the_same() -> None:
    world = notified()
    run(world, SWITCHED_OFF)
    assert world.notifier is not None
    (notice,) = world.notifier.sent
    assert (notice.attention.reason, notice.attention.about, notice.stage) == ("switched_off", "deliver", Stage.BEGINS)
    assert notice.app == SETTINGS.app_name


def test_the_line_has_its_fields_and_an_end_is_not_an_error(caplog: pytest.LogCaptureFixture, lines: Lines) -> None:
    world = World()
    for number in range(2):
        poisoned(world, number)
    run(world)
    world.ledger.rows.clear()
    run(world)
    begun, over = lines.of("attention")
    assert begun == {
        "stage": "begins",
        "reason": "poisoned",
        "about": "too_long",
        "count": "2",
        "since": "2026-03-14T15:09:26Z",
    }
    assert over["stage"] == "over"
    levels = [each.levelno for each in caplog.records if each.getMessage().startswith("attention ")]
    assert levels == [logging.ERROR, logging.INFO]


def test_without_a_webhook_it_is_logged_and_nothing_is_left_to_post(lines: Lines) -> None:
    world = World()
    poisoned(world)
    run(world, times=2)
    assert lines.stages() == ["begins poisoned"]
    assert [mark.pending for mark in world.attention.marks.values()] == [None]


def test_two_that_begin_at_once_are_both_posted() -> None:
    world = notified()
    poisoned(world, 1)
    poisoned(world, 2, reason="duplicate_rule")
    run(world, SWITCHED_OFF)
    assert {key for _, key in sent(world)} == {"poisoned too_long", "poisoned duplicate_rule", "switched_off deliver"}


def test_plugin_crashed_for_25_hours_and_never_tried_for_two_are_said(lines: Lines) -> None:
    world = notified()
    lead(
        world,
        1,
        ago=25 * HOUR,
        state=State.DEFERRED,
        reason="plugin_crashed",
        failing_since=world.at - 25 * HOUR,
        next_try_at=world.at + MINUTE,
    )
    run(world)
    assert sent(world) == [(Stage.BEGINS, "waiting plugin_crashed")]

    def fail(*_: object, **__: object) -> Any:
        raise AWAY

    world.ledger.due = fail  # type: ignore[method-assign]
    lead(world, 2, ago=2 * HOUR)
    run(world)
    assert lines.stages() == ["begins waiting", "begins overdue"]


def test_a_lead_that_nobody_takes_off_the_queue_is_overdue_while_the_sweep_runs(lines: Lines) -> None:
    world = notified()
    waiting = lead(world)
    world.queue.put(Envelope.for_payload(waiting.lead_id, str(waiting.payload), attempt=1).to_text())
    run(world, times=60)
    assert lines.stages() == []
    run(world, times=60)
    assert sent(world) == [(Stage.BEGINS, "overdue")]


# Two sweeps at once


def seeing_the_same(world: World, other: Callable[[], None]) -> None:
    """The other sweep runs to its end after this one has read what was said, and before this one says anything."""
    read = world.attention.read

    def read_and_wait() -> Any:
        world.attention.read = read  # type: ignore[method-assign]
        seen = read()
        other()
        return seen

    world.attention.read = read_and_wait  # type: ignore[method-assign]


@pytest.mark.parametrize("before", ["nothing", "lasting", "over"])
def test_two_sweeps_at_once_say_it_once(lines: Lines, before: str) -> None:
    world = notified()
    one = poisoned(world)
    if before != "nothing":
        run(world)
        world.at += DAY
    if before == "over":
        del world.ledger.rows[one.lead_id]
    lines.clear()
    world.notifier = FakeNotifier(world.journal)
    seeing_the_same(world, lambda: run(world, every=SECOND))
    run(world)
    stage = {"nothing": "begins", "lasting": "lasts", "over": "over"}[before]
    assert lines.stages() == [f"{stage} poisoned"]
    assert sent(world) == [(Stage(stage), "poisoned too_long")]
    assert len(lines.of("pipeline_state")) == 1


def test_a_sweep_that_begins_while_another_posts_does_not_post_too() -> None:
    world = notified()
    poisoned(world)
    notifier = world.notifier
    assert notifier is not None
    send = notifier.send

    def send_meanwhile(notice: Notice) -> None:
        notifier.send = send  # type: ignore[method-assign]
        run(world, every=9 * SECOND)
        send(notice)

    notifier.send = send_meanwhile  # type: ignore[method-assign]
    run(world)
    run(world)
    assert sent(world) == [(Stage.BEGINS, "poisoned too_long")]


def test_a_mark_that_a_sweep_forgets_while_another_begins_it_anew_is_kept() -> None:
    world = notified()
    one = poisoned(world)
    run(world)
    del world.ledger.rows[one.lead_id]
    run(world)
    world.at += DAY

    def meanwhile() -> None:
        world.ledger.rows[one.lead_id] = one
        run(world, every=SECOND)
        del world.ledger.rows[one.lead_id]

    seeing_the_same(world, meanwhile)
    run(world)
    world.ledger.rows[one.lead_id] = one
    run(world, times=3)
    assert [stage for stage, _ in sent(world)].count(Stage.BEGINS) == 2


# The webhook


FAILURES = [NotifyFailed("notify_refused", "404"), OSError("https://hooks.example/secret"), KeyError("secret")]


class Quoting(Exception):
    """An error of some library that has the address in a field that leadpipe's own errors have too."""

    detail = "https://hooks.example/secret"


@pytest.mark.parametrize("failure", [*FAILURES, Quoting()], ids=lambda failure: type(failure).__name__)
def test_a_notifier_that_fails_ends_nothing_and_the_next_sweep_posts(
    lines: Lines, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    world = notified()
    assert world.notifier is not None
    poisoned(world)
    world.notifier.failing = [failure]
    run(world)
    assert sent(world) == []
    (line,) = lines.of("notify_failed")
    assert line["of"] == "poisoned"
    assert lines.of("sweep_failed") == lines.of("sweep_item_failed") == []
    assert "secret" not in caplog.text
    assert "hooks.example" not in caplog.text
    run(world)
    assert sent(world) == [(Stage.BEGINS, "poisoned too_long")]
    run(world, times=5)
    assert len(sent(world)) == 1


def test_a_webhook_that_is_away_is_tried_once_a_sweep_and_logged(lines: Lines) -> None:
    world = notified()
    assert world.notifier is not None
    poisoned(world, 1)
    poisoned(world, 2, reason="duplicate_rule")
    world.notifier.down = True
    run(world, times=30)
    assert len(lines.of("notify_failed")) == 30
    assert lines.stages() == ["begins poisoned", "begins poisoned"]
    world.notifier.down = False
    run(world, times=2)
    assert len(sent(world)) == 2


def test_what_ended_before_anybody_heard_of_it_is_not_posted_any_more() -> None:
    world = notified()
    assert world.notifier is not None
    one = poisoned(world)
    world.notifier.down = True
    run(world, times=2)
    world.notifier.down = False
    del world.ledger.rows[one.lead_id]
    run(world, times=5)
    assert sent(world) == []


def test_attention_is_the_last_task_so_that_a_slow_webhook_holds_up_none() -> None:
    assert [*TASKS][-1] == "attention"


def test_a_slow_webhook_ends_with_the_time_and_the_rest_is_posted_later() -> None:
    world = notified()
    notifier = world.notifier
    assert notifier is not None
    for number in range(9):
        poisoned(world, number, reason=f"reason_{number}")
    send = notifier.send

    def slowly(notice: Notice) -> None:
        world.at += 10 * SECOND
        send(notice)

    notifier.send = slowly  # type: ignore[method-assign]
    began = world.at
    run(world, every=SECOND)
    assert world.at - began <= LONGEST_SWEEP + 11 * SECOND
    assert 1 <= len(sent(world)) < 9
    for _ in range(9):
        world.at += MINUTE
        run(world)
    assert sorted(sent(world)) == [(Stage.BEGINS, f"poisoned reason_{number}") for number in range(9)]


def test_a_webhook_that_is_taken_away_leaves_no_writes_behind() -> None:
    world = notified()
    assert world.notifier is not None
    one = poisoned(world)
    run(world)
    world.notifier.down = True
    del world.ledger.rows[one.lead_id]
    run(world)
    world.notifier = None
    run(world)
    world.journal.clear()
    run(world)
    assert "attention.mark" not in world.journal
    world.at += DAY
    run(world)
    assert world.attention.marks == {}


def test_a_mark_that_cannot_be_written_does_not_silence_the_others(lines: Lines) -> None:
    world = notified()
    poisoned(world, 1)
    poisoned(world, 2, reason="duplicate_rule")
    world.attention.mark = refusing(world.attention, "poisoned duplicate_rule")  # type: ignore[method-assign]
    run(world)
    assert sent(world) == [(Stage.BEGINS, "poisoned too_long")]
    assert [line["attention"] for line in lines.of("sweep_item_failed")] == ["poisoned"]


def refusing(attention: FakeAttention, key: str) -> Callable[..., Any]:
    mark = attention.mark

    def refuse(before: Any, after: Any) -> Any:
        if after and after.attention.key == key:
            raise StorageFailed("storage_error", "the ledger")
        return mark(before, after)

    return refuse


# The pulse


def test_the_pulse_is_logged_once_in_five_minutes_also_by_a_clock_that_jitters(lines: Lines) -> None:
    world = World()
    for number in range(60):
        run(world, every=MINUTE + timedelta(seconds=(-1) ** number * 9))
    assert len(lines.of("pipeline_state")) == 12


def test_the_pulse_has_the_counts_and_ages_of_now(lines: Lines) -> None:
    world = World()
    lead(world, 1, ago=3 * MINUTE)
    lead(world, 2, ago=2 * HOUR, state=State.DEFERRED, reason="throttled", next_try_at=world.at + MINUTE)
    lead(world, 3, ago=30 * MINUTE, state=State.FALLBACK, reason="dynamics_unreachable")
    poisoned(world, 4, ago=HOUR)
    lead(world, 5, ago=HOUR, state=State.WRITTEN, written_at=world.at - HOUR + 2 * SECOND)
    lead(world, 6, ago=HOUR, state=State.REJECTED, reason="not_json")
    lead(world, 7, ago=MINUTE, state=State.REJECTED, reason="wrong_key")
    lead(world, 8, ago=9 * HOUR, state=State.REJECTED, reason="wrong_key")
    lead(world, 9, ago=MINUTE, state=State.WRITTEN, is_test=True, written_at=world.at)
    call_for_attention(Marks(), one_run(world))
    (line,) = lines.of("pipeline_state")
    wanted = {
        "open": "3",
        "accepted": "1",
        "deferred": "1",
        "fallback": "1",
        "poisoned": "1",
        "rejected_today": "3",
        "wrong_keys": "1",
        "queue": "0",
        "poison_queue": "0",
        "without_record": "0",
        "oldest_open_seconds": "7200",
        "last_lead_seconds": "180",
        "accepted_24h": "5",
        "written_24h": "1",
        "p50_seconds": "2.0",
        "slowest_seconds": "2.0",
    }
    assert {name: line.get(name) for name in wanted} == wanted
    assert "since_last_seconds" not in line


def test_each_beat_says_when_the_last_one_was(lines: Lines) -> None:
    world = World()
    run(world, times=11)
    assert [line.get("since_last_seconds") for line in lines.of("pipeline_state")] == [None, "300", "300"]


def test_a_pulse_of_the_future_is_replaced_when_the_clock_is_put_right(lines: Lines) -> None:
    world = World(at=NOW + 400 * DAY)
    for number in range(9):
        lead(world, number, ago=number * HOUR)
    run(world)
    assert world.attention.pulse.usual_gap is None or world.attention.pulse.days_until is not None
    world.at = NOW
    world.ledger.rows.clear()
    for number in range(9):
        lead(world, number, ago=DAY + number * HOUR)
    lines.clear()
    run(world)
    assert len(lines.of("pipeline_state")) == 1
    pulse = world.attention.pulse
    assert (pulse.at, pulse.days_until, pulse.usual_gap) == (NOW, NOW.date(), DAY)


@pytest.mark.parametrize("text", ["", "rubbish", "{}", '{"at":7}', "[]"])
def test_a_damaged_pulse_is_counted_again_and_what_lasts_is_not_said_again(lines: Lines, text: str) -> None:
    world = notified()
    poisoned(world, ago=90 * DAY)
    run(world, times=2)
    world.attention.pulse = Pulse.from_text(text, world.attention.pulse.version)
    lines.clear()
    run(world, times=2)
    assert len(lines.of("pipeline_state")) == 1
    assert lines.stages() == []
    assert len(sent(world)) == 1


PARTS: dict[str, tuple[str, str]] = {
    "days": ("leadpipe.sweep.pulse", "summed_up"),
    "beat": ("leadpipe.sweep.pulse", "beating"),
    "count": ("leadpipe.sweep.pulse", "counted"),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("failure", [AWAY, KeyError("x"), RecursionError()], ids=lambda error: type(error).__name__)
def test_a_part_of_the_pulse_that_fails_stops_no_other_and_no_attention(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, part: str, failure: Exception
) -> None:
    world = notified()
    poisoned(world, 1, ago=90 * DAY)
    poisoned(world, 2, reason="duplicate_rule")

    def fail(*_: object, **__: object) -> Pulse:
        raise failure

    module, name = PARTS[part]
    with monkeypatch.context() as patched:
        patched.setattr(f"{module}.{name}", fail)
        run(world, times=12)
    assert [line["part"] for line in lines.of("sweep_item_failed")] == [part] * 3
    assert len(lines.of("pipeline_state")) == 3
    assert {key for _, key in sent(world)} == {"poisoned too_long", "poisoned duplicate_rule"}
    run(world, times=12)
    assert len(sent(world)) == 2
    assert "over poisoned" not in lines.stages()


def test_a_pulse_that_cannot_be_kept_is_not_reported(lines: Lines) -> None:
    world = World()
    world.attention.keep_pulse = lambda *_: False  # type: ignore[method-assign]
    run(world)
    assert lines.of("pipeline_state") == []


# What the hourly count finds


def test_a_poisoned_lead_of_three_months_ago_is_attention_and_is_counted(lines: Lines) -> None:
    world = notified()
    poisoned(world, ago=90 * DAY)
    run(world)
    assert sent(world) == [(Stage.BEGINS, "poisoned too_long")]
    assert lines.of("pipeline_state")[0]["poisoned"] == "1"
    assert world.marks.marks.watermark == NOW.date() - DAY


def test_the_first_day_is_counted_once_and_a_reconcile_ends_the_attention(lines: Lines) -> None:
    world = notified()
    lead(world, ago=151 * DAY, state=State.WRITTEN)
    run(world)
    assert sent(world) == [(Stage.BEGINS, "not_reconciled")]
    assert world.attention.pulse.first_day == (NOW - 151 * DAY).date()
    note_reconciled(world.now() - DAY, world.now(), world.marks)
    run(world)
    assert lines.stages() == ["begins not_reconciled", "over not_reconciled"]


def test_a_poisoned_lead_is_not_over_when_the_watermark_passes_its_day(lines: Lines) -> None:
    world = notified()
    poisoned(world)
    run(world, times=4 * 24 * 12, every=5 * MINUTE - 7 * SECOND)
    run(world, times=130)
    assert lines.stages()[0] == "begins poisoned"
    assert {*lines.stages()[1:]} == {"lasts poisoned"}
    assert {line["poisoned"] for line in lines.of("pipeline_state")} == {"1"}


def test_a_poisoned_lead_is_not_over_when_the_watermark_goes_back(lines: Lines) -> None:
    world = notified()
    poisoned(world, 1, ago=2 * DAY)
    poisoned(world, 2, ago=20 * DAY, reason="duplicate_rule")
    run(world, times=7)
    lines.clear()
    for number in range(12):
        world.marks.marks = replace(world.marks.marks, watermark=NOW.date() - (3 + number) * DAY)
        run(world)
    assert lines.stages() == []
    assert {line["poisoned"] for line in lines.of("pipeline_state")} == {"2"}


def test_an_old_poisoned_lead_that_was_discarded_is_over_within_the_hour(lines: Lines) -> None:
    world = notified()
    old = poisoned(world, ago=40 * DAY)
    run(world, times=3)
    world.ledger.rows[old.lead_id] = replace(old, state=State.DISCARDED)
    run(world, times=62)
    assert lines.stages() == ["begins poisoned", "over poisoned"]


def test_a_lead_that_a_person_has_to_complete_is_attention_until_that_is_done() -> None:
    world = notified()
    unread = lead(world, state=State.WRITTEN, reason="person_unread", detail="Contact")
    run(world)
    assert sent(world) == [(Stage.BEGINS, "incomplete person_unread")]
    world.ledger.rows[unread.lead_id] = replace(unread, reason="")
    run(world, times=62)
    assert sent(world)[-1] == (Stage.OVER, "incomplete person_unread")


# Silence and drift


def daily(world: World, days: int) -> None:
    """A lead a day for so many days, the last one a day ago."""
    for number in range(1, days + 1):
        lead(world, number, ago=number * DAY, state=State.WRITTEN, source="AppSource", action="INS")


def test_no_lead_for_longer_than_usual_is_said_and_is_over_with_the_next(lines: Lines) -> None:
    world = notified()
    daily(world, 9)
    run(world)
    assert lines.stages() == []
    world.at += HOUR
    run(world)
    assert sent(world) == [(Stage.BEGINS, "silent")]
    lead(world, 100, state=State.WRITTEN)
    run(world, times=6)
    assert sent(world) == [(Stage.BEGINS, "silent"), (Stage.OVER, "silent")]


def test_over_midnight_a_lead_of_a_day_that_cannot_be_read_still_counts(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    world = World()
    daily(world, 9)
    lead(world, 100, state=State.WRITTEN)
    run(world)
    world.at = NOW.replace(hour=0, minute=1) + DAY

    def fail(*_: object, **__: object) -> Pulse:
        raise AWAY

    monkeypatch.setattr("leadpipe.sweep.pulse.summed_up", fail)
    run(world, times=6)
    assert lines.stages() == []


def test_a_first_count_without_time_does_not_take_its_last_day_for_the_last_lead(lines: Lines) -> None:
    world = World()
    for number in range(1, 80):
        lead(world, number, ago=number * 20 * HOUR, state=State.WRITTEN)
    between = world.ledger.between

    def slowly(first: Any, last: Any, **options: Any) -> Any:
        world.at += 4 * SECOND
        return between(first, last, **options)

    world.ledger.between = slowly  # type: ignore[method-assign]
    until = set()
    for _ in range(60):
        run(world)
        until.add(world.attention.pulse.days_until)
    assert NOW.date() in until
    assert len(until - {None}) > 2
    assert lines.stages() == []


def test_new_words_of_the_marketplace_are_logged_once(lines: Lines) -> None:
    world = World()
    daily(world, 30)
    run(world, times=12)
    assert lines.of("drift") == []
    lead(world, 100, state=State.WRITTEN, source="AppSource", action="XYZ")
    world.at += DAY
    run(world, times=12)
    assert [(line["what"], line["name"]) for line in lines.of("drift")] == [("action", "XYZ")]


def test_two_sweeps_at_once_log_a_new_word_once(lines: Lines) -> None:
    world = World()
    daily(world, 9)
    run(world)
    lead(world, 100, state=State.WRITTEN, source="AppSource", action="XYZ")
    world.at += DAY
    seeing_the_same(world, lambda: run(world, every=SECOND))
    run(world)
    assert len(lines.of("drift")) == 1


def test_posts_with_a_wrong_key_are_attention_until_a_right_one_comes(lines: Lines) -> None:
    world = notified()
    lead(world, 1, ago=3 * HOUR, state=State.WRITTEN)
    for number in range(2, 5):
        lead(world, number, ago=number * MINUTE, state=State.REJECTED, reason="wrong_key")
    run(world)
    assert sent(world) == [(Stage.BEGINS, "wrong_key")]
    assert lines.of("pipeline_state")[0]["wrong_keys"] == "3"
    lead(world, 9, state=State.WRITTEN)
    run(world, times=6)
    assert sent(world)[-1] == (Stage.OVER, "wrong_key")


# Cost


def test_a_sweep_between_two_beats_reads_twice_and_writes_nothing() -> None:
    world = notified()
    poisoned(world)
    run(world, times=2)
    world.journal.clear()
    call_for_attention(world.marks.marks, one_run(world))
    reads = [call for call in world.journal if call != "ledger.records"]  # one for each day, in one request
    assert reads == ["attention.read", "ledger.between"]


def test_what_was_said_of_leads_is_not_over_while_more_wait_than_are_read(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days come oldest first: the lead that was said is now behind those that are read."""
    world = notified()
    run(world)
    poisoned(world, 1, reason="too_long")
    run(world)
    for number in (2, 3):
        poisoned(world, number, ago=DAY, reason="refused")
    monkeypatch.setattr(attention, "MOST_LISTED", 2)
    lines.clear()
    run(world)
    assert lines.stages() == ["begins poisoned"]
    monkeypatch.undo()
    run(world)
    assert [mark.is_over for mark in world.attention.marks.values()] == [False, False]
