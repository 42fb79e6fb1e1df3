"""Says why a lead that Partner Center has probably never came here, by what the ledger has of that time."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from leadpipe.model.duration import in_words
from leadpipe.model.keys import WRONG_KEY
from leadpipe.model.lead_id import ONE_DAY
from leadpipe.operations.causes import Cause
from leadpipe.operations.reconcile.export import Row
from leadpipe.operations.reconcile.matching import person_of
from leadpipe.operations.span import moment

BEFORE, PROFILE, KEY, SILENCE, OFFER = "before_leadpipe", "profile", WRONG_KEY, "nothing_received", "offer_elsewhere"
NOT_A_LEAD, UNDATED, UNKNOWN = "not_a_lead", "no_date", "unknown"
MEANING = {
    BEFORE: Cause(
        "from before leadpipe received its first lead",
        "`--import`; but if an earlier connection wrote them into Dynamics, leave them out with `--since`",
    ),
    PROFILE: Cause("leads of a profile, which belong to no offer, so no offer's destination gets them", "`--import`"),
    KEY: Cause(
        "on a day on which posts came with a wrong key",
        "`leadpipe keys`, and compare the key in Partner Center; then `--import`",
    ),
    SILENCE: Cause(
        "while nothing was received: the app stood still, or Partner Center had a wrong address or function key",
        "`leadpipe send-test` with Partner Center's address and key; then `--import`",
    ),
    OFFER: Cause(
        "of an offer of which no lead is here: its Customer leads may name another destination",
        "look at the offer's setup in Partner Center; then `--import`",
    ),
    NOT_A_LEAD: Cause(
        "on a day on which posts were rejected that could not be read",
        "`leadpipe poison list --state rejected` shows them; then `--import`",
    ),
    UNDATED: Cause(
        "without a date that can be read, so nothing can be said about their time",
        "put the date right in the file, or name its column with `--columns`; `--import` would receive them now",
    ),
    UNKNOWN: Cause("while others arrived", "look for refused posts in the app's log of that time; then `--import`"),
}
# So many leads that are missing in a row, with none here between them, are not lost one by one.
IN_A_ROW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the ledger has of the time. `received`: when anything came, also posts that were not leads; sorted.

    `first`: when leadpipe first did anything, None if that was before the time that was read. Leads that were moved in
    do not count: they are older than leadpipe. `wrong_keys`, `unreadable`: the days of rejected posts. `usual_gap`: how
    long it usually takes at most until the next lead.
    """

    since: datetime
    until: datetime
    received: Sequence[datetime] = ()
    first: datetime | None = None
    wrong_keys: frozenset[date] = frozenset()
    unreadable: frozenset[date] = frozenset()
    usual_gap: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """`cause`: a key of MEANING. `detail`: from when until when, where that is known."""

    cause: str
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class Causes:
    """Finds the cause of each missing row. `here`: the offers of which a lead is here, folded."""

    past: Past
    here: frozenset[str]
    _in_a_row: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, missing: Iterable[Row], past: Past, here: frozenset[str]) -> "Causes":
        causes = cls(past=past, here=here)
        causes._in_a_row.update(causes._gap(row.at) for row in missing if row.at)
        return causes

    def why(self, row: Row) -> Why:
        """The first cause that explains it."""
        return next(self._causes(row))

    def _causes(self, row: Row) -> Iterator[Why]:
        if row.at is None:
            yield Why(cause=UNDATED)
            return
        yield from self._of_time(row, row.at)
        titles = person_of(row).titles
        if titles and self.here and not titles & self.here:
            yield Why(cause=OFFER)
        if row.at.date() in self.past.unreadable:
            yield Why(cause=NOT_A_LEAD)
        yield Why(cause=UNKNOWN)

    def _of_time(self, row: Row, at: datetime) -> Iterator[Why]:
        if self.past.first and at < self.past.first:
            yield Why(cause=BEFORE)
        if row.lead_type.casefold() == PROFILE:
            yield Why(cause=PROFILE)
        if at.date() in self.past.wrong_keys:
            yield Why(cause=KEY)
        if silence := self._silence(row, at):
            yield Why(cause=SILENCE, detail=silence)

    def _silence(self, row: Row, at: datetime) -> str:
        """From when until when nothing came, if that is longer than usual, or hides several leads in a row."""
        before, after = self._around(at, at if row.has_time else at + ONE_DAY)
        usual = max(self.past.usual_gap or ONE_DAY, ONE_DAY)
        if after - before <= usual and self._in_a_row[self._gap(at)] < IN_A_ROW:
            return ""
        return f"from {moment(before)} until {moment(after)}, {in_words(after - before)}"

    def _around(self, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        """When the last post before that time came, and the first one after it."""
        received = self.past.received
        earlier, later = bisect_right(received, first), bisect_left(received, last)
        before = received[earlier - 1] if earlier else self.past.since
        return before, received[later] if later < len(received) else self.past.until

    def _gap(self, at: datetime) -> int:
        return bisect_right(self.past.received, at)
