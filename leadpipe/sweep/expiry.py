"""Warns before the sign-in credential expires."""

import logging
from dataclasses import replace

from leadpipe.model.expiry import ending_of
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Marks
from leadpipe.sweep.run import Run, today

log = logging.getLogger(__name__)


def warn_of_expiry(marks: Marks, run: Run) -> Marks:
    """Logs once a day that the sign-in credential expires, beginning sixty days before."""
    if marks.expiry_told_on == today(run):
        return marks
    ending = ending_of(run.settings, certificate_ends=run.ports.certificate_ends())
    within = ending and ending.within(today(run))
    if ending is not None and within is not None:
        level = logging.ERROR if ending.is_urgent(today(run)) else logging.WARNING
        line = log_line(
            "credential_ends", credential=ending.name, within=within, days_left=ending.days_left(today(run))
        )
        log.log(level, line)
    return replace(marks, expiry_told_on=today(run))
