"""The first page: whether leads flow, and what needs a person."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadpipe.console.chart import chart_of
from leadpipe.console.latency_chart import times_of
from leadpipe.console.words import counted
from leadpipe.model.attention import Attention
from leadpipe.model.duration import in_words
from leadpipe.model.lead_id import ONE_DAY
from leadpipe.model.record import State
from leadpipe.operations.causes import cause_of
from leadpipe.operations.overview import Overview, overview_of
from leadpipe.operations.report import OUTCOMES

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit

DAYS, MORE_DAYS = 14, 90
REFRESH_SECONDS = 10
# While days are still to be counted.
COUNTING_SECONDS = 2
# Leads wait, and nothing is lost; anything else is red.
_CALM = frozenset({"waiting", "blocked", "credential", "silent", "overdue"})
_FEW = {2: "Two", 3: "Three", 4: "Four"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One thing that needs a person, as the page shows it. `path`: the page with more about it."""

    attention: Attention
    kind: str
    title: str
    words: str
    path: str
    replays: bool = False


def show(visit: "Visit") -> "Response":
    days = MORE_DAYS if visit.given("days") == str(MORE_DAYS) else DAYS
    found = overview_of(visit.target, days=days, at=visit.at, known=visit.console.days)
    visit.console.count(causes=found.states[State.POISONED], fallback=found.states[State.FALLBACK])
    calls = [_call(each) for each in found.attention]
    chart = chart_of(found.days)
    return visit.page(
        "overview.html",
        page="overview",
        title="Overview",
        found=found,
        calls=calls,
        verdict=_verdict(calls, found),
        usual=_usual(found),
        chart=chart,
        times=times_of(found.days),
        outcomes=[name for name in OUTCOMES if any(day.outcomes.get(name) for day in found.days)],
        as_table=visit.given("as") == "table",
        days=days,
        more=_cost_of_more(found) if days == DAYS else "",
        day_ago=visit.at - ONE_DAY,
        refresh=COUNTING_SECONDS if chart.uncounted else REFRESH_SECONDS,
    )


def _cost_of_more(found: Overview) -> str:
    """How many leads have to be read for the longer chart, as far as the sweep has counted them."""
    before = found.days[0].day
    leads = sum(day.leads for at, day in found.pulse.days.items() if at < before)
    return f"reads {counted(leads, 'lead')}, once" if leads else ""


def _verdict(calls: list[Call], found: Overview) -> str:
    """The state of things in words, before any number."""
    waiting = f"{counted(found.open, 'lead')} on the way" if found.open else "Nothing is on the way"
    if not calls:
        return f"All is well. {waiting}."
    needs = "One thing needs" if len(calls) == 1 else f"{_FEW.get(len(calls), len(calls))} things need"
    return f"{needs} you. {waiting}."


def _usual(found: Overview) -> str:
    gap = found.pulse.usual_gap
    return f"At most {in_words(gap)} pass here between two leads, 99 times of 100." if gap else ""


def _call(attention: Attention) -> Call:
    cause = cause_of(attention.about) if attention.reason in {"poisoned", "blocked", "waiting", "incomplete"} else None
    title = f"{attention.says}: {cause.says}" if cause and attention.about else attention.says
    words = cause.fix if cause and attention.about else attention.fix
    return Call(
        attention=attention,
        kind="wait" if attention.reason in _CALM else "bad",
        title=title,
        words=words,
        path=_path_of(attention),
        replays=attention.reason == "poisoned",
    )


def _path_of(attention: Attention) -> str:
    match attention.reason:
        case "poisoned" | "waiting":
            return "/causes"
        case "incomplete":
            return "/leads?state=written&cause=person_unread"
        case "wrong_key":
            return "/rejected"
        case "mapping":
            return "/mapping"
        case _:
            return "/doctor"
