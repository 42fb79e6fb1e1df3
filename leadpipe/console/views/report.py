"""The owner's report. It reads every record of its span, so it is made when asked for and then kept."""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response

from leadpipe.console.jobs import Job
from leadpipe.console.views.leads import defused
from leadpipe.model.ports import Ledger
from leadpipe.operations.report import OUTCOMES, Report, reported

if TYPE_CHECKING:
    from leadpipe.console.site import Visit

SPANS = (7, 30, 90)
REFRESH_SECONDS = 2
MOST_OFFERS_SHOWN = 20
_JOB = "report"
_STEP = 500


def show(visit: "Visit") -> Response:
    job = visit.console.jobs.get(_JOB)
    found = _finished(job)
    return visit.page(
        "report.html",
        page="report",
        title="Report",
        job=job,
        read=job.items[-1] if job and job.items and isinstance(job.items[-1], tuple) else None,
        found=found,
        outcomes=[outcome for outcome in OUTCOMES if found and found.outcomes[outcome]],
        offers=found.offers[:MOST_OFFERS_SHOWN] if found else [],
        spans=SPANS,
        refresh=REFRESH_SECONDS if job and job.is_running else None,
    )


def run(visit: "Visit") -> Response:
    days = visit.posted("days")
    if days not in map(str, SPANS):
        raise BadRequest("the report covers 7, 30 or 90 days")
    report = Report(since=visit.at - timedelta(days=int(days)), at=visit.at)
    ledger = visit.ports.ledger
    visit.console.start(_JOB, lambda job: _made(job, report, ledger))
    return visit.go("/report")


def export(visit: "Visit") -> Response:
    """The days of the last report as CSV."""
    found = _finished(visit.console.jobs.get(_JOB))
    if found is None:
        raise NotFound("make the report first")
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("day", *OUTCOMES))
    for day, counts in sorted(found.days.items()):
        rows.writerow((day.isoformat(), *(counts[outcome] for outcome in OUTCOMES)))
    rows.writerow(())
    rows.writerow(("offer", "leads", *OUTCOMES))
    for offer in found.offers:
        rows.writerow((defused(offer.name), offer.leads, *(offer.outcomes[outcome] for outcome in OUTCOMES)))
    headers = {"Content-Disposition": 'attachment; filename="report.csv"'}
    return Response(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def _made(job: Job[object], report: Report, ledger: Ledger) -> Iterator[tuple[int, date] | Report]:
    """How far the reading came, now and then; the report at the end."""
    for count, day in enumerate(reported(ledger, report), start=1):
        if count % _STEP == 0:
            yield count, day
        if job.is_stopped:
            return
    yield report


def _finished(job: Job[object] | None) -> Report | None:
    last = job.items[-1] if job and job.items else None
    return last if isinstance(last, Report) else None
