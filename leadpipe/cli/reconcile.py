"""`leadpipe reconcile`: compares the ledger with exports of Partner Center's Leads page, and takes in leads."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from leadpipe.cli.batch import DRY_RUN, ask, carry_out, end, unprinted
from leadpipe.cli.options import AsJson, DryRun, Rate, SettingsFile, Since, Yes
from leadpipe.cli.reconcile_output import listed, print_findings, say_comparison, say_export
from leadpipe.cli.reconcile_rating import rating_of, write_rating
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.cli.target import reach
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.reconcile.columns import LARGEST_FILE as LARGEST_LIST
from leadpipe.operations.reconcile.columns import UnusableExport, named_columns
from leadpipe.operations.reconcile.comparison import Comparison, Finding, Kind, compared
from leadpipe.operations.reconcile.dates import Order
from leadpipe.operations.reconcile.export import Export, Row, export_of
from leadpipe.operations.reconcile.mark import note_reconciled
from leadpipe.operations.reconcile.table import LARGEST_FILE
from leadpipe.operations.reconcile.take_in import rows_taken_in
from leadpipe.operations.take_in import TakingIn
from leadpipe.regular_file import read_at_once
from leadpipe.wiring import now

PROGRESS_EVERY = 10_000
# Another run may have taken a row in meanwhile.
_HERE = frozenset({Outcome.TAKEN_IN, Outcome.ALREADY_HERE})
Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="Exports, as CSV files.", show_default=False),
]
ColumnsFile = Annotated[
    Path | None,
    typer.Option(
        "--columns",
        metavar="FILE",
        help='Names columns that are not found: a TOML file with lines such as email = "E-Mail-Adresse".',
    ),
]
Dates = Annotated[
    Order | None, typer.Option("--dates", help="Which comes first in dates such as 03/04/2026, where nothing says it.")
]
TakeIn = Annotated[bool, typer.Option("--import", help="Take in the leads that never came here.")]
Anyway = Annotated[
    list[str] | None,
    typer.Option(
        "--anyway",
        metavar="FILE:LINE",
        help="With --import: take this row in as well, although a lead that is here may be it. May be repeated.",
        show_default=False,
    ),
]
WriteRating = Annotated[
    bool, typer.Option("--write-rating", help="Write Microsoft's rating into the columns that the mapping file names.")
]
Everything = Annotated[bool, typer.Option("--all", help="List the leads that are in both as well.")]


def reconcile(
    context: typer.Context,
    files: Files,
    columns: ColumnsFile = None,
    dates: Dates = None,
    since: Since = None,
    take_in: TakeIn = False,
    anyway: Anyway = None,
    write_ratings: WriteRating = False,
    everything: Everything = False,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Compare with Partner Center: find the leads that Microsoft has and that never came here.

    Export them in Partner Center under Referrals, Leads, Marketplace leads. Rows are matched with leads by person,
    offer and time; a row that is in the files twice counts once. Lists what is in Partner Center and never came here,
    with the probable cause; what came and was rejected; rows that cannot be compared, since personal data was removed
    here or there; rows that cannot be read; leads that are here alone; and matches that are not sure. --json and --all
    list all rows. --since leaves older rows out. docs/reconcile.md explains the rules.

    --import makes each missing row a lead, received when Partner Center has it, and delivered as any other. Asks
    first; each row is taken in once, however often the command is run. --anyway adds a row whose match is not sure,
    when you know that it is another lead. Exits with 1 while a row is missing, rejected, damaged or not sure.

    --write-rating changes leads that Dynamics has, where their match is sure: Microsoft's lead quality and validity of
    e-mail and phone go into the columns that [rating] in the mapping file names. Asks first; may be run again.
    """
    if anyway and not take_in:
        raise typer.BadParameter("goes with --import", param_hint="--anyway")
    export = _read(files, columns, dates, since)
    say_export(export)
    if take_in and any(file.reading.doubtful for file in export.files):
        raise typer.BadParameter("say how the dates are written: month-first or day-first", param_hint="--dates")
    target = reach(context, settings)
    ports, rating = target.ports, rating_of(target.settings) if write_ratings else {}
    found = compared(export, ports=ports, now=now(), progress=_say_progress)
    wanted = found.missing | _chosen(found, anyway or ())
    results: dict[str, Result] = {}
    counts, rating_counts, stopped = Counter[Outcome](), Counter[Outcome](), False
    if not as_json:
        print_findings(listed(found, everything=everything), {}, as_json=False)
    say_comparison(found)
    if export.rows and not dry_run:
        note_reconciled(found.until, now(), ports.marks)
    if take_in and wanted:
        taking = TakingIn(ports, now, retention=target.settings.retention)
        counts, stopped = _take_in(wanted, results, taking, rate=rate, dry_run=dry_run, yes=yes)
    if rating and not stopped:
        rating_counts, stopped = write_rating(
            found, rating, target.settings, results, rate=rate, dry_run=dry_run, yes=yes
        )
    if as_json:
        print_findings(listed(found, everything=True), results, as_json=True)
    end(counts + rating_counts, stopped=stopped, named=False)
    if len(found.for_a_person) > sum(counts[each] for each in _HERE):
        raise typer.Exit(1)


