"""Which addresses notices may be posted to, and which shape their hosts take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.webhook import Shape, Webhook, shape_for, wrong_url

KEY = "made-up-key"


@pytest.mark.parametrize(
    "url",
    [
        f"https://hooks.slack.com/services/T0/B0/{KEY}",
        f"https://contoso.example:8443/hook?sig={KEY}",
        f"http://localhost:8080/{KEY}",
        f"http://127.0.0.1/{KEY}",
        f"http://[::1]:8080/{KEY}",
        f"HTTPS://Contoso.Example/{KEY}",
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_right(url: str) -> None:
    assert wrong_url(url) == ""


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"hooks.slack.com/services/{KEY}", "is no https address"),
        (f"ftp://contoso.example/{KEY}", "is no https address"),
        (f"https:///{KEY}", "is no https address"),
        (f"https://contoso.example:port/{KEY}", "is no https address"),
        (f"https://contoso.example/ {KEY}", "is no https address"),
        (f"https://contoso.example/\x00{KEY}", "is no https address"),
        (f'"https://contoso.example/{KEY}"', "is no https address"),
        (f"https://[::1/{KEY}", "is no https address"),
        (f"https://jane:{KEY}@contoso.example/", "has a user name or a password"),
        (f"https://@contoso.example/{KEY}", "has a user name or a password"),
        (f"https://:{KEY}@contoso.example/", "has a user name or a password"),
        (f"http://contoso.example/{KEY}", "is not https"),
        (f"http://127.0.0.1.contoso.example/{KEY}", "is not https"),
        (f"http://localhost.contoso.example/{KEY}", "is not https"),
    ],
)
def test_anything_else_is_wrong_and_is_not_quoted(url: str, problem: str) -> None:
    assert wrong_url(url).startswith(problem)
    assert KEY not in wrong_url(url)


@given(text=st.text())
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    if not wrong_url(text):
        assert shape_for(text) in Shape


@pytest.mark.parametrize(
    ("host", "shape"),
    [
        ("prod-23.westeurope.logic.azure.com:443", Shape.TEAMS),
        ("default0000.36.environment.api.powerplatform.com:443", Shape.TEAMS),
        ("contoso.webhook.office.com", Shape.TEAMS),
        ("PROD-23.WestEurope.Logic.Azure.Com", Shape.TEAMS),
        ("hooks.slack.com", Shape.SLACK),
        ("hooks.slack-gov.com", Shape.SLACK),
        ("hooks.slack.com.", Shape.SLACK),
        ("hooks.slack.com.contoso.example", Shape.JSON),
        ("nothooks.slack.com", Shape.JSON),
        ("evil-logic.azure.com", Shape.JSON),
        ("logic.azure.com.contoso.example", Shape.JSON),
        ("events.pagerduty.com", Shape.JSON),
        ("127.0.0.1:8080", Shape.JSON),
    ],
)
def test_the_host_decides_the_shape(host: str, shape: Shape) -> None:
    assert shape_for(f"https://{host}/workflows/{KEY}?host=hooks.slack.com") is shape


def test_a_webhook_shows_its_host_and_never_its_address() -> None:
    webhook = Webhook(url=f"https://hooks.slack.com:443/services/{KEY}", shape=Shape.SLACK)
    assert webhook.host == "hooks.slack.com"
    assert KEY not in repr(webhook) + str(webhook)
