"""Checks when the sign-in credential expires."""

from datetime import date, timedelta

from leadpipe.model.expiry import PASSWORD_LASTS, Ending, ending_of, untold
from leadpipe.model.settings import ManagedIdentity, Settings
from leadpipe.operations.doctor.finding import Finding, ok, skipped, warning

EXPIRY = "expiry"
_ANY_TIME_ZONE = timedelta(days=1)


def look_at_expiry(settings: Settings, today: date, *, certificate_ends: date | None) -> Finding:
    """Warns at most: an expired credential fails at sign-in, and only that stops leads."""
    if ending := ending_of(settings, certificate_ends=certificate_ends):
        return _of_ending(ending, today)
    if missing := untold(settings):
        return _of_missing(missing, settings)
    if settings.dataverse is None:
        return skipped(EXPIRY, "no sign-in is set")
    if isinstance(settings.dataverse.sign_in, ManagedIdentity):
        return ok(EXPIRY, "a managed identity never expires")
    return skipped(EXPIRY, "the certificate cannot be read")


def _of_ending(ending: Ending, today: date) -> Finding:
    if ending.name == "password" and ending.on > today + PASSWORD_LASTS + _ANY_TIME_ZONE:
        fact = "DATAVERSE_PASSWORD_CHANGED is in the future: the warning would come too late"
        return warning(EXPIRY, fact, "set it to the day on which the password was last changed")
    if ending.within(today) is None:
        return ok(EXPIRY, ending.says(today))
    return warning(EXPIRY, ending.says(today), ending.renew)


def _of_missing(setting: str, settings: Settings) -> Finding:
    if any(fault.setting == setting for fault in settings.faults):
        return skipped(EXPIRY, f"{setting} cannot be read, see settings")
    fact = f"{setting} is not set: nobody will be warned before leads stop"
    return warning(EXPIRY, fact, f"set {setting}, a date like 2027-01-31")
