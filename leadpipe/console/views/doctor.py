"""The doctor's checks and a test lead, run when asked for; each line is shown as it comes."""

from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest

from leadpipe.operations.doctor.examination import examine
from leadpipe.operations.partner_center import endpoint_of
from leadpipe.operations.send_test import Trial

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit

REFRESH_SECONDS = 2
PATIENCE_SECONDS = 60.0
EXAMINATION, TRIAL = "doctor", "send-test"


def show(visit: "Visit") -> "Response":
    jobs, hosted = visit.console.jobs, visit.console.door.is_hosted
    running = [job for name in (EXAMINATION, TRIAL) if (job := jobs.get(name)) and job.is_running]
    return visit.page(
        "doctor.html",
        page="doctor",
        title="Doctor",
        examination=jobs.get(EXAMINATION),
        trial=jobs.get(TRIAL),
        url=visit.console.environment.get("LEADPIPE_URL") or ("" if hosted else visit.target.local_url),
        refresh=REFRESH_SECONDS if running else None,
    )


def run(visit: "Visit") -> "Response":
    target, environment, now = visit.target, visit.console.environment, visit.console.now
    visit.console.start(EXAMINATION, lambda _: examine(target, environment, now))
    return visit.go("/doctor")


def send_test(visit: "Visit") -> "Response":
    """Posts a test lead and follows it into Dynamics."""
    try:
        endpoint = endpoint_of(visit.posted("url"), visit.posted("key"), visit.target.settings.keys)
    except ValueError as error:
        raise BadRequest(str(error)) from error
    trial = Trial(visit.target, endpoint, patience=PATIENCE_SECONDS)
    remove = bool(visit.posted("remove"))
    visit.console.start(TRIAL, lambda _: trial.steps(remove=remove))
    return visit.go("/doctor")
