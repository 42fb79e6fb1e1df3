"""`leadpipe status`: is anything wrong, and what mends it. Made to be asked by a person and by a monitor alike."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import typer

from leadpipe.dataverse.certificate_end import certificate_ends
from leadpipe.dataverse.mapping_file.fault import FaultyMapping
from leadpipe.model.expiry import URGENT_DAYS, Ending, ending_of
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD
from leadpipe.model.marks import damage
from leadpipe.model.record import OPEN, Record, State
from leadpipe.model.settings import Settings
from leadpipe.ops.json_output import print_json
from leadpipe.ops.ledger_pages import LAST_DAY
from leadpipe.ops.mapping.effective import effective
from leadpipe.ops.messages import WithoutRecord, messages_without_record
from leadpipe.ops.options import AsJson, SettingsFile, Since
from leadpipe.ops.span import ONE_DAY, in_words
from leadpipe.ops.summary import UNSETTLED, Group, Summary
from leadpipe.ops.switches import switched_off
from leadpipe.ops.table import Column, print_facts, print_table, text_of
from leadpipe.ops.target import Target, reach
from leadpipe.ops.words import MOST_NAMED, say
from leadpipe.storage.ledger import AzureLedger
from leadpipe.wiring import now

DEFAULT_SPAN = timedelta(days=7)
_MARKS_FIX = "the next sweep replaces them; if it lasts, see whether the function app and its sweep run"

STATE_COLUMNS = (Column(title="STATE", field="state", key=True), Column(title="LEADS", field="leads", key=True))
GROUP_COLUMNS = (
    Column(title="STATE", field="state", key=True),
    Column(title="REASON", field="reason", key=True),
    Column(title="LEADS", field="leads", key=True),
    Column(title="CAUSE", field="says"),
    Column(title="FIX", field="fix"),
    Column(title="OLDEST", field="oldest_lead_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The summary at one moment, with the depths of the two queues, the messages without a record, the rows that
    leadpipe did not write so, the end of what is signed in with, and what the settings have wrong or switched off.
    """

    at: datetime
    summary: Summary
    without_record: WithoutRecord
    damaged_rows: Sequence[str]
    damaged_claims: Sequence[str]
    queued: int
    on_poison_queue: int
    ending: Ending | None
    settings: Settings
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
        wanted += _mapping_faults(self.settings)
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


def status(context: typer.Context, since: Since = None, as_json: AsJson = False, settings: SettingsFile = None) -> None:
    """Say whether leads flow, and what has to be done where they do not.

    Counts are of the leads received in the span, 7d unless --since says otherwise. Leads that wait or are poisoned are
    looked for in the whole ledger. The depths of the queues are the service's own approximation, messages with a
    delay included. The JSON array has one record.

    Exits with 1 when a person is needed: a lead is poisoned, or waits for something that only a person can mend, or
    was written in the span without all that was posted of the person, or a message is on the queue leads-poison, or
    one on the queue leads has no record, or a row of the ledger, the claims or the fallback table is damaged, or what
    is signed in with ends within 7 days, or these settings switch a function off or cannot be used; its last line says
    which, and what to do. Posts that were no lead need nobody: anyone may post rubbish.
    """
    at = now()
    found = status_of(reach(context, settings), os.environ, since=since or at - DEFAULT_SPAN, at=at)
    if as_json:
        print_json([_as_fields(found)])
    else:
        _print(found)
    say(f"counts are of leads received since {text_of(found.summary.since)}; what waits or is poisoned, of all time")
    if rejected := found.summary.counts[State.REJECTED]:
        say(f"{rejected} rejected need nobody; `leadpipe poison list --state rejected` shows them")
    if found.needs_a_person:
        say(f"a person is needed: {'; '.join(found.needs_a_person)}")
        raise typer.Exit(1)
    say("nobody is needed")


def status_of(target: Target, environment: Mapping[str, str], *, since: datetime, at: datetime) -> Status:
    summary, damaged_rows = Summary(since=since, until=at + MOST_AHEAD), list[str]()
    summary.add_all(_records(target.ledger, since=since, damage=damaged_rows))
    return Status(
        at=at,
        summary=summary,
        without_record=messages_without_record(queue=target.queue, ledger=target.ledger, marks=target.marks, at=at),
        damaged_rows=damaged_rows,
        damaged_claims=[*target.claims.damaged(at_a_glance=True)],
        damaged_fallback_rows=[*target.fallback.damaged(EPOCH.date(), LAST_DAY)],
        queued=target.queue.depth(),
        on_poison_queue=target.poison_queue.depth(),
        ending=ending_of(target.settings, certificate_ends=certificate_ends(target.settings)),
        settings=target.settings,
        switched_off=switched_off(environment),
        damaged_marks=damage(target.marks.read(), at),
    )


