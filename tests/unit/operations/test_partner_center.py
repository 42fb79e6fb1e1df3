"""The test lead, where it is posted, and what the answers mean."""

import json
from typing import Any

import pytest

from leadpipe.model.keys import EndpointKey
from leadpipe.model.lead import Lead
from leadpipe.operations.partner_center import Endpoint, StepFailed, endpoint_of, lead_id_of, post, validation_lead
from tests.factories import LEAD_ID

BLOBS = "AzureWebJobsStorage__blobServiceUri"
ENDPOINT = Endpoint(url="https://contoso.azurewebsites.net/api/leads", key="s3cret")


@pytest.mark.parametrize(
    ("url", "key", "endpoint", "used"),
    [
        ("https://contoso.azurewebsites.net", "k", "https://contoso.azurewebsites.net/api/leads", "k"),
        ("https://contoso.azurewebsites.net/", "", "https://contoso.azurewebsites.net/api/leads", None),
        ("https://c.net/api/leads?code=a%2Bb%3D%3D", "", "https://c.net/api/leads", "a+b=="),
        ("https://c.net/api/leads?code=old", "new", "https://c.net/api/leads", "new"),
        ("http://127.0.0.1:7071", "", "http://127.0.0.1:7071/api/leads", None),
        ("https://c.net/other/leads", "", "https://c.net/other/leads", None),
    ],
)
def test_the_address_may_be_the_apps_or_that_of_partner_center(
    url: str, key: str, endpoint: str, used: str | None
) -> None:
    made = endpoint_of(url, key)
    assert (made.url, made.key) == (endpoint, used)


@pytest.mark.parametrize("url", ["", "contoso", "ftp://c.net", "https://", "https://user:secret@c.net", "http://c.net"])
def test_an_address_that_cannot_be_used_is_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"not an address like|without https") as raised:
        endpoint_of(url, "")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "key"), [("@Microsoft.KeyVault(SecretUri=x)", ""), ("https://c.net", "'@Microsoft.KeyVault(SecretUri=x)'")]
)
def test_nothing_is_posted_where_the_address_or_the_key_is_still_a_reference(url: str, key: str) -> None:
    with pytest.raises(ValueError, match="is an unresolved Key Vault reference"):
        endpoint_of(url, key)


@pytest.mark.parametrize(
    ("url", "key"), [("https://c.net?code=sch%C3%BCtzt", ""), ("https://c.net", "clé"), ("https://c.net", "k\n")]
)
def test_a_key_that_no_header_carries_is_refused_before_anything_is_posted(url: str, key: str) -> None:
    with pytest.raises(ValueError, match="which no key has") as raised:
        endpoint_of(url, key)
    assert "clé" not in str(raised.value)


OWN = [EndpointKey(name="a", value="own-key-0123456789"), EndpointKey(name="b", value="other-key-0123456")]


@pytest.mark.parametrize(
    ("url", "key", "used", "own"),
    [
        ("https://c.net", "", "own-key-0123456789", "a"),
        ("https://c.net", "given", "given", ""),
        ("https://c.net/api/leads?code=there", "", "there", ""),
    ],
)
def test_without_a_key_the_first_of_the_settings_is_taken(url: str, key: str, used: str, own: str) -> None:
    made = endpoint_of(url, key, OWN)
    assert (made.key, made.own_key) == (used, own)
    assert used not in repr(made)


@pytest.mark.parametrize(
    ("endpoint", "body", "fact", "fix"),
    [
        (Endpoint(url="u", key="k"), {}, "the functions host says", "a key of the function leads"),
        (
            Endpoint(url="u", key="k", own_key="a"),
            {},
            "the functions host says",
            "set LEADPIPE_AUTH to keys in the app",
        ),
        (Endpoint(url="u", key="k"), {"error": "wrong_key"}, "leadpipe does not know the key", "LEADPIPE_KEYS with"),
        (Endpoint(url="u"), {"error": "wrong_key"}, "leadpipe wants a key", "LEADPIPE_KEYS with"),
        (
            Endpoint(url="u", key="k", own_key="a"),
            {"error": "wrong_key"},
            "leadpipe does not know the key",
            "has not the key a of these settings",
        ),
    ],
)
def test_a_401_of_leadpipe_is_not_that_of_the_host(
    endpoint: Endpoint, body: dict[str, Any], fact: str, fix: str
) -> None:
    with pytest.raises(StepFailed) as raised:
        lead_id_of(401, body, endpoint)
    assert fact in raised.value.fact
    assert fix in raised.value.fix


