"""Decides when attention is logged and posted: when it begins, once a day while it lasts, and when it is over.

A mark for each keeps two sweeps from saying it twice. It stays for a day after its end, so that what comes and goes is
posted once a day and not each time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from leadpipe.model.attention import Attention, Stage

AGAIN = timedelta(days=1)
# After a failed post the next sweep tries again; a sweep may be a little early.
RETRY = timedelta(seconds=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The mark of one attention. `at`: when its beginning, or that it lasts, was last said. `is_over`: it has ended.

    `pending`: what has yet to be posted, by the one that wrote the mark at `tried_at`. `posted`: a post said that it
    began, and none yet that it is over, so its end has to be posted too. `heard_at`: when a post last said that it
    begins or lasts. `version` is the store's tag.
    """

    attention: Attention
    at: datetime
    is_over: bool = False
    pending: Stage | None = None
    tried_at: datetime | None = None
    posted: bool = False
    heard_at: datetime | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What changes for one attention: `before` becomes `after`, None where there is no mark; `says`: what to log."""

    before: Told | None
    after: Told | None
    says: Stage | None = None

    @property
    def reason(self) -> str:
        mark = self.after or self.before
        return mark.attention.reason if mark else ""


def steps_of(wanted: Iterable[Attention], marks: Mapping[str, Told], at: datetime, *, posts: bool) -> list[Step]:
    """The steps that are due. `posts`: whether there is somewhere to post to."""
    now = {attention.key: attention for attention in wanted}
    due = [_of_present(attention, marks.get(key), at, posts=posts) for key, attention in now.items()]
    due += [_of_absent(mark, at, posts=posts) for key, mark in marks.items() if key not in now]
    return [step for step in due if step.before != step.after]


def _of_present(attention: Attention, mark: Told | None, at: datetime, *, posts: bool) -> Step:
    if mark is None:
        new = Told(attention=attention, at=at)
        return Step(before=None, after=_pending(new, Stage.BEGINS if posts else None, at), says=Stage.BEGINS)
    if _is_a_day_old(mark, at):
        stage = Stage.BEGINS if mark.is_over else Stage.LASTS
        again = replace(mark, attention=attention, at=at, is_over=False)
        return Step(before=mark, after=_pending(again, stage if posts else None, at), says=stage)
    if mark.is_over:
        # Within a day of the last notice there is no second one. Its end, if nobody heard of it yet, is not one.
        heard = mark.heard_at is not None and abs(at - mark.heard_at) < AGAIN
        back = replace(mark, attention=attention, is_over=False)
        pending = Stage.BEGINS if posts and not heard else None
        return Step(before=mark, after=_pending(back, pending, at), says=Stage.BEGINS)
    return Step(before=mark, after=mark)


def _of_absent(mark: Told, at: datetime, *, posts: bool) -> Step:
    if not mark.is_over:
        pending = Stage.OVER if mark.posted and posts else None
        return Step(before=mark, after=_pending(replace(mark, is_over=True), pending, at), says=Stage.OVER)
    if _is_a_day_old(mark, at) and not (mark.pending and posts):
        return Step(before=mark, after=None)
    return Step(before=mark, after=mark)


def _pending(mark: Told, stage: Stage | None, at: datetime) -> Told:
    """The mark with that to be posted, at once and by whoever writes the mark; None: nothing."""
    return replace(mark, pending=stage, tried_at=at if stage else None)


def _is_a_day_old(mark: Told, at: datetime) -> bool:
    """Also if it is of a day or more ahead: then it was written by a wrong clock."""
    return abs(at - mark.at) >= AGAIN


def is_due(mark: Told, at: datetime) -> bool:
    """Whether there is something to post, and the last try is not of this very minute."""
    return mark.pending is not None and (mark.tried_at is None or abs(at - mark.tried_at) >= RETRY)


def after_post(mark: Told, at: datetime) -> Told:
    """The mark once its notice was posted. A post that came late puts off the next one, so there is one a day."""
    if mark.pending is Stage.OVER:
        return replace(mark, pending=None, tried_at=None, posted=False)
    return replace(mark, at=at, pending=None, tried_at=None, posted=True, heard_at=at)
