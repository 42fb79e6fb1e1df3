"""Reads when the certificate that leadpipe signs in with expires."""

from datetime import date

from leadpipe.model.errors import Blocked
from leadpipe.model.settings import Certificate, Settings


def certificate_ends(settings: Settings) -> date | None:
    """Gives its last day in UTC; None if leadpipe signs in otherwise, or the file cannot be used."""
    sign_in = settings.dataverse.sign_in if settings.dataverse else None
    if not isinstance(sign_in, Certificate):
        return None
    from leadpipe.dataverse.auth.certificate import load_certificate  # noqa: PLC0415 - few have one

    try:
        return load_certificate(sign_in.path, sign_in.password).not_after.date()
    except Blocked:
        return None
