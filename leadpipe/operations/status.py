"""Reports whether leads flow, and what has to be done where they do not."""

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

_MARKS_FIX = "the next sweep replaces them; if it lasts, see whether the function app and its sweep run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The summary at one moment, with the depths of the two queues, the messages without a record, the damaged rows,
    the expiry of the sign-in credential, the faults of the settings, and the functions that are switched off.
    """

    at: datetime
    summary: Summary
    without_record: WithoutRecord
    damaged_rows: Sequence[str]
    damaged_claims: Sequence[str]
    on_poison_queue: int
    ending: Ending | None
    settings: Settings
    mapping_faults: Sequence[str]
    switched_off: Mapping[str, str]
    damaged_marks: Sequence[str] = ()
    damaged_fallback_rows: Sequence[str] = ()

    @property
    def today(self) -> date:
        return self.at.astimezone(UTC).date()

    @property
    def needs_a_person(self) -> list[str]:
        wanted = self.summary.needs_a_person(on_poison_queue=self.on_poison_queue)
        if messages := self.without_record.total:
            counted = (
                "1 message on the queue leads has" if messages == 1 else f"{messages} messages on the queue leads have"
            )
            wanted.append(f"{counted} no record: `leadpipe balance` names those that can be seen")
        wanted += _rows_in_words("row", "leadledger", self.damaged_rows)
        wanted += _rows_in_words("claim", "leadclaims", self.damaged_claims)
        wanted += _rows_in_words("row", "marketplaceleads", self.damaged_fallback_rows)
        wanted += [str(fault) for fault in self.settings.stopping]
        wanted += self.mapping_faults
        wanted += [
            f"the function {function} is switched off: remove the app setting {setting} if nobody holds it on purpose"
            for function, setting in self.switched_off.items()
        ]
        if self.damaged_marks:
            wanted.append(f"marks of the sweep are damaged ({', '.join(self.damaged_marks)}): {_MARKS_FIX}")
        if self.ending and self.ending.is_urgent(self.today):
            said = f"{self.ending.says(self.today)} (said from {URGENT_DAYS} d before)"
            wanted.append(f"{said}: {self.ending.renew}")
        return wanted


def status_of(target: Target, environment: Mapping[str, str], *, since: datetime, at: datetime) -> Status:
    summary, damaged_rows = Summary(since=since, until=at + MOST_AHEAD), list[str]()
    summary.add_all(_records(target.ports.ledger, since=since, damage=damaged_rows))
    return Status(
        at=at,
        summary=summary,
        without_record=messages_without_record(
            queue=target.ports.queue, ledger=target.ports.ledger, marks=target.ports.marks, at=at
        ),
        damaged_rows=damaged_rows,
        damaged_claims=[*target.ports.claims.damaged(at_a_glance=True)],
        damaged_fallback_rows=[*target.ports.fallback.damaged(EPOCH.date(), LAST_DAY)],
        on_poison_queue=target.ports.poison_queue.depth(),
        ending=ending_of(target.settings, certificate_ends=certificate_ends(target.settings)),
        settings=target.settings,
        mapping_faults=_mapping_faults(target.settings),
        switched_off=switched_off(environment),
        damaged_marks=damage(target.ports.marks.read(), at),
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
    """What keeps every lead from being written, before one comes."""
    try:
        effective(settings.mapping_path)
    except FaultyMapping as error:
        return [f"the mapping file cannot be used ({error.faults[0]}): `leadpipe mapping check` looks at all of it"]
    return []
