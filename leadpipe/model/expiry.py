"""Computes when the sign-in credential expires, so that a warning comes before leads stop."""

from dataclasses import dataclass
from datetime import date, timedelta

from leadpipe.model.settings import Certificate, ClientSecret, Settings, UserPassword

# The warning comes once a day from 60 days before; it names the smallest of these that is left.
WARN_AT_DAYS = (60, 30, 7, 1)
# With so few days left it cannot wait for the next working week.
URGENT_DAYS = 7
# Microsoft's own connector asks for a new password every 90 days, and so do the directories that it was made for.
# https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-dynamics
PASSWORD_LASTS = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A credential and the last day on which it is sure to work. `name` is one word, for logs."""

    name: str
    on: date
    renew: str

    def days_left(self, today: date) -> int:
        """Negative once it is past."""
        return (self.on - today).days

    def within(self, today: date) -> int | None:
        """The smallest of 60, 30, 7 and 1 that is not less than the days left; 0 once it is past; None before that."""
        left = self.days_left(today)
        if left < 0:
            return 0
        return min((days for days in WARN_AT_DAYS if left <= days), default=None)

    def is_urgent(self, today: date) -> bool:
        return self.days_left(today) <= URGENT_DAYS

    def says(self, today: date) -> str:
        left = self.days_left(today)
        when = f"ended {-left} d ago" if left < 0 else "ends today" if left == 0 else f"ends in {left} d"
        return f"the {self.name.replace('_', ' ')} {when}, on {self.on:%Y-%m-%d}"


def ending_of(settings: Settings, *, certificate_ends: date | None) -> Ending | None:
    """When the credential in use expires; None if it never does or if no setting says when.

    `certificate_ends`: the certificate's own last day, if it could be read.
    """
    match settings.dataverse.sign_in if settings.dataverse else None:
        case ClientSecret() if settings.secret_expires:
            renew = "make a new client secret, put its value into DATAVERSE_CLIENT_SECRET and its date into"
            return Ending(name="client_secret", on=settings.secret_expires, renew=f"{renew} DATAVERSE_SECRET_EXPIRES")
        case Certificate() if certificate_ends:
            renew = "upload a new certificate to the application, and put its file in the place of the old one"
            return Ending(name="certificate", on=certificate_ends, renew=renew)
        case UserPassword() if settings.password_changed:
            renew = "change the password, and put it into DATAVERSE_PASSWORD and the day into"
            on = settings.password_changed + PASSWORD_LASTS
            return Ending(name="password", on=on, renew=f"{renew} DATAVERSE_PASSWORD_CHANGED")
        case _:
            return None


def untold(settings: Settings) -> str:
    """The setting that should say when the credential in use expires, but is missing; empty if nothing is missing."""
    match settings.dataverse.sign_in if settings.dataverse else None:
        case ClientSecret() if not settings.secret_expires:
            return "DATAVERSE_SECRET_EXPIRES"
        case UserPassword() if not settings.password_changed:
            return "DATAVERSE_PASSWORD_CHANGED"
        case _:
            return ""
