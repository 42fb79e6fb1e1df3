"""The sweep says once a day that a credential ends."""

import logging
from datetime import timedelta

import pytest

from leadpipe.model.settings import Certificate, Dataverse, Settings
from leadpipe.sweep import sweep
from tests.factories import CLIENT_ID, ORGANISATION, TENANT_ID, settings
from tests.fakes import NOW, World


def swept(world: World, whole: Settings, caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """The lines about it."""
    caplog.clear()
    with caplog.at_level(logging.INFO):
        sweep(now=world.now, chance=0.5, ports=world.ports, settings=whole)
    return [line for line in caplog.records if line.getMessage().startswith("credential_ends")]


def test_it_is_said_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    world, whole = World(), settings(secret_expires=(NOW + timedelta(days=29)).date())
    (line,) = swept(world, whole, caplog)
    assert line.getMessage() == "credential_ends credential=client_secret within=30 days_left=29"
    assert line.levelname == "WARNING"
    world.at += timedelta(minutes=1)
    assert swept(world, whole, caplog) == []
    world.at += timedelta(days=1)
    (line,) = swept(world, whole, caplog)
    assert "days_left=28" in line.getMessage()


def test_in_the_last_week_it_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = swept(World(), settings(secret_expires=(NOW + timedelta(days=7)).date()), caplog)
    assert line.levelname == "ERROR"


def test_nothing_is_said_while_the_end_is_far_off(caplog: pytest.LogCaptureFixture) -> None:
    assert swept(World(), settings(secret_expires=(NOW + timedelta(days=61)).date()), caplog) == []


def test_a_certificates_own_end_counts(caplog: pytest.LogCaptureFixture) -> None:
    sign_in = Certificate(tenant_id=TENANT_ID, client_id=CLIENT_ID, path="c.pem", password=None)
    dataverse = Dataverse(url=ORGANISATION, authority="https://login.microsoftonline.com", sign_in=sign_in)
    world = World()
    world.certificate_ends = (NOW - timedelta(days=1)).date()
    (line,) = swept(world, settings(dataverse=dataverse), caplog)
    assert line.getMessage() == "credential_ends credential=certificate within=0 days_left=-1"
