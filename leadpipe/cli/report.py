"""`leadpipe report`: one screen for the owner: what came in, what became of it, how fast, and at what cost."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import typer

from leadpipe.cli.bars import Bar, Part, draw_bars
from leadpipe.cli.json_output import print_json
from leadpipe.cli.options import AsJson, SettingsFile, Since
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads as counted_leads
from leadpipe.cli.table import TableColumn, columns, console, print_facts, print_table, text_of
from leadpipe.cli.target import reach
from leadpipe.model.duration import in_words
from leadpipe.model.record import State
from leadpipe.operations.report import OPEN_LEAD, OUTCOMES, Offer, Report, reported
from leadpipe.wiring import now

DEFAULT_SPAN = timedelta(days=30)
MOST_OFFERS_SHOWN = 10
PROGRESS_EVERY = 10_000
# In this order; each with a mark of its own, since colours may be missing.
PARTS = (
    Part(kind=State.WRITTEN, mark="█", ascii_mark="#", style="green"),
    Part(kind=State.MERGED, mark="▉", ascii_mark="m", style="bright_green"),
    Part(kind=State.DUPLICATE, mark="▓", ascii_mark="=", style="cyan"),
    Part(kind=State.KEPT, mark="▒", ascii_mark="k", style="blue"),
    Part(kind=OPEN_LEAD, mark="░", ascii_mark="o", style="yellow"),
    Part(kind=State.POISONED, mark="x", ascii_mark="x", style="bold red"),
    Part(kind=State.REJECTED, mark="-", ascii_mark="-", style="red"),
    *(
        Part(kind=outcome, mark="+", ascii_mark="+", style="dim")
        for outcome in OUTCOMES
        if outcome in {State.DISCARDED, State.ERASED}
    ),
)
OFFER_COLUMNS = columns(
    ("offer", "leads", "written", "merged", "duplicate", "p95_seconds"),
    titles={"p95_seconds": "P95"},
    at_most={"offer": 40},
)


def report(context: typer.Context, since: Since = None, as_json: AsJson = False, settings: SettingsFile = None) -> None:
    """Show what came in each day, what became of it, how long it took, and what storage it cost.

    Covers the leads received in the span, 30d unless --since says otherwise, by UTC day; a day without a lead has no
    line. Test leads are counted apart. The times are from the receipt of a lead until Dynamics had it, with leads that
    were deferred, rested or were replayed included; half of the leads took at most p50, 95 % at most p95. Microsoft
    advises to contact a lead within 24 hours: a lead that was not written by then counts as late, or as waiting.

    The cost is an estimate for storage alone, from counted requests and list prices (docs/cost.md). Reads every record
    of the span and changes nothing. The JSON array has one record.
    """
    at = now()
    found = Report(since=since or at - DEFAULT_SPAN, at=at)
    for number, day in enumerate(reported(reach(context, settings).ports.ledger, found), start=1):
        if number % PROGRESS_EVERY == 0:
            say(f"{number} read, up to {day}")
    if as_json:
        print_json([_as_fields(found)])
    else:
        _print(found)
    say(f"{counted_leads(found.leads)} received since {text_of(found.since)}, test leads not included")


def _as_fields(found: Report) -> dict[str, Any]:
    latency, cost = found.latency, found.cost
    return {
        "since": found.since,
        "until": found.at,
        "leads": found.leads,
        "outcomes": _all_outcomes(found.outcomes),
        "days": [{"day": day.isoformat(), **_all_outcomes(counts)} for day, counts in sorted(found.days.items())],
        "offers": [_offer_fields(offer) for offer in found.offers],
        "test_leads": _all_outcomes(found.test_leads),
        "timed_leads": latency.leads if latency else 0,
        "p50_seconds": latency and latency.p50,
        "p95_seconds": latency and latency.p95,
        "slowest_seconds": latency and latency.slowest,
        "slowest_lead_id": found.slowest_lead_id or None,
        "within_24_hours": found.prompt,
        "later_than_24_hours": found.late,
        "waiting_longer_than_24_hours": found.waiting,
        "share_within_24_hours": round(found.prompt / found.due, 4) if found.due else None,
        "written_without_time": found.untimed,
        "written_before_received": found.clock_behind,
        "storage_requests": {"leads": cost.of_leads, "sweeps": cost.of_sweeps, "polls": cost.of_polls},
        "estimated_storage_usd": round(cost.total, 4),
        "estimated_storage_usd_a_lead": round(cost.total / found.leads, 6) if found.leads else None,
        "estimated_storage_usd_of_leads_alone": round(cost.leads, 6),
    }


def _all_outcomes(counts: Mapping[str, int]) -> dict[str, int]:
    return {outcome: counts.get(outcome, 0) for outcome in OUTCOMES}


def _offer_fields(offer: Offer) -> dict[str, Any]:
    latency = offer.spans.latency()
    return {
        "offer": offer.name,
        "leads": offer.leads,
        "written": offer.outcomes[State.WRITTEN],
        "merged": offer.outcomes[State.MERGED],
        "duplicate": offer.outcomes[State.DUPLICATE],
        "p95_seconds": latency and latency.p95,
    }


def _print(found: Report) -> None:
    if found.days:
        _print_days(found)
        sys.stdout.write("\n")
    print_facts([*_received(found), *_facts(found)])
    if offers := found.offers:
        sys.stdout.write("\n")
        print_table(map(_offer_fields, offers[:MOST_OFFERS_SHOWN]), OFFER_COLUMNS)
        if len(offers) > MOST_OFFERS_SHOWN:
            say(f"{len(offers) - MOST_OFFERS_SHOWN} more offers: --json shows them")


def _print_days(found: Report) -> None:
    days = sorted(found.days.items())
    if sys.stdout.isatty():
        bars = [Bar(title=str(day), counts=counts, note=_in_words(counts)) for day, counts in days]
        draw_bars(console(), bars, PARTS)
    else:
        print_table(_rows([*days, ("all days", found.outcomes)]), _day_columns(found.outcomes))


def _rows(days: Iterable[tuple[date | str, Counter[str]]]) -> Iterator[dict[str, Any]]:
    for day, counts in days:
        yield {"day": str(day), "total": counts.total(), **_all_outcomes(counts)}


def _day_columns(outcomes: Counter[str]) -> Sequence[TableColumn]:
    """The day, and each outcome that occurs."""
    return columns(("day", "total", *(part.kind for part in PARTS if outcomes[part.kind])), titles={"total": "ALL"})


def _in_words(counts: Counter[str], *, but: str = State.WRITTEN) -> str:
    return ", ".join(f"{counts[part.kind]} {part.kind}" for part in PARTS if counts[part.kind] and part.kind != but)


def _received(found: Report) -> list[tuple[str, object]]:
    """The sum of the days, where no table has it in its last line."""
    if not found.days:
        return [("received", "nothing in this span")]
    return [("received", _in_words(found.outcomes, but=""))] if sys.stdout.isatty() else []


def _facts(found: Report) -> list[tuple[str, object]]:
    return [
        ("test leads", _in_words(found.test_leads, but="")),
        ("receipt to written", _latency(found)),
        ("slowest lead", found.slowest_lead_id),
        ("within 24 hours", _share(found)),
        ("without a time", f"{found.untimed} written, the record does not say when" if found.untimed else None),
        ("wrong clock", f"{found.clock_behind} written before received" if found.clock_behind else None),
        *_cost(found),
    ]


def _latency(found: Report) -> str:
    latency = found.latency
    if latency is None:
        return "nothing was written"
    return f"p50 {in_words(latency.p50)}, p95 {in_words(latency.p95)}, slowest {in_words(latency.slowest)}"


def _share(found: Report) -> str | None:
    if not found.due:
        return None
    share = f"{100 * found.prompt / found.due:.1f} % ({found.prompt} of {found.due})"
    late = f"{found.late} later" if found.late else ""
    waiting = f"{found.waiting} not written yet" if found.waiting else ""
    return "; ".join(filter(None, [share, late, waiting]))


def _cost(found: Report) -> list[tuple[str, object]]:
    cost = found.cost
    a_lead = f", ${cost.total / found.leads:.4f} a lead" if found.leads else ""
    return [
        ("storage requests", f"{cost.of_leads} for leads, {cost.of_sweeps} by sweeps, {cost.of_polls} idle polls"),
        ("storage cost", f"about ${cost.total:.2f} (${cost.standing:.2f} without leads){a_lead}"),
    ]
