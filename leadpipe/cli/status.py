"""`leadpipe status`: says what is wrong and how to fix it."""

import os
import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import typer

from leadpipe.cli.json_output import print_json
from leadpipe.cli.options import AsJson, SettingsFile, Since
from leadpipe.cli.say import MOST_NAMED, say
from leadpipe.cli.table import STATE_COLUMNS, columns, print_facts, print_table, text_of
from leadpipe.cli.target import reach
from leadpipe.model.duration import in_words
from leadpipe.model.record import OPEN, State
from leadpipe.operations.status import Status, status_of
from leadpipe.operations.summary import Group
from leadpipe.wiring import now

DEFAULT_SPAN = timedelta(days=7)

GROUP_COLUMNS = columns(
    ("state", "reason", "leads"),
    ("since", "says", "fix", "oldest_lead_id"),
    titles={"says": "CAUSE", "oldest_lead_id": "OLDEST"},
)


def status(context: typer.Context, since: Since = None, as_json: AsJson = False, settings: SettingsFile = None) -> None:
    """Say whether leads flow, and what to do where they do not.

    Counts the leads received in the span, 7d unless --since says otherwise. Finds leads that wait or are poisoned in
    the whole ledger. The depths of the queues are the service's own approximation and include delayed messages. The
    JSON array has one record.

    Exits with 1 when a person is needed. The last line says why, and what to do: a lead is poisoned, or waits for
    something that only a person can fix, or has been failing for more than a day, or is more than an hour late, or was
    written in the span without some of its personal data; the sweep stands still; no lead has come for longer than
    usual, or none with a right key; a message is on the queue leads-poison; a message on the queue leads has no record;
    a row of the ledger, the claims or the fallback table, or a mark of the sweep, is damaged; the sign-in credential
    expires within 7 days; these settings switch a function off or cannot be used; the leads were not compared with
    Partner Center for 150 days. Rejected posts need nobody: anyone may post rubbish.
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
    if attention := found.attention:
        say(f"a person is needed: {'; '.join(each.line for each in attention)}")
        raise typer.Exit(1)
    say("nobody is needed")


def _as_fields(found: Status) -> dict[str, Any]:
    summary, oldest = found.summary, found.summary.oldest_open
    return {
        "at": found.at,
        "since": summary.since,
        "needs_a_person": [each.line for each in found.attention],
        "attention": [asdict(each) for each in found.attention],
        "states": {state: summary.counts[state] for state in State},
        "oldest_open_lead_id": oldest and oldest.lead_id,
        "oldest_open_received_at": oldest and oldest.received_at,
        "oldest_open_age_seconds": oldest and found.at - oldest.received_at,
        "waiting": [group.fields(found.at) for group in summary.groups(OPEN)],
        "poisoned": [group.fields(found.at) for group in summary.groups({State.POISONED})],
        "incomplete": [group.fields(found.at) for group in summary.groups({State.WRITTEN})],
        "last_received_at": summary.last_received_at,
        "last_written_at": summary.last_written_at,
        "last_lead_at": found.facts.last_lead,
        "usual_gap_seconds": found.facts.usual_gap,
        "last_sweep_at": found.facts.swept_at,
        "known_names": sorted(found.pulse.names),
        "queue_leads": found.without_record.depth,
        "queue_leads_poison": found.facts.on_poison_queue,
        "messages_without_record": found.without_record.total,
        "messages_seen_without_record": [*found.without_record.seen],
        **{f"damaged_{kind}": rows for kind, rows in found.damaged.items()},
        "credential": found.facts.ending and found.facts.ending.name,
        "credential_ends_on": found.facts.ending and found.facts.ending.on.isoformat(),
        "credential_days_left": found.facts.ending and found.facts.ending.days_left(found.today),
        "credential_fix": found.facts.ending and found.facts.ending.renew,
        "setting_faults": [str(fault) for fault in found.settings.faults],
        "switched_off": found.facts.switched_off,
    }


def _print(found: Status) -> None:
    summary = found.summary
    print_table(({"state": state, "leads": summary.counts[state]} for state in State), STATE_COLUMNS)
    sys.stdout.write("\n")
    print_facts(_facts(found))
    groups: list[Group] = summary.groups({State.POISONED}) + summary.groups({State.WRITTEN}) + summary.groups(OPEN)
    if groups:
        sys.stdout.write("\n")
        print_table((group.fields(found.at) for group in groups), GROUP_COLUMNS)


def _facts(found: Status) -> list[tuple[str, object]]:
    return [
        ("oldest open lead", _oldest(found)),
        ("last received", _ago(found.summary.last_received_at, found.at)),
        ("last written", _ago(found.summary.last_written_at, found.at)),
        ("last lead of a customer", _silence(found)),
        ("sweep last reported", _ago(found.facts.swept_at, found.at, "none is known")),
        ("queue leads", found.without_record.depth),
        ("queue leads-poison", found.facts.on_poison_queue),
        ("without a record", found.without_record.total or None),
        *((f"damaged {kind.replace('_', ' ')}", "; ".join(rows[:MOST_NAMED])) for kind, rows in found.damaged.items()),
        ("sign-in", found.facts.ending and found.facts.ending.says(found.today)),
        ("settings", "; ".join(map(str, found.settings.faults))),
        ("switched off", ", ".join(found.facts.switched_off.values())),
    ]


def _oldest(found: Status) -> str:
    oldest = found.summary.oldest_open
    return f"{oldest.lead_id}, {in_words(found.at - oldest.received_at)} old" if oldest else "none is open"


def _silence(found: Status) -> str:
    gap = found.facts.usual_gap
    usual = f"; at most {in_words(gap)} pass usually" if gap else ""
    return f"{_ago(found.facts.last_lead, found.at, 'none is known')}{usual}"


def _ago(then: datetime | None, at: datetime, none: str = "none in this span") -> str:
    return f"{text_of(then)}, {in_words(at - then)} ago" if then else none
