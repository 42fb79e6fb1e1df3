"""When a credential ends, and how loud that is."""

from datetime import date, timedelta

import pytest

from leadpipe.model.expiry import Ending, ending_of, untold
from leadpipe.model.settings import Certificate, ClientSecret, Dataverse, ManagedIdentity, SignIn, UserPassword
from tests.factories import CLIENT_ID, ORGANISATION, TENANT_ID, settings

TODAY = date(2026, 3, 14)
SECRET = ClientSecret(tenant_id=TENANT_ID, client_id=CLIENT_ID, secret="s")
CERTIFICATE = Certificate(tenant_id=TENANT_ID, client_id=CLIENT_ID, path="c.pem", password=None)
IDENTITY = ManagedIdentity(client_id=None)
PASSWORD = UserPassword(tenant_id=TENANT_ID, client_id=CLIENT_ID, username="u", password="p")


def signing_in(sign_in: SignIn) -> Dataverse:
    return Dataverse(url=ORGANISATION, authority="https://login.microsoftonline.com", sign_in=sign_in)


def ending(days: int) -> Ending:
    return Ending(name="client_secret", on=TODAY + timedelta(days=days), renew="")


@pytest.mark.parametrize(
    ("days", "within"),
    [(61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 1), (-1, 0), (-400, 0)],
)
def test_each_step_is_come_to_on_its_day(days: int, within: int | None) -> None:
    assert ending(days).within(TODAY) == within


@pytest.mark.parametrize(("days", "urgent"), [(8, False), (7, True), (-1, True)])
def test_a_week_before_the_end_it_is_urgent(days: int, urgent: bool) -> None:
    assert ending(days).is_urgent(TODAY) is urgent


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (30, "the client secret ends in 30 d, on 2026-04-13"),
        (0, "the client secret ends today, on 2026-03-14"),
        (-3, "the client secret ended 3 d ago, on 2026-03-11"),
    ],
)
def test_it_is_said_with_the_day(days: int, says: str) -> None:
    assert ending(days).says(TODAY) == says


def test_a_password_ends_90_days_after_it_was_changed() -> None:
    made = ending_of(settings(dataverse=signing_in(PASSWORD), password_changed=TODAY), certificate_ends=None)
    assert made is not None
    assert (made.name, made.days_left(TODAY)) == ("password", 90)


@pytest.mark.parametrize(
    ("sign_in", "name"),
    [(SECRET, "client_secret"), (CERTIFICATE, "certificate"), (PASSWORD, "password"), (IDENTITY, None)],
)
def test_only_what_is_signed_in_with_ends(sign_in: SignIn, name: str | None) -> None:
    """A date left behind by another way to sign in frightens nobody."""
    whole = settings(dataverse=signing_in(sign_in), secret_expires=TODAY, password_changed=TODAY)
    made = ending_of(whole, certificate_ends=TODAY)
    assert (made.name if made else None) == name


def test_without_an_organisation_nothing_ends() -> None:
    assert ending_of(settings(dataverse=None, secret_expires=TODAY), certificate_ends=TODAY) is None


@pytest.mark.parametrize(
    ("sign_in", "setting"),
    [
        (SECRET, "DATAVERSE_SECRET_EXPIRES"),
        (PASSWORD, "DATAVERSE_PASSWORD_CHANGED"),
        (CERTIFICATE, ""),
        (IDENTITY, ""),
    ],
)
def test_the_setting_is_named_without_which_nobody_could_be_warned(sign_in: SignIn, setting: str) -> None:
    assert untold(settings(dataverse=signing_in(sign_in))) == setting


def test_a_date_that_is_set_is_not_asked_for() -> None:
    assert untold(settings(secret_expires=TODAY)) == ""