def _records(ledger: AzureLedger, *, since: datetime, damage: list[str]) -> Iterator[Record]:
    """All records from the span's first day on, and the unsettled ones of the days before.

    `damage` gets a line for each damaged row.
    """
    first = max(since.date(), EPOCH.date())
    yield from ledger.between(first, LAST_DAY, damage=damage)
    if first > EPOCH.date():
        yield from ledger.between(EPOCH.date(), first - ONE_DAY, states=UNSETTLED, damage=damage)


def _rows_in_words(kind: str, table: str, rows: Sequence[str]) -> list[str]:
    """The first one is named in full; of many the rest is for `leadpipe balance`."""
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


def _as_fields(found: Status) -> dict[str, Any]:
    summary, oldest = found.summary, found.summary.oldest_open
    return {
        "at": found.at,
        "since": summary.since,
        "needs_a_person": found.needs_a_person,
        "states": {state: summary.counts[state] for state in State},
        "oldest_open_lead_id": oldest and oldest.lead_id,
        "oldest_open_received_at": oldest and oldest.received_at,
        "oldest_open_age_seconds": oldest and found.at - oldest.received_at,
        "waiting": [group.fields() for group in summary.groups(OPEN)],
        "poisoned": [group.fields() for group in summary.groups({State.POISONED})],
        "incomplete": [group.fields() for group in summary.groups({State.WRITTEN})],
        "last_received_at": summary.last_received_at,
        "last_written_at": summary.last_written_at,
        "queue_leads": found.queued,
        "queue_leads_poison": found.on_poison_queue,
        "messages_without_record": found.without_record.total,
        "messages_seen_without_record": [*found.without_record.seen],
        "damaged_rows": [*found.damaged_rows],
        "damaged_claims": [*found.damaged_claims],
        "damaged_fallback_rows": [*found.damaged_fallback_rows],
        "credential": found.ending and found.ending.name,
        "credential_ends_on": found.ending and found.ending.on.isoformat(),
        "credential_days_left": found.ending and found.ending.days_left(found.today),
        "credential_fix": found.ending and found.ending.renew,
        "setting_faults": [str(fault) for fault in found.settings.faults],
        "switched_off": found.switched_off,
        "damaged_marks": [*found.damaged_marks],
    }


def _print(found: Status) -> None:
    summary = found.summary
    print_table(({"state": state, "leads": summary.counts[state]} for state in State), STATE_COLUMNS)
    sys.stdout.write("\n")
    print_facts(_facts(found))
    groups: list[Group] = summary.groups({State.POISONED}) + summary.groups({State.WRITTEN}) + summary.groups(OPEN)
    if groups:
        sys.stdout.write("\n")
        print_table((group.fields() for group in groups), GROUP_COLUMNS)


def _facts(found: Status) -> list[tuple[str, object]]:
    return [
        ("oldest open lead", _oldest(found)),
        ("last received", _ago(found.summary.last_received_at, found.at)),
        ("last written", _ago(found.summary.last_written_at, found.at)),
        ("queue leads", found.queued),
        ("queue leads-poison", found.on_poison_queue),
        ("without a record", found.without_record.total or None),
        ("damaged rows", "; ".join(found.damaged_rows[:MOST_NAMED]) or None),
        ("damaged claims", "; ".join(found.damaged_claims[:MOST_NAMED]) or None),
        ("damaged fallback rows", "; ".join(found.damaged_fallback_rows[:MOST_NAMED]) or None),
        ("sign-in", found.ending and found.ending.says(found.today)),
        ("settings", "; ".join(map(str, found.settings.faults)) or None),
        ("switched off", ", ".join(found.switched_off.values()) or None),
        ("damaged marks", ", ".join(found.damaged_marks) or None),
    ]


def _oldest(found: Status) -> str:
    oldest = found.summary.oldest_open
    return f"{oldest.lead_id}, {in_words(found.at - oldest.received_at)} old" if oldest else "none is open"


def _ago(then: datetime | None, at: datetime) -> str:
    return f"{text_of(then)}, {in_words(at - then)} ago" if then else "none in this span"
