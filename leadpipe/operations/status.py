"""Reports whether leads flow, and what to do where they do not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from leadpipe.dataverse.certificate_end import certificate_ends
from leadpipe.mapping.watched import mapping_faults
from leadpipe.model.attention import Attention, Facts, attention_of
from leadpipe.model.canary import canary_attention
from leadpipe.model.disabled_functions import switched_off
from leadpipe.model.expiry import ending_of
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD, ONE_DAY
from leadpipe.model.marks import damage
from leadpipe.model.ports import Ledger
from leadpipe.model.pulse import Pulse
from leadpipe.model.record import UNSETTLED, Record
from leadpipe.model.settings import Settings
from leadpipe.operations.ledger_pages import LAST_DAY
from leadpipe.operations.summary import Summary
from leadpipe.operations.target import Target
from leadpipe.sweep.attention import canary_mark
from leadpipe.sweep.pulse import unanswered
from leadpipe.sweep.without_record import WithoutRecord, messages_without_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The summary, the facts beside it and what of them needs a person. `damaged`: the rows of each kind."""

    summary: Summary
    without_record: WithoutRecord
    settings: Settings
    damaged: Mapping[str, Sequence[str]]
    pulse: Pulse
    facts: Facts

    @property
    def at(self) -> datetime:
        return self.facts.at

    @property
    def today(self) -> date:
        return self.at.astimezone(UTC).date()

    @property
    def attention(self) -> list[Attention]:
        return attention_of(self.facts, self.settings)


def status_of(target: Target, environment: Mapping[str, str], *, since: datetime, at: datetime) -> Status:
    ports = target.ports
    summary, damaged_rows = Summary(since=since, until=at + MOST_AHEAD, at=at), list[str]()
    summary.add_all(_records(ports.ledger, since=min(since, at - ONE_DAY), damage=damaged_rows))
    pulse, _ = ports.attention.read()
    marks = ports.marks.read()
    without_record = messages_without_record(queue=ports.queue, ledger=ports.ledger, marks=ports.marks, at=at)
    damaged = {
        "rows": damaged_rows,
        "claims": [*ports.claims.damaged(at_a_glance=True)],
        "fallback_rows": [*ports.fallback.damaged(EPOCH.date(), LAST_DAY)],
        "marks": damage(marks, at),
    }
    last_lead = max(filter(None, (summary.last_lead_at, pulse.beat.last_lead, pulse.last_lead)), default=None)
    wrong = unanswered(summary.wrong_keys, last_lead, at)
    facts = Facts(
        at=at,
        tallies=summary.tallies,
        on_poison_queue=ports.poison_queue.depth(),
        messages_without_record=without_record.total,
        damaged={
            "leadledger": damaged["rows"],
            "leadclaims": damaged["claims"],
            "marketplaceleads": damaged["fallback_rows"],
        },
        damaged_marks=damaged["marks"],
        mapping_faults=mapping_faults(target.settings.mapping_path),
        switched_off=switched_off(environment),
        ending=ending_of(target.settings, certificate_ends=certificate_ends(target.settings)),
        swept_at=pulse.at,
        oldest_lead=summary.first_received_at,
        last_lead=last_lead,
        usual_gap=pulse.usual_gap,
        wrong_keys=len(wrong),
        wrong_key_at=min(wrong, default=None),
        reconciled_at=marks.reconciled_at,
        first_day=pulse.first_day,
        others=canary_attention(canary_mark(ports, target.settings), at, target.settings),
    )
    return Status(
        summary=summary,
        without_record=without_record,
        settings=target.settings,
        damaged=damaged,
        pulse=pulse,
        facts=facts,
    )


def _records(ledger: Ledger, *, since: datetime, damage: list[str]) -> Iterator[Record]:
    """All records from the span's first day on, and the unsettled ones of the days before.

    `damage` gets a line for each damaged row.
    """
    first = max(since.date(), EPOCH.date())
    yield from ledger.between(first, LAST_DAY, damage=damage)
    if first > EPOCH.date():
        yield from ledger.between(EPOCH.date(), first - ONE_DAY, states=UNSETTLED, damage=damage)
