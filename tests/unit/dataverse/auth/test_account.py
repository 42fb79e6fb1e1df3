"""An account that signs in at its company's own server, through msal as it is; the servers are scripted."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from leadpipe.dataverse.auth import account
from leadpipe.dataverse.auth.account import by_password
from leadpipe.model.errors import Blocked
from leadpipe.model.settings import Dataverse, UserPassword

AUTHORITY = "https://sign-in.example:8443"
COMPANY = "https://sts.contoso.example"
ACTIVE = f"{COMPANY}/adfs/services/trust/13/usernamemixed"
METADATA = f"{COMPANY}/adfs/services/trust/mex"
SIGN_IN = UserPassword(tenant_id="organizations", client_id="app", username="jane@contoso.example", password="Pa55")

NO_ENDPOINT = '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>'
REFUSAL = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault>
<s:Code><s:Subcode><s:Value>FailedAuthentication</s:Value></s:Subcode></s:Code>
<s:Reason><s:Text>jane@contoso.example may not</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"""
ASSERTION = """<t:RequestSecurityTokenResponse xmlns:t="http://schemas.xmlsoap.org/ws/2005/02/trust">
<t:TokenType>urn:oasis:names:tc:SAML:1.0:assertion</t:TokenType>
<t:RequestedSecurityToken>
<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion"/>
</t:RequestedSecurityToken>
</t:RequestSecurityTokenResponse>"""


@dataclass
class Answer:
    text: str
    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def raise_for_status(self) -> None:
        assert self.status_code < 400


class Servers:
    """Entra, which sends the account to its company's server, and that server."""

    def __init__(self, company: dict[str, str], *, active: bool) -> None:
        self.company = company
        where = {"federation_active_auth_url": ACTIVE} if active else {"federation_metadata_url": METADATA}
        self.realm = json.dumps({"account_type": "Federated", **where})
        self.asked: list[tuple[str, Any]] = []
        self.token = {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}

    def get(self, url: str, **_: Any) -> Answer:
        if "userrealm" in url:
            return Answer(self.realm)
        if "openid-configuration" in url:
            found = {"authorization_endpoint": f"{AUTHORITY}/authorize", "token_endpoint": f"{AUTHORITY}/token"}
            return Answer(json.dumps({**found, "issuer": AUTHORITY}))
        return Answer(self.company[url])

    def post(self, url: str, data: Any = None, **_: Any) -> Answer:
        self.asked.append((url, data))
        if url.startswith(COMPANY):
            return Answer(self.company[url])
        return Answer(json.dumps(self.token))

    def close(self) -> None:
        pass


Asking = Callable[[Servers], dict[str, Any]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Asking:
    def ask(servers: Servers) -> dict[str, Any]:
        monkeypatch.setattr(account, "http_client_for", lambda _: servers)
        dataverse = Dataverse(url="https://contoso.crm4.dynamics.com", authority=AUTHORITY, sign_in=SIGN_IN)
        return by_password(dataverse, SIGN_IN)()

    return ask


def test_a_company_account_with_its_own_server_signs_in_there_and_brings_the_assertion(ask: Asking) -> None:
    servers = Servers({ACTIVE: ASSERTION}, active=True)
    assert ask(servers)["access_token"] == "token"
    (asked_company, soap), (_, form) = servers.asked
    assert asked_company.startswith(COMPANY)
    assert "Pa55" in soap
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:saml1_1-bearer"
    assert "password" not in form


@pytest.mark.parametrize(
    ("answer", "active"),
    [(REFUSAL, True), ("<html>busy", True), (NO_ENDPOINT, False), ("<html>no metadata", False)],
    ids=["refused", "no XML", "no such endpoint", "metadata that is none"],
)
def test_what_the_companys_server_does_instead_blocks_with_its_name_and_without_its_words(
    ask: Asking, answer: str, active: bool
) -> None:
    url = ACTIVE if active else METADATA
    with pytest.raises(Blocked) as raised:
        ask(Servers({url: answer}, active=active))
    assert raised.value.slug == "federation_refused"
    assert "jane" not in str(raised.value)
    assert "Pa55" not in str(raised.value)


def test_an_answer_of_entra_that_is_none_is_not_the_companys_fault(ask: Asking) -> None:
    servers = Servers({}, active=True)
    servers.realm = "<html>"
    with pytest.raises(json.JSONDecodeError):
        ask(servers)


def test_an_assertion_that_entra_does_not_take_is_the_companys_servers(ask: Asking) -> None:
    servers = Servers({ACTIVE: ASSERTION}, active=True)
    servers.token = {
        "error": "invalid_grant",
        "error_description": "AADSTS50013: Assertion failed signature validation.",
    }
    with pytest.raises(Blocked) as raised:
        ask(servers)
    assert (raised.value.slug, raised.value.detail) == ("federation_broken", "AADSTS50013 invalid_grant")


def test_another_refusal_of_entra_goes_on_as_it_is(ask: Asking) -> None:
    servers = Servers({ACTIVE: ASSERTION}, active=True)
    servers.token = {"error": "invalid_grant", "error_description": "AADSTS50057: The account is disabled."}
    assert ask(servers)["error_description"].startswith("AADSTS50057")


@pytest.mark.parametrize("where", [7, ["https://sts.contoso.example"], {"a": 1}, True])
def test_a_server_of_its_own_of_another_kind_blocks(ask: Asking, where: Any) -> None:
    servers = Servers({}, active=True)
    servers.realm = json.dumps({"account_type": "Federated", "federation_active_auth_url": where})
    with pytest.raises(Blocked, match="federation_refused"):
        ask(servers)
