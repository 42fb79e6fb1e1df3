"""Checks whether anybody hears of trouble. Posts nothing."""

from leadpipe.model.settings import Settings
from leadpipe.operations.doctor.finding import Finding, ok, skipped, warning
from leadpipe.operations.notify import HOW_TO_CONNECT, NOTIFY_SETTINGS

NOTIFY = "notify"


def look_at_notify(settings: Settings) -> Finding:
    """Warns at most: leads get through without it."""
    webhook = settings.webhook
    if webhook:
        fact = f"to {webhook.host}, in the format {webhook.shape}; `leadpipe notify --test` sends one"
        return ok(NOTIFY, fact)
    if any(fault.setting == NOTIFY_SETTINGS[0] for fault in settings.faults):
        return skipped(NOTIFY, "LEADPIPE_NOTIFY_URL cannot be used, see settings")
    fact = "LEADPIPE_NOTIFY_URL is not set: nobody hears of trouble unless they run a command"
    return warning(NOTIFY, fact, HOW_TO_CONNECT)
