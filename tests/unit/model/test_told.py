"""When attention is logged and posted."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.attention import Attention, Stage
from leadpipe.model.told import AGAIN, RETRY, Told, after_post, is_due, steps_of
from tests.factories import RECEIVED_AT

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
POISONED = Attention(reason="poisoned", about="too_long", says="1 poisoned", fix="edit it", count=1)
SILENT = Attention(reason="silent", says="no lead for 3 d", fix="send one")


@dataclass
class Sweeps:
    """Sweeps with marks in memory and a webhook. `logged` and `posted`: the stage and the time, by key."""

    at: datetime = RECEIVED_AT
    has_webhook: bool = True
    is_away: bool = False
    marks: dict[str, Told] = field(default_factory=dict)
    logged: list[tuple[str, Stage, datetime]] = field(default_factory=list)
    posted: list[tuple[str, Stage, datetime]] = field(default_factory=list)

    def run(self, *wanted: Attention, after: timedelta = MINUTE) -> None:
        self.at += after
        due = {key for key, mark in self.marks.items() if is_due(mark, self.at)}
        for step in steps_of(wanted, self.marks, self.at, posts=self.has_webhook):
            mark = step.after or step.before
            assert mark is not None
            key = mark.attention.key
            if step.says:
                self.logged.append((key, step.says, self.at))
            if step.after is None:
                del self.marks[key]
                continue
            self.marks[key] = step.after
            due.discard(key)
            if step.after.pending:
                due.add(key)
        for key in sorted(due if self.has_webhook else ()):
            self._post(key)

    def _post(self, key: str) -> None:
        mark = self.marks[key]
        assert mark.pending is not None
        if self.is_away:
            self.marks[key] = replace(mark, tried_at=self.at)
            return
        self.posted.append((key, mark.pending, self.at))
        self.marks[key] = after_post(mark, self.at)

    def stages(self, of: list[tuple[str, Stage, datetime]]) -> list[Stage]:
        return [stage for _, stage, _ in of]


def test_what_begins_is_logged_and_posted_once() -> None:
    sweeps = Sweeps()
    for _ in range(60):
        sweeps.run(POISONED)
    assert sweeps.stages(sweeps.logged) == sweeps.stages(sweeps.posted) == [Stage.BEGINS]


def test_what_lasts_is_said_once_a_day() -> None:
    sweeps = Sweeps()
    for _ in range(24 * 3):
        sweeps.run(POISONED, after=HOUR)
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS, Stage.LASTS, Stage.LASTS]
    assert sweeps.stages(sweeps.logged) == sweeps.stages(sweeps.posted)


def test_what_is_over_is_said_once_and_its_mark_goes_a_day_after_the_beginning() -> None:
    sweeps = Sweeps()
    sweeps.run(POISONED)
    for _ in range(22):
        sweeps.run(after=HOUR)
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS, Stage.OVER]
    assert sweeps.marks
    sweeps.run(after=2 * HOUR)
    assert sweeps.marks == {}
    assert sweeps.stages(sweeps.logged) == [Stage.BEGINS, Stage.OVER]


def test_what_comes_and_goes_within_a_day_is_posted_once_and_its_end_once() -> None:
    sweeps = Sweeps()
    for number in range(23 * 60):
        sweeps.run(*([POISONED] if number % 2 else []))
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS, Stage.OVER]
    assert sweeps.stages(sweeps.logged)[:4] == [Stage.BEGINS, Stage.OVER, Stage.BEGINS, Stage.OVER]


def test_what_comes_back_and_stays_is_posted_as_lasting_a_day_after_the_first_post() -> None:
    sweeps = Sweeps()
    sweeps.run(POISONED)
    sweeps.run()
    for _ in range(25):
        sweeps.run(POISONED, after=HOUR)
    sweeps.run()
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS, Stage.OVER, Stage.LASTS, Stage.OVER]


def test_what_comes_back_after_a_day_begins_anew() -> None:
    sweeps = Sweeps()
    sweeps.run(POISONED)
    sweeps.run()
    sweeps.run(POISONED, after=DAY)
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS, Stage.OVER, Stage.BEGINS]


def test_a_failed_post_is_tried_again_by_the_next_sweep() -> None:
    sweeps = Sweeps(is_away=True)
    sweeps.run(POISONED)
    sweeps.run(POISONED)
    assert sweeps.posted == []
    sweeps.is_away = False
    sweeps.run(POISONED)
    sweeps.run(POISONED)
    assert sweeps.posted == [(POISONED.key, Stage.BEGINS, RECEIVED_AT + 3 * MINUTE)]
    assert len(sweeps.logged) == 1


def test_a_sweep_at_the_same_moment_does_not_try_the_post_as_well() -> None:
    sweeps = Sweeps(is_away=True)
    sweeps.run(POISONED)
    (mark,) = sweeps.marks.values()
    assert not is_due(mark, sweeps.at + RETRY - timedelta(seconds=1))
    assert is_due(mark, sweeps.at + RETRY)
    assert is_due(replace(mark, tried_at=sweeps.at + DAY), sweeps.at)  # by a wrong clock


def test_the_end_of_what_nobody_heard_of_is_not_posted() -> None:
    sweeps = Sweeps(is_away=True)
    sweeps.run(POISONED)
    sweeps.is_away = False
    sweeps.run()
    sweeps.run()
    assert sweeps.posted == []
    assert sweeps.stages(sweeps.logged) == [Stage.BEGINS, Stage.OVER]


def test_an_end_that_could_not_be_posted_is_posted_when_it_is_over_again() -> None:
    sweeps = Sweeps()
    sweeps.run(POISONED)
    sweeps.is_away = True
    sweeps.run()
    sweeps.is_away = False
    sweeps.run(POISONED, after=timedelta(seconds=10))
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS]
    sweeps.run()
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS, Stage.OVER]


def test_an_end_that_cannot_be_posted_for_days_is_posted_in_the_end() -> None:
    sweeps = Sweeps()
    sweeps.run(POISONED)
    sweeps.is_away = True
    sweeps.run()
    sweeps.run(after=2 * DAY)
    sweeps.is_away = False
    sweeps.run()
    sweeps.run()
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS, Stage.OVER]
    assert sweeps.marks == {}


def test_a_post_that_came_late_puts_the_next_one_off() -> None:
    sweeps = Sweeps(is_away=True)
    sweeps.run(POISONED)
    sweeps.is_away = False
    sweeps.run(POISONED, after=23 * HOUR)
    sweeps.run(POISONED, after=2 * HOUR)
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS]
    sweeps.run(POISONED, after=22 * HOUR)
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS, Stage.LASTS]


def test_without_a_webhook_everything_is_logged_and_nothing_pending() -> None:
    sweeps = Sweeps(has_webhook=False)
    for number in range(100):
        sweeps.run(*([POISONED] if number < 50 else []), after=HOUR)
        assert [mark.pending for mark in sweeps.marks.values()] in ([], [None])
    assert sweeps.stages(sweeps.logged) == [Stage.BEGINS, Stage.LASTS, Stage.LASTS, Stage.OVER]
    assert sweeps.marks == {}


def test_a_webhook_that_was_taken_away_leaves_no_mark_behind() -> None:
    sweeps = Sweeps()
    sweeps.run(POISONED)
    sweeps.is_away = True
    sweeps.run()
    sweeps.has_webhook = False
    sweeps.run(after=2 * DAY)
    assert sweeps.marks == {}


def test_a_mark_of_a_clock_that_was_wrong_does_not_keep_anything_quiet() -> None:
    sweeps = Sweeps(at=RECEIVED_AT + 400 * DAY)
    sweeps.run(POISONED)
    sweeps.at = RECEIVED_AT
    sweeps.run(POISONED)
    assert sweeps.stages(sweeps.posted) == [Stage.BEGINS, Stage.LASTS]


def test_each_attention_has_its_own_time() -> None:
    sweeps = Sweeps()
    sweeps.run(POISONED)
    sweeps.run(POISONED, SILENT)
    sweeps.run(SILENT)
    assert [(key, stage) for key, stage, _ in sweeps.posted] == [
        (POISONED.key, Stage.BEGINS),
        (SILENT.key, Stage.BEGINS),
        (POISONED.key, Stage.OVER),
    ]


def test_two_of_one_key_are_said_once() -> None:
    sweeps = Sweeps()
    sweeps.run(POISONED, replace(POISONED, count=2))
    assert len(sweeps.posted) == 1


def test_the_count_of_the_last_time_is_kept_for_the_post() -> None:
    sweeps = Sweeps()
    sweeps.run(POISONED)
    sweeps.run(replace(POISONED, count=9), after=DAY)
    assert [mark.attention.count for mark in sweeps.marks.values()] == [9]


# How long it is there or away, and whether the webhook answers meanwhile.
STRETCHES = st.lists(
    st.tuples(st.sampled_from([1, 2, 7, 60, 700, 1441]), st.booleans(), st.booleans()), min_size=1, max_size=12
)


@pytest.mark.slow
@given(STRETCHES)
def test_any_timeline_posts_at_most_once_a_day_and_no_end_without_a_beginning(
    stretches: list[tuple[int, bool, bool]],
) -> None:
    sweeps = Sweeps()
    for minutes, is_there, answers in stretches:
        sweeps.is_away = not answers
        for _ in range(minutes):
            sweeps.run(*([POISONED] if is_there else []))
    said = [at for _, stage, at in sweeps.posted if stage is not Stage.OVER]
    assert all(later - earlier >= AGAIN for earlier, later in pairwise(said))
    stages = sweeps.stages(sweeps.posted)
    assert stages[:1] != [Stage.OVER]
    assert all((one, other) != (Stage.OVER, Stage.OVER) for one, other in pairwise(stages))
    logged = sweeps.stages(sweeps.logged)
    assert logged.count(Stage.BEGINS) - logged.count(Stage.OVER) in {0, 1}


@given(STRETCHES)
def test_what_is_there_for_an_hour_with_a_webhook_that_answers_was_posted(
    stretches: list[tuple[int, bool, bool]],
) -> None:
    sweeps = Sweeps()
    for minutes, is_there, answers in stretches[:4]:
        sweeps.is_away = not answers
        sweeps.run(*([POISONED] if is_there else []), after=minutes * MINUTE)
    sweeps.is_away = False
    for _ in range(25):
        sweeps.run(POISONED, after=HOUR)
    assert any(sweeps.at - at <= AGAIN + HOUR for _, stage, at in sweeps.posted if stage is not Stage.OVER)
    for _ in range(3):
        sweeps.run()
    assert sweeps.stages(sweeps.posted)[-1:] == [Stage.OVER]
