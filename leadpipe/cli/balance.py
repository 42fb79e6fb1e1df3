"""`leadpipe balance`: counts all leads by state, and names each that the store for its state does not hold."""

import sys
from collections import Counter
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from leadpipe.cli.batch import counting
from leadpipe.cli.json_output import print_json
from leadpipe.cli.options import AsJson, SettingsFile, Since, usage
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.cli.table import STATE_COLUMNS, columns, print_table, text_of
from leadpipe.cli.target import reach
from leadpipe.model.lead_id import ONE_DAY
from leadpipe.model.record import State
from leadpipe.operations.balance import MEANING, NOTES, Audit, Discrepancy, asker_of, note_asker_of
from leadpipe.operations.span import day_of
from leadpipe.wiring import now

DEFAULT_SPAN = timedelta(days=7)

COLUMNS = columns(("what", "id"), ("says", "detail", "fix"))


def balance(
    context: typer.Context,
    since: Since = None,
    day: Annotated[
        datetime | None, typer.Option(parser=usage(day_of), metavar="DAY", help="One UTC day, like 2026-11-01.")
    ] = None,
    dynamics: Annotated[
        bool,
        typer.Option("--dynamics", help="Also ask Dynamics for each written lead, and for those without a record."),
    ] = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Account for every lead received: count the states, and check each state against the store that must hold it.

    Covers the leads received in the last 7d, in --since, or on one --day, all messages on the queue leads, all claims,
    and the oldest 32 messages of the host's poison queue. Names each offender: an open lead that is overdue by more
    than an hour; a lead in fallback without its row; a row, a claim or a message without its record; a damaged row; a
    duplicate whose holder does not hold; a message on the poison queue for more than an hour; a poisoned lead without
    a payload. Changes nothing. The JSON array has one record.

    Exits with 1 when there is an offender. Notes are not offenders: leads that Dynamics lacks, since people delete
    leads there, and leads that it has although the ledger lost them.
    """
    if since and day:
        raise typer.BadParameter("--since or --day, not both")
    at = now()
    target = reach(context, settings)
    start = day or since or at - DEFAULT_SPAN
    audit = Audit(
        since=start,
        before=min(day + ONE_DAY, at) if day else at,
        at=at,
        ports=target.ports,
        in_dynamics=asker_of(target.ports) if dynamics else None,
        has_note=note_asker_of(target.ports) if dynamics else None,
    )
    offenders = _print_json(audit) if as_json else _print(audit)
    say(f"{leads(audit.counts.total())} received from {text_of(audit.since)} until {text_of(audit.before)}")
    if offenders:
        say(f"a person is needed: {offenders} not accounted for")
        raise typer.Exit(1)
    say("every lead is accounted for")


def _print(audit: Audit) -> int:
    offends: Counter[bool] = Counter()
    print_table(map(_fields, counting(audit.findings(), offends, lambda found: found.what not in NOTES)), COLUMNS)
    if offends[True] or audit.counts:
        sys.stdout.write("\n")
    states = [{"state": state, "leads": audit.counts[state]} for state in State]
    print_table([*states, {"state": "received", "leads": audit.counts.total()}], STATE_COLUMNS)
    return offends[True]


def _print_json(audit: Audit) -> int:
    findings = [_fields(finding) for finding in audit.findings()]
    offenders = [finding for finding in findings if finding["what"] not in NOTES]
    record = {
        "since": audit.since,
        "before": audit.before,
        "received": audit.counts.total(),
        "states": {state: audit.counts[state] for state in State},
        "offenders": offenders,
        "notes": [finding for finding in findings if finding["what"] in NOTES],
    }
    print_json([record])
    return len(offenders)


def _fields(finding: Discrepancy) -> dict[str, Any]:
    meaning = MEANING[finding.what]
    fix = meaning.fix.replace(" ID", f" {finding.id}")
    return {"what": finding.what, "id": finding.id, "says": meaning.says, "detail": finding.detail, "fix": fix}
