"""A plan: first what it will do, then its progress, then what became of each lead; all at one address."""

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest

from leadpipe.console.pace import estimate
from leadpipe.console.plans import (
    CHOOSABLE,
    MOST_PLANNED,
    Choice,
    Plan,
    Results,
    Verb,
    command_of,
    followed,
    form_in,
    is_moving,
    plan_of,
    results_of,
    unchanged,
)
from leadpipe.model.lead_id import is_lead_id
from leadpipe.model.record import State
from leadpipe.operations.comebacks import Comeback

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit

REFRESH_SECONDS = 2


def make(visit: "Visit") -> "Response":
    """Makes the plan, and for one lead that asks for nothing more carries it out as well."""
    choice = _choice(visit)
    first = visit.ports.marks.read().forgotten_before
    plan = plan_of(choice, visit.desk, first_day=datetime.combine(first, time(), UTC) if first else None)
    visit.console.plans.keep(plan)
    if visit.posted("at_once") and plan.chosen and len(choice.lead_ids) == 1 and choice.verb is not Verb.ERASE:
        _start(visit, plan, results_of(choice, visit.target, visit.desk), rate=None)
    return visit.go(f"/plans/{plan.id}")


def show(visit: "Visit", plan_id: str) -> "Response":
    plan = visit.console.plans.get(plan_id)
    if plan is None:
        return _gone(visit, plan_id)
    leads = followed([*reversed(plan.results)], visit.ports.ledger) if plan.job else []
    return visit.page(
        "plan.html",
        page="causes",
        title=f"{plan.choice.verb.capitalize()} leads",
        plan=plan,
        command=command_of(plan.choice),
        leads=leads,
        unchanged=unchanged(plan, leads),
        comebacks={} if plan.job else _comebacks(visit, plan),
        estimate=estimate(
            plan.choice.verb,
            len(plan.chosen),
            last_run=visit.console.plans.pace_of(plan.choice.verb),
            looked=plan.looked,
        ),
        is_moving=is_moving(leads),
        Verb=Verb,
        is_hosted=visit.console.door.is_hosted,
        most_planned=MOST_PLANNED,
        dynamics=visit.target.settings.dataverse,
        refresh=REFRESH_SECONDS if plan.is_running or is_moving(leads) else None,
    )


def _comebacks(visit: "Visit", plan: Plan) -> dict[str, Comeback]:
    """The causes that came back after a replay, of a plan that is about to replay."""
    if plan.choice.verb is not Verb.REPLAY:
        return {}
    return visit.console.comebacks.of((entry.record for entry in plan.willing if entry.record), visit.ports.ledger)


def run(visit: "Visit", plan_id: str) -> "Response":
    """Carries out what is left of the plan, for the leads that are ticked."""
    plan = visit.console.plans.get(plan_id)
    if plan is None:
        return _gone(visit, plan_id)
    why = visit.posted("why") or plan.why
    if plan.choice.verb is Verb.DISCARD and not why:
        raise BadRequest("give the reason: later nothing else explains the decision")
    ticked = frozenset(visit.request.form.getlist("lead"))
    chosen = [*(e.lead_id for e in plan.willing if e.lead_id in ticked), *plan.unrehearsed]
    if plan.job is None and not chosen:
        raise BadRequest("no lead is ticked: go back, and tick some")
    rate, unasked = _rate(visit.posted("rate")), bool(visit.posted("without_asking"))
    if plan.job:  # who goes on chooses no other way
        rate, unasked = plan.rate, plan.unasked
    results = results_of(plan.choice, visit.target, visit.desk, why=why, without_asking=unasked, rate=rate)
    if plan.job is None:
        plan.chosen = chosen
        plan.why, plan.unasked = why, unasked
    if plan.left:
        _start(visit, plan, results, rate=rate)
    return visit.go(f"/plans/{plan.id}")


def _start(visit: "Visit", plan: Plan, results: Results, *, rate: float | None) -> None:
    """Starts it; the counts are forgotten now, and once more when the last lead is done."""
    console, chosen = visit.console, [*plan.chosen]
    console.forget_counts(chosen)
    console.plans.start(plan, results, rate=rate, at=visit.at, then=lambda: console.forget_counts(chosen))


def stop(visit: "Visit", plan_id: str) -> "Response":
    plan = visit.console.plans.get(plan_id)
    if plan is None:
        return _gone(visit, plan_id)
    if plan.job:
        plan.job.stop()
    return visit.go(f"/plans/{plan.id}")


def _gone(visit: "Visit", plan_id: str) -> "Response":
    """Of a plan that this console does not have: the form that makes it again, with the leads that are left."""
    return visit.page("plan_gone.html", page="causes", title="A plan", status=404, form=form_in(plan_id))


def _choice(visit: "Visit") -> Choice:
    """Raises BadRequest for a form that no page of the console sends."""
    try:
        verb = Verb(visit.posted("verb"))
        state = State(visit.posted("state") or (State.FALLBACK if verb is Verb.DRAIN else State.POISONED))
    except ValueError as error:
        raise BadRequest("there is no such action, or no such state") from error
    lead_ids = tuple(dict.fromkeys(visit.request.form.getlist("lead")))
    if not all(map(is_lead_id, lead_ids)):
        raise BadRequest("one of these is not a lead id")
    if not lead_ids and "all" not in visit.request.form:
        raise BadRequest("no lead is ticked: tick some, then choose what to do with them")
    if not lead_ids and state not in CHOOSABLE.get(verb, ()):
        raise BadRequest(f"leads that are {state} are named one by one for that")
    reason = visit.request.form.get("cause")
    return Choice(verb=verb, lead_ids=lead_ids, state=state, reason=reason, anyway=bool(visit.posted("anyway")))


def _rate(text: str) -> float | None:
    try:
        rate = float(text) if text else None
    except ValueError as error:
        raise BadRequest("the pace is a number of leads a second") from error
    if rate is not None and not 0.01 <= rate <= 1000:
        raise BadRequest("the pace is from 0.01 to 1000 leads a second")
    return rate
