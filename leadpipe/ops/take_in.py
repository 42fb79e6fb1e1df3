"""`leadpipe import`: takes in rows that the marketplace wrote into its table destination before leadpipe came."""

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import typer

from leadpipe.delivery import lower_marks
from leadpipe.model.errors import StorageFailed
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Arrival, Ports
from leadpipe.ops.decisions import Outcome, Result
from leadpipe.ops.json_output import print_json
from leadpipe.ops.many import DRY_RUN, ask, carry_out, end, teller
from leadpipe.ops.options import AsJson, DryRun, Rate, SettingsFile, Since, Yes
from leadpipe.ops.selection import leads
from leadpipe.ops.table import text_of
from leadpipe.ops.target import reach
from leadpipe.ops.words import failure_in_words, say
from leadpipe.sweep import Run, take_in
from leadpipe.wiring import now

FOREVER = datetime.max.replace(tzinfo=UTC)


def import_rows(
    context: typer.Context,
    since: Since = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Take in the rows of the marketplace's own table destination, each once.

    The sweep takes in what was written since it first ran; this takes in what is older: all of it, or what was last
    written since then. Each row becomes a lead that goes the usual way into Dynamics, received when the row was last
    written. The rows stay as they are. Asks first; may be stopped and begun again.
    """
    target = reach(context, settings)
    rows = {arrival.key: arrival for arrival in not_taken_in(since or EPOCH, target.ports)}
    keys = sorted(rows, key=lambda key: rows[key].at)
    span = f", last written from {text_of(rows[keys[0]].at)} until {text_of(rows[keys[-1]].at)}" if keys else ""
    say(f"{leads(len(keys))} to take in{span}")
    if dry_run or not keys:
        if as_json:
            print_json({"row": rows[key].key, "at": rows[key].at} for key in keys)
        if dry_run:
            say(DRY_RUN)
        return
    if len(keys) > 1:
        ask(f"take in {leads(len(keys))}, to be written into Dynamics?", yes=yes)
    chance = random.random()  # noqa: S311 - spreads retries
    run = Run(now=now, until=FOREVER, hourly=False, chance=chance, ports=target.ports, settings=target.settings)
    lower_marks(rows[keys[0]].at.date(), run.ports.marks)
    tell = teller(Outcome.TAKEN_IN, as_json=as_json)
    counts, stopped = carry_out(keys, lambda wanted: taken_in(wanted, rows, run), tell, title="take in", rate=rate)
    end(counts, stopped=stopped, named=False)


def not_taken_in(since: datetime, ports: Ports) -> Iterator[Arrival]:
    """The marketplace's rows that are no lead yet."""
    for arrival in ports.fallback.arrivals(since):
        claim = ports.claims.read(arrival.key)
        if claim is None or ports.ledger.read(claim.lead_id) is None:
            yield arrival


def taken_in(keys: Iterable[str], rows: Mapping[str, Arrival], run: Run) -> Iterator[Result]:
    """What became of each row; ends when storage no longer answers."""
    for key in keys:
        try:
            lead_id = take_in(rows[key], run)
        except StorageFailed as failure:
            words = failure_in_words(failure)
            yield Result(lead_id="", outcome=Outcome.FAILED, reason=failure.slug, detail=words)
            return
        yield Result(lead_id=lead_id, outcome=Outcome.TAKEN_IN)