def test_an_app_that_can_read_no_key_names_its_setting() -> None:
    body = {"error": "keys_settings", "detail": "LEADPIPE_KEYS is not set" + "x" * 5000}
    with pytest.raises(StepFailed) as raised:
        lead_id_of(503, body, ENDPOINT)
    assert "LEADPIPE_KEYS is not set" in raised.value.fact
    assert len(raised.value.fact) < 500


def test_a_401_says_so_where_a_given_key_has_overruled_that_of_the_address() -> None:
    for url, overruled in (("https://c.net/api/leads?code=old", True), ("https://c.net/api/leads", False)):
        with pytest.raises(StepFailed) as raised:
            lead_id_of(401, {}, endpoint_of(url, "new"))
        assert ("the key in the address did not count" in raised.value.fix) == overruled


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://contoso.net/api/leads?code=s3cret", "https://contoso.net/api/leads,"),
        ("/login", "https://contoso.azurewebsites.net/login,"),
    ],
)
def test_where_it_sends_on_to_is_named_without_its_key(location: str, shown: str) -> None:
    with pytest.raises(StepFailed) as raised:
        lead_id_of(301, {}, ENDPOINT, location=location)
    assert f"it sends on to {shown}" in raised.value.fact
    assert "s3cret" not in raised.value.fact + raised.value.fix


def test_a_dead_proxy_is_named_without_its_password(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://jane:pass-word@127.0.0.1:{free_port}")
    with pytest.raises(StepFailed) as raised:
        post(ENDPOINT, validation_lead("1"))
    assert f"the proxy 127.0.0.1:{free_port} " in raised.value.fact
    assert "pass-word" not in raised.value.fact + raised.value.fix


def test_the_key_is_in_no_repr() -> None:
    assert "s3cret" not in repr(ENDPOINT)


def test_the_lead_is_one_that_validate_would_send() -> None:
    lead = Lead.from_payload(json.dumps(validation_lead("123")))
    assert lead.is_test
    assert (lead.email, lead.phone, lead.country) == ("MSFT_TEST_123@test.com", "1234567890", "US")


def test_other_digits_make_another_lead() -> None:
    one, other = (Lead.from_payload(json.dumps(validation_lead(digits))) for digits in ("1", "2"))
    assert one.fingerprint() != other.fingerprint()


def test_a_202_gives_the_lead_id() -> None:
    assert lead_id_of(202, {"status": "accepted", "lead_id": LEAD_ID}, ENDPOINT) == LEAD_ID


@pytest.mark.parametrize(
    ("status", "body", "fact", "fix"),
    [
        (401, {}, "the key is missing or wrong", "--key"),
        (403, {}, "stopped", "portal"),
        (404, {}, "nothing takes leads there", "correct the URL"),
        (503, {"error": "storage_unavailable", "detail": "…"}, "not kept: storage_unavailable", "leadpipe doctor"),
        (503, {"error": "storage_settings", "detail": f"{BLOBS} is not set"}, f"{BLOBS} is not set", "that setting"),
        (503, {}, "fails before leadpipe begins", "log"),
        (302, {}, "not leadpipe's answer", "/api/leads"),
        (202, {}, "not leadpipe's answer", "/api/leads"),
        (202, {"lead_id": "\x1b[2J"}, "not leadpipe's answer", "/api/leads"),
        (200, {"lead_id": LEAD_ID}, "not leadpipe's answer", "/api/leads"),
    ],
)
def test_every_other_answer_ends_with_what_to_do(status: int, body: dict[str, Any], fact: str, fix: str) -> None:
    with pytest.raises(StepFailed) as raised:
        lead_id_of(status, body, ENDPOINT)
    assert raised.value.step == "post"
    assert fact in raised.value.fact
    assert fix in raised.value.fix
    assert "s3cret" not in raised.value.fact + raised.value.fix
