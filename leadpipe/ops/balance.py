"""`leadpipe balance`: received = the sum of its states, and each lead that its state's store does not hold."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from leadpipe.model.cause import Cause
from leadpipe.model.errors import SettingsError, Transient
from leadpipe.model.ports import Ports
from leadpipe.model.record import State
from leadpipe.ops.audit import NOTES, Audit, Finding, What
from leadpipe.ops.json_output import print_json
from leadpipe.ops.options import AsJson, SettingsFile, Since
from leadpipe.ops.selection import leads
from leadpipe.ops.span import ONE_DAY, day_of
from leadpipe.ops.table import Column, print_table, text_of
from leadpipe.ops.target import reach
from leadpipe.ops.words import say
from leadpipe.wiring import now

DEFAULT_SPAN = timedelta(days=7)
LONGEST_PATIENCE = timedelta(minutes=6)  # Dynamics counts over five minutes

MEANING = {
    What.OVERDUE: Cause(
        says="should have been tried more than an hour ago", fix="see whether the function app and its sweep run"
    ),
    What.NO_ROW: Cause(
        says="rests without its row in the fallback table", fix="`leadpipe fallback drain` delivers it from its record"
    ),
    What.ROW_ALONE: Cause(
        says="a row of the fallback table whose record is gone",
        fix="post what the row says to the endpoint again, then delete the row",
    ),
    What.DAMAGED: Cause(
        says="a row of the ledger that leadpipe did not write so; lists leave it out, unless the detail says how it is"
        " read",
        fix="correct the row by hand, in Storage Explorer for one, or delete it and post the lead again",
    ),
    What.ROW_DAMAGED: Cause(
        says="a row of the fallback table whose LeadId leadpipe did not write so",
        fix="correct LeadId by hand: it is the row's RowKey; delete a row that is a copy",
    ),
    What.CLAIM_DAMAGED: Cause(
        says="a claim that leadpipe did not write so",
        fix="delete the row: at worst a repeat of that lead is written too",
    ),
    What.MARK_DAMAGED: Cause(
        says="a mark of the sweep that leadpipe did not write so",
        fix="the next sweep replaces it; if it lasts, see whether the function app and its sweep run",
    ),
    What.MESSAGE_ALONE: Cause(
        says="a lead that is only on the queue leads: the ledger has no record of it",
        fix="see whether the function app runs and may write to the ledger: the record is made at the next delivery",
    ),
    What.NOT_HELD: Cause(
        says="a duplicate of a lead that is not, and will not be, in Dynamics",
        fix="`leadpipe poison replay ID --anyway` makes it a lead; `leadpipe erase ID` ends it",
    ),
    What.HOLDER_GONE: Cause(
        says="a duplicate of the lead in the detail, whose record is gone",
        fix="`leadpipe balance --dynamics` sees whether Dynamics has that one: then nothing is missing;"
        " if it has not, `leadpipe poison replay ID --anyway` makes this one a lead",
    ),
    What.CLAIM_ALONE: Cause(
        says="a claim whose record is gone",
        fix="`leadpipe balance --dynamics` sees whether Dynamics has the lead; if it has not, the lead was lost",
    ),
    What.ON_POISON_QUEUE: Cause(
        says="on the host's poison queue for more than an hour", fix="see whether the function app and its sweep run"
    ),
    What.NO_PAYLOAD: Cause(
        says="poisoned, and nothing is kept of what was posted", fix="`leadpipe poison discard ID --why TEXT`"
    ),
    What.NOT_SEEN: Cause(
        says="could not be looked at, by a fault in leadpipe", fix="nothing; all that is listed beside it still counts"
    ),
    What.ROW_LEFT_BEHIND: Cause(
        says="a row of the fallback table whose lead is settled", fix="`leadpipe fallback drain` removes it"
    ),
    What.NOT_IN_DYNAMICS: Cause(says="written, and not in Dynamics now", fix="nothing, if somebody deleted it there"),
    What.IN_DYNAMICS_ALONE: Cause(says="a lead that Dynamics has, and whose record is gone", fix="nothing"),
}
STATE_COLUMNS = (Column(title="STATE", field="state", key=True), Column(title="LEADS", field="leads", key=True))
COLUMNS = (
    Column(title="WHAT", field="what", key=True),
    Column(title="ID", field="id", key=True),
    Column(title="SAYS", field="says"),
    Column(title="DETAIL", field="detail"),
    Column(title="FIX", field="fix"),
)


def _day(text: str) -> datetime:
    try:
        return day_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def balance(
    context: typer.Context,
    since: Since = None,
    day: Annotated[
        datetime | None, typer.Option(parser=_day, metavar="DAY", help="One UTC day, like 2026-11-01.")
    ] = None,
    dynamics: Annotated[
        bool,
        typer.Option("--dynamics", help="Also ask Dynamics for each written lead, and for those without a record."),
    ] = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Account for every lead received: count the states, and find what the stores do not bear out.

    For the leads received in the last 7d, in --since, or on one --day; always for all messages on the queue leads, all
    claims, and the oldest 32 messages of the host's poison queue. Names each offender: open and overdue by more than
    an hour, in fallback without its row, a row, a claim or a message without its record, a damaged row, a duplicate
    whose holder does not hold, on the poison queue for more than an hour, poisoned without a payload. Reads only. The
    JSON array has one record.

    Exits with 1 when there is an offender. Notes are no offenders: what Dynamics lacks, since people delete leads
    there, and what it has although the ledger lost it.
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
        in_dynamics=_asker(target.ports) if dynamics else None,
    )
    offenders = _print_json(audit) if as_json else _print(audit)
    say(f"{leads(audit.counts.total())} received from {text_of(audit.since)} until {text_of(audit.before)}")
    if offenders:
        say(f"a person is needed: {offenders} not accounted for")
        raise typer.Exit(1)
    say("every lead is accounted for")


def _print(audit: Audit) -> int:
    found: list[int] = [0]
    print_table(map(_fields, _counting(audit.findings(), found)), COLUMNS)
    if found[0] or audit.counts:
        sys.stdout.write("\n")
    states = [{"state": state, "leads": audit.counts[state]} for state in State]
    print_table([*states, {"state": "received", "leads": audit.counts.total()}], STATE_COLUMNS)
    return found[0]


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


def _counting(findings: Iterable[Finding], offenders: list[int]) -> Iterator[Finding]:
    for finding in findings:
        offenders[0] += finding.what not in NOTES
        yield finding


def _fields(finding: Finding) -> dict[str, Any]:
    meaning = MEANING[finding.what]
    fix = meaning.fix.replace(" ID", f" {finding.id}")
    return {"what": finding.what, "id": finding.id, "says": meaning.says, "detail": finding.detail, "fix": fix}


def _asker(ports: Ports) -> Callable[[str], bool]:
    """Asks Dynamics for a lead, and waits as it wants where it asks for a pause."""
    dynamics = ports.dynamics
    if dynamics is None:
        raise SettingsError("settings", "DATAVERSE_URL and its sign-in have to be set for --dynamics")

    def has(lead_id: str) -> bool:
        while True:
            try:
                return dynamics.has(lead_id)
            except Transient as failure:
                if failure.retry_after is None or failure.retry_after > LONGEST_PATIENCE:
                    raise
                time.sleep(failure.retry_after.total_seconds())

    return has
