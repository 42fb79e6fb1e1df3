"""Reports whether leads flow, and what to do where they do not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from leadpipe.dataverse.certificate_end import certificate_ends
from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.watched import effective
from leadpipe.model.expiry import URGENT_DAYS, Ending, ending_of
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD, ONE_DAY
from leadpipe.model.marks import damage
from leadpipe.model.ports import Ledger
from leadpipe.model.record import UNSETTLED, Record
from leadpipe.model.settings import Settings
from leadpipe.operations.disabled_functions import switched_off
from leadpipe.operations.ledger_pages import LAST_DAY
from leadpipe.operations.messages import WithoutRecord, messages_without_record
from leadpipe.operations.summary import Summary
from leadpipe.operations.target import Target

_MARKS_FIX = "the next sweep replaces them; if it lasts, see whether the app and its sweep run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The summary and what else may need a person. `damaged`: the rows of each kind; `ending`: of the credential."""

    at: datetime
    summary: Summary
    without_record: WithoutRecord
    on_poison_queue: int
    ending: Ending | None
    settings: Settings
    mapping_faults: Sequence[str]
    switched_off: Mapping[str, str]
    damaged: Mapping[str, Sequence[str]]

    @property
    def today(self) -> date:
        return self.at.astimezone(UTC).date()

    @property
    def needs_a_person(self) -> list[str]:
        wanted = self.summary.needs_a_person(on_poison_queue=self.on_poison_queue)
        if messages := self.without_record.total:
            counted = "1 message" if messages == 1 else f"{messages} messages"
            wanted.append(f"{counted} without a record on the queue leads: `leadpipe balance` names those it can see")
        wanted += _rows_in_words("row", "leadledger", self.damaged["rows"])
        wanted += _rows_in_words("claim", "leadclaims", self.damaged["claims"])
        wanted += _rows_in_words("row", "marketplaceleads", self.damaged["fallback_rows"])
        wanted += [str(fault) for fault in self.settings.stopping]
        wanted += self.mapping_faults
        wanted += [
            f"the function {function} is switched off: remove the app setting {setting}, unless it is intended"
            for function, setting in self.switched_off.items()
        ]
        if marks := self.damaged["marks"]:
            wanted.append(f"marks of the sweep are damaged ({', '.join(marks)}): {_MARKS_FIX}")
        if self.ending and self.ending.is_urgent(self.today):
            said = f"{self.ending.says(self.today)} (shown from {URGENT_DAYS} d before)"
            wanted.append(f"{said}: {self.ending.renew}")
        return wanted


def status_of(target: Target, environment: Mapping[str, str], *, since: datetime, at: datetime) -> Status:
    ports = target.ports
    summary, damaged_rows = Summary(since=since, until=at + MOST_AHEAD), list[str]()
    summary.add_all(_records(ports.ledger, since=since, damage=damaged_rows))
    return Status(
        at=at,
        summary=summary,
        without_record=messages_without_record(queue=ports.queue, ledger=ports.ledger, marks=ports.marks, at=at),
        on_poison_queue=ports.poison_queue.depth(),
        ending=ending_of(target.settings, certificate_ends=certificate_ends(target.settings)),
        settings=target.settings,
        mapping_faults=_mapping_faults(target.settings),
        switched_off=switched_off(environment),
        damaged={
            "rows": damaged_rows,
            "claims": [*ports.claims.damaged(at_a_glance=True)],
            "fallback_rows": [*ports.fallback.damaged(EPOCH.date(), LAST_DAY)],
            "marks": damage(ports.marks.read(), at),
        },
    )


def _records(ledger: Ledger, *, since: datetime, damage: list[str]) -> Iterator[Record]:
    """All records from the span's first day on, and the unsettled ones of the days before.

    `damage` gets a line for each damaged row.
    """
    first = max(since.date(), EPOCH.date())
    yield from ledger.between(first, LAST_DAY, damage=damage)
    if first > EPOCH.date():
        yield from ledger.between(EPOCH.date(), first - ONE_DAY, states=UNSETTLED, damage=damage)


def _rows_in_words(kind: str, table: str, rows: Sequence[str]) -> list[str]:
    """Names the first row in full; `leadpipe balance` names the others."""
    if not rows:
        return []
    counted = f"1 {kind} of {table} is" if len(rows) == 1 else f"{len(rows)} {kind}s of {table} are"
    return [f"{counted} damaged ({rows[0]}): `leadpipe balance` says what to do"]


def _mapping_faults(settings: Settings) -> list[str]:
    """The fault of the mapping file that stops every lead."""
    try:
        effective(settings.mapping_path)
    except FaultyMapping as error:
        return [f"the mapping file cannot be used ({error.faults[0]}): `leadpipe mapping check` lists all faults"]
    return []
