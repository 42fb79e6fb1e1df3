"""When the credential in use ends."""

from datetime import date

from leadpipe.model.expiry import ending_of, untold
from leadpipe.model.settings import ManagedIdentity, Settings
from leadpipe.ops.doctor.finding import Finding, ok, skipped, warning

EXPIRY = "expiry"


def look_at_expiry(settings: Settings, today: date, *, certificate_ends: date | None) -> Finding:
    """A warning at most: that it has ended is seen at sign-in, and that alone stops leads."""
    ending = ending_of(settings, certificate_ends=certificate_ends)
    if ending is not None:
        if ending.within(today) is None:
            return ok(EXPIRY, ending.says(today))
        return warning(EXPIRY, ending.says(today), ending.renew)
    if missing := untold(settings):
        fix = f"set {missing}, a date like 2027-01-31"
        return warning(EXPIRY, f"{missing} is not set: nobody will be warned before leads stop", fix)
    if settings.dataverse is None:
        return skipped(EXPIRY, "no way to sign in is set")
    if isinstance(settings.dataverse.sign_in, ManagedIdentity):
        return ok(EXPIRY, "a managed identity never ends")
    return skipped(EXPIRY, "the certificate cannot be read")