def _chosen(found: Comparison, places: Iterable[str]) -> dict[str, Row]:
    """The rows that --anyway names, by their keys, without those that are leads here for sure."""
    chosen: dict[str, Row] = {}
    for place in places:
        row, finding = _named(found, place)
        if finding.is_unsure or finding.kind is Kind.MISSING:
            chosen[row.key] = row
        else:
            say(f"{place} is not taken in: it is here, as {finding.lead.lead_id if finding.lead else ''}")
    return chosen


def _named(found: Comparison, place: str) -> tuple[Row, Finding]:
    """Raises a usage error for a place without a row that could be taken in."""
    named = [finding for finding in found.findings if finding.place == place]
    if len(named) != 1:
        why = "several files have that name" if named else "no row is there; name one as the column PLACE does"
        raise typer.BadParameter(f"{place}: {why}", param_hint="--anyway")
    row = named[0].row
    if row is None or not row.names_somebody:
        why = "it names nobody" if row else "it cannot be read"
        raise typer.BadParameter(f"{place} cannot be taken in: {why}", param_hint="--anyway")
    return row, named[0]


def _read(files: Sequence[Path], columns: Path | None, dates: Order | None, since: datetime | None) -> Export:
    try:
        named = named_columns(_content(columns, LARGEST_LIST), columns.name) if columns else {}
        contents = ((file.name, _content(file, LARGEST_FILE)) for file in files)
        export = export_of(contents, named=named, order=dates, now=now())
    except UnusableExport as why:
        raise typer.BadParameter(str(why)) from why
    return export.since(since) if since else export


def _content(file: Path, largest: int) -> bytes:
    try:
        return read_at_once(file, largest + 1)
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from error


def _say_progress(number: int, day: date) -> None:
    if number % PROGRESS_EVERY == 0:
        say(f"{number} read, up to {day}")


def _take_in(
    rows: Mapping[str, Row],
    results: dict[str, Result],
    taking: TakingIn,
    *,
    rate: float | None,
    dry_run: bool,
    yes: bool,
) -> tuple[Counter[Outcome], bool]:
    """Fills in the result of each row."""
    say(f"{leads(len(rows))} to take in")
    if dry_run:
        say(DRY_RUN)
        return Counter(), False
    if len(rows) > 1:
        ask(f"take in {leads(len(rows))}, to be written into Dynamics?", yes=yes)

    def work(keys: Iterable[str]) -> Iterator[Result]:
        for key, result in rows_taken_in(keys, rows, taking):
            results[key] = result
            if result.outcome not in _HERE:
                say(f"{rows[key].place} was not taken in: {result.reason}")
            yield result

    return carry_out([*rows], work, unprinted, title="take in", rate=rate)
