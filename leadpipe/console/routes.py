"""Which address shows which page. Only what is posted can change anything."""

from typing import Any

from werkzeug.routing import BaseConverter, Map, Rule, ValidationError

from leadpipe.console.views import (
    activity,
    causes,
    doctor,
    edit,
    lead,
    leads,
    mapping,
    overview,
    plan,
    report,
)
from leadpipe.model.lead_id import is_lead_id


class LeadIdConverter(BaseConverter):
    regex = "[0-9a-f-]{36}"

    def to_python(self, value: str) -> str:
        if not is_lead_id(value):
            raise ValidationError
        return value


def _get(path: str, view: Any) -> Rule:
    return Rule(path, endpoint=view, methods=["GET"])


def _post(path: str, view: Any) -> Rule:
    return Rule(path, endpoint=view, methods=["POST"])


# What may be posted without the right to change leads: these write at most who looked.
FOR_READERS = frozenset({lead.reveal, mapping.try_lead, doctor.run, report.run})

ROUTES = Map(
    [
        _get("/", overview.show),
        _get("/leads", leads.show),
        _get("/leads.csv", leads.export),
        _get("/fallback", leads.show_fallback),
        _get("/rejected", leads.show_rejected),
        _get("/leads/<lead:lead_id>", lead.show),
        _post("/leads/<lead:lead_id>/reveal", lead.reveal),
        _get("/leads/<lead:lead_id>/edit", edit.show),
        _post("/leads/<lead:lead_id>/check", edit.check),
        _post("/leads/<lead:lead_id>/save", edit.save),
        _get("/causes", causes.show),
        _post("/plans", plan.make),
        _get("/plans/<string:plan_id>", plan.show),
        _post("/plans/<string:plan_id>/run", plan.run),
        _post("/plans/<string:plan_id>/stop", plan.stop),
        _get("/mapping", mapping.show),
        _post("/mapping", mapping.try_lead),
        _get("/doctor", doctor.show),
        _post("/doctor/run", doctor.run),
        _post("/doctor/send-test", doctor.send_test),
        _get("/activity", activity.show),
        _get("/report", report.show),
        _get("/report.csv", report.export),
        _post("/report/run", report.run),
    ],
    converters={"lead": LeadIdConverter},
    strict_slashes=False,
    merge_slashes=False,
)
