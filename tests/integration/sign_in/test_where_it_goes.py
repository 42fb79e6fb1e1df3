"""A secret, a password, an identity header and a lead go to the address that the settings name, and to no other."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from leadpipe.dataverse.auth.authority import require_own_host
from leadpipe.model.errors import Blocked, Transient
from leadpipe.operations.partner_center import Endpoint, StepFailed, post, validation_lead
from tests.factories import LEAD_ID, lead
from tests.integration.sign_in.conftest import failure_of
from tests.listening import Listener, listening

REDIRECTS = (301, 302, 303, 307, 308)


@pytest.fixture
def elsewhere() -> Iterator[Listener]:
    """A place where nobody may come."""
    with listening() as place:
        yield place


def answers(signing_in: Any, kind: str, status: int, body: Any = None, *headers: str) -> None:
    content = b"" if body is None else json.dumps(body).encode()
    head = "\r\n".join([f"HTTP/1.1 {status} Odd", "Connection: close", f"Content-Length: {len(content)}", *headers])
    raw = head.encode() + b"\r\n\r\n" + content
    signing_in.standin.fault(kind, raw=base64.b64encode(raw).decode())


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("client_secret", "discovery_raw"),
        ("client_secret", "token_raw"),
        ("certificate_pem", "token_raw"),
        ("user_password", "user_realm_raw"),
        ("user_password", "token_raw"),
    ],
)
def test_no_redirect_of_the_sign_in_host_is_followed(
    signing_in: Any, elsewhere: Listener, way: str, kind: str, status: int
) -> None:
    answers(signing_in, kind, status, None, f"Location: https://{elsewhere.netloc}/token")

    assert signing_in.refusal(way) == ("not_entra", f"it answered {status}, which points to 127.0.0.1")
    assert elsewhere.came == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("status", REDIRECTS)
def test_no_redirect_of_the_platforms_identity_is_followed(
    signing_in: Any, elsewhere: Listener, status: int, scheme: str
) -> None:
    answers(signing_in, "token_raw", status, None, f"Location: {scheme}://{elsewhere.netloc}/token")

    reason, detail = signing_in.refusal("managed_identity_system")
    assert (reason, detail) == ("managed_identity_failed", f"it answered {status}, which points to 127.0.0.1")
    assert elsewhere.came == 0


@pytest.mark.parametrize("status", REDIRECTS)
def test_no_redirect_of_dynamics_is_followed(signing_in: Any, elsewhere: Listener, status: int) -> None:
    answers(signing_in, "data_raw", status, None, f"Location: https://{elsewhere.netloc}/api/data/v9.2/leads")
    client = signing_in.client()

    for call in (lambda: client.create(LEAD_ID, lead()), lambda: client.has(LEAD_ID)):
        failure = failure_of(call)
        assert (type(failure), failure.slug, failure.detail) == (Blocked, "not_dynamics", str(status))
    assert elsewhere.came == 0


@pytest.mark.parametrize("location", ["https://{}/api/leads?code=k3y", "https://[::1/", "//\xff"])
def test_no_redirect_of_the_app_itself_is_followed(signing_in: Any, elsewhere: Listener, location: str) -> None:
    answers(signing_in, "discovery_raw", 302, None, f"Location: {location.format(elsewhere.netloc)}")
    standin = signing_in.standin
    signing_in.dataverse()
    tenant = standin.settings["DATAVERSE_TENANT_ID"]
    answers(signing_in, "token_raw", 302, None, f"Location: {location.format(elsewhere.netloc)}")
    endpoint = Endpoint(url=f"{standin.url.replace('localhost', '127.0.0.1')}/{tenant}/oauth2/v2.0/token", key="k3y")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Endpoint, "is_local", False)  # a local one is not trusted by the settings' certificates
        with pytest.raises(StepFailed) as failed:
            post(endpoint, validation_lead("1"))

    assert "sends on to" in failed.value.fact
    assert "k3y" not in failed.value.fact
    assert elsewhere.came == 0


@pytest.mark.parametrize("way", ["client_secret", "certificate_pfx", "user_password"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_proves_who_we_are_is_not_sent_where_a_document_names_another_place(
    signing_in: Any, elsewhere: Listener, way: str, scheme: str
) -> None:
    place = f"{scheme}://{elsewhere.netloc}/contoso/oauth2/v2.0"
    endpoints = {"authorization_endpoint": f"{place}/authorize", "token_endpoint": f"{place}/token"}
    answers(signing_in, "discovery_raw", 200, {"issuer": place, **endpoints})

    reason, detail = signing_in.refusal(way)
    named = "not a plain https address" if scheme == "http" else f"at {elsewhere.netloc}"
    assert (reason, detail) == ("not_entra", f"its token_endpoint is {named}")
    assert elsewhere.came == 0


@pytest.mark.parametrize("name", ["federation_active_auth_url", "federation_metadata_url"])
def test_a_password_goes_to_no_companys_server_without_https(signing_in: Any, elsewhere: Listener, name: str) -> None:
    where = {name: f"http://{elsewhere.netloc}/adfs/services/trust/13/usernamemixed"}
    answers(signing_in, "user_realm_raw", 200, {"account_type": "Federated", **where})

    assert signing_in.refusal("user_password") == ("not_entra", "it names 127.0.0.1 without https")
    assert elsewhere.came == 0


@pytest.mark.parametrize(
    "endpoint", ["http://contoso.example/msi", "http://8.8.8.8/msi", "ftp://127.0.0.1/", "http://["]
)
def test_the_identitys_header_leaves_the_apps_own_network_by_https_alone(
    signing_in: Any, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    tokens = signing_in.tokens("managed_identity_system")
    monkeypatch.setenv("IDENTITY_ENDPOINT", endpoint)

    failure = failure_of(tokens.token)
    assert (failure.slug, failure.detail) == (
        "managed_identity_missing",
        "IDENTITY_ENDPOINT is neither https nor on the app's own network",
    )


def test_on_the_apps_own_network_the_platform_is_asked_without_https(
    signing_in: Any, elsewhere: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = signing_in.tokens("managed_identity_system")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://{elsewhere.netloc}/msi/token")

    assert isinstance(failure_of(tokens.token), Transient)
    assert elsewhere.came > 0


def test_a_region_in_the_environment_sends_the_secret_nowhere_else(
    signing_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSAL_FORCE_REGION", "westeurope")

    assert signing_in.tokens().token()


@pytest.mark.parametrize(("asked", "kept"), [("60", 60), ("86400", 300), ("soon", None)])
@pytest.mark.parametrize(("way", "kind"), [("client_secret", "discovery_raw"), ("managed_identity_user", "token_raw")])
def test_a_pause_that_is_asked_for_holds_no_thread(
    signing_in: Any, way: str, kind: str, asked: str, kept: int | None
) -> None:
    answers(signing_in, kind, 503, None, f"Retry-After: {asked}")
    began = time.monotonic()

    failure = failure_of(signing_in.tokens(way).token)

    assert time.monotonic() - began < 20
    assert isinstance(failure, Transient)
    assert failure.retry_after == (None if kept is None else timedelta(seconds=kept))


PUBLIC, GOVERNMENT = "https://login.microsoftonline.com", "https://login.microsoftonline.us"
CHINA = "https://login.partner.microsoftonline.cn"


@pytest.mark.parametrize(
    ("authority", "endpoint"),
    [
        (PUBLIC, f"{PUBLIC}/contoso/oauth2/v2.0/token"),
        (PUBLIC, "https://LOGIN.microsoftonline.com:443/contoso/oauth2/v2.0/token"),
        (PUBLIC, "https://login.windows.net/contoso/oauth2/v2.0/token"),
        ("https://login.microsoft.com", f"{PUBLIC}/contoso/oauth2/v2.0/token"),
        ("https://login.windows.net", f"{PUBLIC}/contoso/oauth2/v2.0/token"),
        (GOVERNMENT, f"{GOVERNMENT}/contoso/oauth2/v2.0/token"),
        (CHINA, f"{CHINA}/contoso/oauth2/v2.0/token"),
        ("https://login.chinacloudapi.cn", f"{CHINA}/contoso/oauth2/v2.0/token"),
        ("https://sign-in.contoso.com", "https://sign-in.contoso.com/oauth2/token?p=b2c_1"),
        ("https://localhost:8443", "https://localhost:8443/contoso/oauth2/v2.0/token"),
    ],
)
def test_a_cloud_goes_by_each_of_its_own_names(authority: str, endpoint: str) -> None:
    require_own_host(endpoint, authority)


@pytest.mark.parametrize(
    ("authority", "endpoint", "reason"),
    [
        (PUBLIC, f"{GOVERNMENT}/contoso/oauth2/v2.0/token", "cloud_wrong"),
        (PUBLIC, f"{CHINA}/contoso/oauth2/v2.0/token", "cloud_wrong"),
        (GOVERNMENT, "https://login.windows.net/contoso/oauth2/v2.0/token", "cloud_wrong"),
        (PUBLIC, "https://login.microsoftonline.com:8443/token", "not_entra"),
        (PUBLIC, "https://login.microsoftonline.com.evil.example/token", "not_entra"),
        (PUBLIC, "https://evil.example/login.microsoftonline.com", "not_entra"),
        (PUBLIC, "https://login.microsoftonline.com@evil.example/token", "not_entra"),
        (PUBLIC, "https://evil.example\\@login.microsoftonline.com/token", "not_entra"),
        (PUBLIC, "https://evil.example#@login.microsoftonline.com/token", "not_entra"),
        (PUBLIC, "https://login.microsoftonline.com\n.evil.example/token", "not_entra"),
        (PUBLIC, "http://login.microsoftonline.com/token", "not_entra"),
        (PUBLIC, "//login.microsoftonline.com/token", "not_entra"),
        (PUBLIC, "https://login.microsoftonline.com:999999/token", "not_entra"),
        (PUBLIC, None, "not_entra"),
        (PUBLIC, ["https://login.microsoftonline.com/token"], "not_entra"),
        ("https://localhost:8443", "https://localhost:8444/token", "not_entra"),
        ("https://localhost:8443", "https://localhost/token", "not_entra"),
        ("https://sign-in.contoso.com", f"{PUBLIC}/token", "cloud_wrong"),
    ],
)
def test_another_place_is_named_and_gets_nothing(authority: str, endpoint: Any, reason: str) -> None:
    with pytest.raises(Blocked) as blocked:
        require_own_host(endpoint, authority)

    assert blocked.value.slug == reason
    assert "token_endpoint" in blocked.value.detail
