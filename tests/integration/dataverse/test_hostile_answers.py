"""Whatever the sign-in host or Dynamics answers: no lead is poisoned that Dynamics itself did not refuse, no delivery
crashes, a fault that hits every lead shuts the gate, and when it is over the leads go out by themselves.

The client, msal and TLS are real; the stand-in sends the answers byte by byte. Time is the simulation's.
"""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from leadpipe import intake
from leadpipe.dataverse.auth import tokens_for
from leadpipe.dataverse.client import DataverseClient
from leadpipe.mapping.default import columns_of
from leadpipe.mapping.note import note_of
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Receipt, Rerouted
from leadpipe.model.record import OPEN, Record, State
from leadpipe.model.settings import Settings
from leadpipe.operations.causes import CAUSES
from tests.factories import LEAD_ID, payload
from tests.fakes import NOW
from tests.host_simulation import Day, Watched
from tests.standin_process import Standin

pytestmark = pytest.mark.usefixtures("no_collection")

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LEADS = 3
# Leads' own pauses have grown to ten minutes by then, and a fifth more.
HEALED_WITHIN = 15 * MINUTE
# Three leads that come at once, and the gate's probes after 10, 20, 40 and 80 seconds.
MOST_CALLS = LEADS + 4

SECRET, PASSWORD, IDENTITY = "client_secret", "user_password", "managed_identity_system"


# Answers


def http(status: int = 200, body: bytes | str = b"", *more: str, kind: str = "application/json") -> bytes:
    """A whole answer, the last on its connection. `more`: further header lines."""
    content = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} Odd", "Connection: close", f"Content-Type: {kind}", f"Content-Length: {len(content)}"]
    return "\r\n".join([*head, *more]).encode("latin-1") + b"\r\n\r\n" + content


def html(status: int, *more: str) -> bytes:
    return http(status, "<html><title>Please accept the terms</title></html>", *more, kind="text/html")


def said(content: Any, status: int = 200, *more: str) -> bytes:
    return http(status, json.dumps(content), *more)


def token(status: int = 200, **changes: Any) -> bytes:
    """A token answer whose token is for nobody."""
    return said({"token_type": "Bearer", "expires_in": 3599, "access_token": "nobodys.token", **changes}, status)


def document(**changes: Any) -> bytes:
    place = "https://localhost/contoso/oauth2/v2.0"
    whole = {"issuer": place, "authorization_endpoint": f"{place}/authorize", "token_endpoint": f"{place}/token"}
    return said({name: value for name, value in {**whole, **changes}.items() if value is not None})


def error(code: Any, message: Any = "Something is wrong.", status: int = 400, *more: str) -> bytes:
    return said({"error": {"code": code, "message": message}}, status, *more)


def packed(content: bytes, how: str) -> bytes:
    return http(200, content, f"Content-Encoding: {how}")


# Answers that are nobody's: what a proxy, a captive portal or a broken gateway sends in the place of either.
DEEP = b'{"error":' * 50_000
NOT_HTTP = {
    "nothing at all": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a status that is no number": b"HTTP/1.1 two hundred\r\n\r\n",
    "HTTP of another age": b"HTTP/9.9 200 OK\r\n\r\n",
    "a status line without end": b"HTTP/1.1 200 " + b"x" * 70_000,
    "more headers than are read": b"HTTP/1.1 200 OK\r\n" + b"X-Odd: 1\r\n" * 200 + b"\r\n",
    "a header without a colon": b"HTTP/1.1 500 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n",
    "a body that is cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
    "a length that is no number": b"HTTP/1.1 500 OK\r\nContent-Length: soon\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 500 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "chunks that are none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "a chunk that is cut off": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}",
    "chunks of a negative length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n",
    "gzip that is none": packed(b"no gzip", "gzip"),
    "gzip that is cut off": packed(gzip.compress(b"{}" * 900)[:20], "gzip"),
    "deflate that is none": packed(b"\x00\x01", "deflate"),
    "a bomb": packed(gzip.compress(b" " * (40 << 20)), "gzip"),
    "an encoding in an encoding": packed(gzip.compress(zlib.compress(b"{}")), "gzip, deflate"),
}
NOT_THEIRS = {
    "a web page": html(200),
    "a web page as 400": html(400),
    "a web page as 403": html(403),
    "a web page as 404": html(404),
    "a web page as 418": html(418),
    "a web page as 500": html(500),
    "a web page as 503": html(503, "Retry-After: 2"),
    "a pause of another kind": html(503, "Retry-After: Fri, 31 Dec 2027 23:59:59 GMT"),
    "a pause that is none": html(429, "Retry-After: -7"),
    "an empty answer": http(200),
    "no content": http(204),
    "an empty 400": http(400),
    "a status of its own": http(999, "{}"),
    "a new protocol": http(101),
    "null": said(None),
    "a list": said([{"access_token": "t"}]),
    "a text": said("no"),
    "a number": said(7),
    "an empty object": said({}),
    "JSON without an end": http(200, DEEP),
    "a number of thousands of digits": http(200, b'{"expires_in": ' + b"9" * 9_000 + b"}"),
    "a character set that does not exist": http(200, "{}", kind="application/json; charset=klingon"),
    "a character set that fails": http(200, "{}", kind="application/json; charset=undefined"),
    "a character set for bytes": http(200, "{}", kind="application/json; charset=base64"),
    "UTF-16": http(200, '{"error": "é"}'.encode("utf-16")),
    "bytes": http(200, bytes(range(256))),
    "a redirect": http(302, b"", "Location: https://127.0.0.1:1/elsewhere"),
    "a redirect for good": http(308, b"", "Location: http://127.0.0.1:1/elsewhere"),
    "a redirect to no address": http(301, b"", "Location: https://[::1/x"),
    "a redirect in other characters": http(302, b"", "Location: https://\xfc\xe9\xff/\xc3"),
    "a redirect without a target": http(307),
    "a redirect with more headers in it": http(302, b"", "Location: /a%0d%0aX-Odd:%201"),
    "cookies without end": html(500, *(f"Set-Cookie: a{n}=b; Expires=never; Max-Age=x" for n in range(60))),
}
UNREADABLE = {**NOT_HTTP, **NOT_THEIRS}

# Sign-in alone. The reasons are those that the waiting leads show.
TOKEN_ANSWERS = {
    "a token for nobody": (token(), "token_refused"),
    "a token that is a number": (token(access_token=7), "not_entra"),
    "a token that is a list": (token(access_token=["t"]), "not_entra"),
    "a token that is an object": (token(access_token={"a": 1}), "not_entra"),
    "a token that is true": (token(access_token=True), "not_entra"),
    "a token with a line in it": (token(access_token="t\r\nX-Odd: 1"), "not_entra"),
    "a token in other characters": (token(access_token="tökén"), "not_entra"),
    "a token beyond Latin-1": (token(access_token="токен"), "not_entra"),
    "a token too large for a header": (token(access_token="t" * 200_000), "not_entra"),
    "an empty token": (token(access_token=""), "sign_in_refused"),
    "no token": (token(access_token=None), "sign_in_refused"),
    "an infinite lifetime": (token(expires_in=float("inf")), "token_refused"),
    "a lifetime in words": (token(expires_in="Infinity"), "token_refused"),
    "a lifetime that is no number": (token(expires_in=float("nan")), "token_refused"),
    "a lifetime beyond a float": (token(expires_in=10**400), "token_refused"),
    "a lifetime of ages": (token(expires_in=10**15), "token_refused"),
    "a negative lifetime": (token(expires_in=-1e300), "token_refused"),
    "a lifetime that is a list": (token(expires_in=[1]), "token_refused"),
    "a renewal in words": (token(refresh_in="soon"), "not_entra"),
    "a kind of token that nobody knows": (token(token_type=["pop"]), "token_refused"),
    "an identity token that is none": (token(id_token=7), "not_entra"),
    "an identity token of one part": (token(id_token="one"), "not_entra"),
    "an error that is an object": (said({"error": {"code": 7}}, 400), "sign_in_refused"),
    "an error that is a list": (said({"error": [1], "error_description": [2]}, 400), "sign_in_refused"),
    "a suberror that is a list": (said({"error": "invalid_grant", "suberror": ["x"]}, 400), "not_entra"),
    "codes that are none": (said({"error": "x", "error_codes": {"a": 1}}, 400), "sign_in_refused"),
    "codes beside an empty text": (said({"error": "invalid_client", "error_codes": [7000222]}, 401), "secret_expired"),
    "a number that nobody knows": (said({"error": "x", "error_description": "AADSTS123456789"}), "sign_in_refused"),
    "an error as 200": (said({"error": "invalid_client", "error_description": "AADSTS7000215: x"}), "secret_wrong"),
    "a later error as 400": (said({"error": "temporarily_unavailable"}, 400), "sign_in_unavailable"),
    "an old TLS": (said({"error": "invalid_request", "error_description": "AADSTS1002016: x"}, 400), "tls_outdated"),
    "another cloud": (said({"error": "x", "error_description": "AADSTS900382: x"}, 400), "cloud_wrong"),
}
DOCUMENTS = {
    "a token_endpoint elsewhere": (document(token_endpoint="https://127.0.0.1:1/token"), "not_entra"),
    "a token_endpoint on another port": (document(token_endpoint="https://localhost:1/token"), "not_entra"),
    "a token_endpoint without https": (document(token_endpoint="http://localhost/token"), "not_entra"),
    "a token_endpoint behind a name": (document(token_endpoint="https://localhost@127.0.0.1:1/t"), "not_entra"),
    "a token_endpoint for two readers": (document(token_endpoint="https://127.0.0.1:1\\@localhost/t"), "not_entra"),
    "a token_endpoint in another cloud": (
        document(token_endpoint="https://login.microsoftonline.us/contoso/oauth2/v2.0/token"),
        "cloud_wrong",
    ),
    "a token_endpoint that is a list": (document(token_endpoint=["https://localhost/t"]), "not_entra"),
    "no token_endpoint": (document(token_endpoint=None), "not_entra"),
    "no such directory": (
        said({"error": "invalid_tenant", "error_description": "AADSTS90002: x"}, 400),
        "tenant_unknown",
    ),
}
REALMS = {
    "no realm": (said({"ver": "1.0"}, 404), "not_entra"),
    "a realm that is a list": (said([1]), "not_entra"),
    "a server of its own without https": (
        said({"account_type": "Federated", "federation_active_auth_url": "http://127.0.0.1:1/trust/13/usernamemixed"}),
        "not_entra",
    ),
    "metadata of its own without https": (
        said({"account_type": "Federated", "federation_metadata_url": "http://127.0.0.1:1/mex"}),
        "not_entra",
    ),
    "a server of its own that is no address": (
        said({"account_type": "Federated", "federation_active_auth_url": 7}),
        "federation_refused",
    ),
    "a server of its own that is not there": (
        said({"account_type": "Federated", "federation_active_auth_url": "https://127.0.0.1:1/trust/13/usernamemixed"}),
        "sign_in_unavailable",
    ),
}
IDENTITIES = {
    "a lifetime of the identity in words": (
        said({"access_token": "t", "expires_on": "soon"}),
        "managed_identity_failed",
    ),
    "an infinite lifetime of the identity": (
        http(200, '{"access_token": "t", "expires_on": Infinity}'),
        "managed_identity_failed",
    ),
    "a lifetime of the identity that is a list": (
        said({"access_token": "t", "expires_on": [1]}),
        "managed_identity_failed",
    ),
    "an identity without a token": (said({"expires_on": "1"}), "managed_identity_failed"),
    "an identity that is a list": (said([1]), "managed_identity_failed"),
    "a token of the identity that is a list": (
        said({"access_token": [1], "expires_on": "9999999999"}),
        "not_entra",
    ),
    "no identity": (said({"statusCode": 400, "message": "No such identity"}, 400), "managed_identity_missing"),
    "an identity that is throttled": (said({}, 429, "Retry-After: 3"), "managed_identity_failed"),
    "a web page of the platform": (html(502), "managed_identity_failed"),
    "a redirect of the platform": (http(302, b"", "Location: https://127.0.0.1:1/"), "managed_identity_failed"),
}

# Dynamics' own words on every lead, or words that others put in its place.
HITS_ALL = {
    "a throttle": (error("0x80072322", status=429), "throttled"),
    "a throttle's code as 503": (error("0x80072326", "busy", 503, "Retry-After: 1"), "throttled"),
    "a failure without a code": (error("", status=500), "dynamics_error"),
    "a failure with the general code": (error("0x80040216", status=500), "dynamics_error"),
    "a failure of version 3": (said({"odata.error": {"code": "", "message": {"value": "x"}}}, 500), "dynamics_error"),
    "not implemented": (error("0x0", status=501), "dynamics_error"),
    "a version of HTTP that is not supported": (http(505), "dynamics_error"),
    "no table of leads": (error("0x8006088a", "Resource not found for the segment 'leads'.", 404), "table_unknown"),
    "no table of leads, without a code": (
        error("", "Resource not found for the segment 'leads'.", 404),
        "table_unknown",
    ),
    "a path that is another's": (error("BadRequest", "Resource not found for the segment 'api'."), "not_dynamics"),
    "an error of another service": (error("Forbidden", "blocked by the firewall"), "not_dynamics"),
    "an error that is a text": (said({"error": "refused"}, 400), "not_dynamics"),
    "an error that is a list of errors": (said({"error": [{"code": "0x80040265"}]}, 400), "not_dynamics"),
    "an error of ASP.NET": (said({"Message": "An error has occurred."}, 400), "not_dynamics"),
    "an error in XML": (http(400, "<error><code>0x80040265</code></error>", kind="text/xml"), "not_dynamics"),
    "a refused token": (http(401), "token_refused"),
    "no access": (error("", status=403), "access_denied"),
    "an IP firewall": (error("", "rejected as access to your IP is blocked.", 403), "ip_firewall"),
    "administration mode": (error("0x0", "It is in administration mode.", 403), "organisation_closed"),
    "no licence": (error("0x8004d24b", status=400), "user_unlicensed"),
    "administrative access": (
        error("0x80040220", "Principal user (Id=1, accessMode='1 Administrative'), is missing prvCreateLead privilege"),
        "user_unlicensed",
    ),
    "no privilege": (error("0x80040220", "is missing prvCreateLead privilege", 403), "missing_privilege"),
    "no privilege, with 500 and the general code": (
        error("0x80040216", "Principal user (Id=1), is missing prvCreateLead privilege", 500),
        "missing_privilege",
    ),
    "no role": (error("0x80042f09", status=403), "no_role"),
    "a full store": (error("0x80072325", status=400), "organisation_full"),
    "a code as a number": (error(-2147220960, status=403), "missing_privilege"),
    "a code in capitals": (error("0X80042F09", status=403), "no_role"),
    "a code inside": (
        said({"error": {"code": "0x0", "message": "x", "innererror": {"code": "0x80042f09"}}}, 403),
        "no_role",
    ),
    "a success that no lead comes of": (http(204), "not_dynamics"),
    "a success with a web page": (html(201), "not_dynamics"),
    "a success for another lead": (
        http(204, b"", f"OData-EntityId: https://contoso.crm4.dynamics.com/api/data/v9.2/leads({LEAD_ID})"),
        "not_dynamics",
    ),
    "an id that is taken, says a web page": (html(412), "not_dynamics"),
}
# Dynamics' own words on the one lead.
REFUSES = {
    "a general code": (error("0x80040216", "Invalid principal."), "refused"),
    "no code": (error("", "Invalid principal."), "refused"),
    "a code of zero": (error("0x0", "Invalid principal."), "refused"),
    "a code of zero and a property": (error("0x0", "Invalid property 'x' was found."), "column_unknown"),
    "a general code as 409": (error("0x80040216", "Conflict.", 409), "refused"),
    "a general code as 422": (error("", "Unprocessable.", 422), "refused"),
    "a duplicate rule": (error("0x80040333", status=412), "duplicate_rule"),
    "a duplicate rule as 500": (error("0x80040333", status=500), "duplicate_rule"),
    "a duplicate rule as a number": (error(-2147220685, status=400), "duplicate_rule"),
    "a duplicate rule in version 3": (said({"odata.error": {"code": "0x80040333"}}, 412), "duplicate_rule"),
    "a duplicate rule inside": (
        said({"error": {"code": "", "innererror": {"code": "0x80040333"}}}, 500),
        "duplicate_rule",
    ),
    "a lookup into no table": (error("0x8006088a", "Resource not found for the segment 'x'.", 404), "lookup_unknown"),
    "a lookup into no table, without a code": (
        error("0x0", "Resource not found for the segment 'x'.", 404),
        "lookup_unknown",
    ),
    "a lookup of no row": (error("0x80040217", status=404), "lookup_missing"),
    "UTF-16 and a plug-in": (
        http(400, json.dumps({"error": {"code": "0x80040265", "message": "é"}}, ensure_ascii=False).encode("utf-16")),
        "plugin_refused",
    ),
}
# A plug-in that fails on one lead: the others go on, and this one waits.
HITS_ONE = {
    "a plug-in that crashes": (error("0x80040224", "Contoso.Plugins.Scoring: NullReference", 500), "plugin_crashed"),
    "a plug-in that takes too long": (error("0x80044171", status=400), "plugin_timeout"),
}


# What happens


class RealDynamics:
    """The client under the name that the simulation knows; how often a lead was sent or read."""

    name = "dynamics"

    def __init__(self, client: DataverseClient) -> None:
        self.client = client
        self.calls = 0

    def create(self, lead_id: str, lead: Lead) -> Receipt | Rerouted:
        self.calls += 1
        return self.client.create(lead_id, lead)

    def has(self, lead_id: str) -> bool:
        self.calls += 1
        return self.client.has(lead_id)


class Life(Day):
    """Three leads come, one after another."""

    def __init__(self, standin: Standin, way: str) -> None:
        super().__init__(Settings(storage=None, dataverse=None), chance=lambda: 0.5)
        environment = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", **standin.ways[way]}
        dataverse = Settings.from_environment(environment).dataverse
        assert dataverse is not None
        tokens = tokens_for(dataverse, clock=self._clock)
        self.dynamics = RealDynamics(DataverseClient(standin.url, tokens, columns_of, note_of))
        watched: Any = Watched(self.dynamics, self.world, before=False, after=True)  # type: ignore[arg-type]
        self.host.ports = self.host.ports.__class__(
            **{name: getattr(self.host.ports, name) for name in self.host.ports.__slots__} | {"dynamics": watched}
        )
        self.lead_ids = [self._post(number) for number in range(LEADS)]

    def _clock(self) -> float:
        return (self.world.at - NOW).total_seconds()

    def _post(self, number: int) -> str:
        body = payload(FirstName=f"number {number}").encode()
        entropy = bytes([number + 1] * 10)
        world = self.world
        return intake.take(
            body, at=world.at, entropy=entropy, ledger=world.ledger, queue=world.queue, elapsed=lambda: 0.0
        )

    def records(self) -> list[Record]:
        return [self.world.ledger.rows[lead_id] for lead_id in self.lead_ids]

    def pass_time(self, time: timedelta) -> datetime:
        self.until(self.world.at + time)
        return self.world.at

    def require_all_written(self, standin: Standin) -> None:
        assert {record.state for record in self.records()} == {State.WRITTEN}
        assert sorted(lead["leadid"] for lead in standin.leads()) == sorted(self.lead_ids)


@pytest.fixture(autouse=True)
def quiet_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


@pytest.fixture
def empty_standin(module_standin: Standin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    for name in ("REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, module_standin.ways[IDENTITY][name])
    # Without the certificates that the whole world trusts, which take most of the time to read.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(module_standin.folder / "ca.pem"))
    yield module_standin
    for what in ("faults", "leads"):
        module_standin.control("DELETE", what)


def strike(standin: Standin, kind: str, raw: bytes) -> None:
    standin.fault(kind, raw=base64.b64encode(raw).decode())


def hits_all(standin: Standin, way: str, kind: str, raw: bytes) -> set[str]:
    """The reasons that the leads show while it lasts; then it ends, and each of them has to be written, once."""
    life = Life(standin, way)
    strike(standin, kind, raw)
    life.pass_time(3 * MINUTE)
    waiting = life.records()
    assert {record.state for record in waiting} <= OPEN
    assert {record.rounds for record in waiting} == {0}
    assert life.host.poisoned == 0
    reasons = {record.reason for record in waiting}
    # A throttle says itself how long the gate stays shut; after everything else the gate's own pauses grow.
    assert reasons == {"throttled"} or life.world.gate.in_doubt(life.world.at)
    assert life.dynamics.calls <= MOST_CALLS + (4 if reasons == {"throttled"} else 0)
    assert standin.leads() == []
    standin.control("DELETE", "faults")
    life.pass_time(HEALED_WITHIN)
    life.require_all_written(standin)
    assert reasons <= CAUSES.keys()
    return reasons


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("kind", ["token_raw", "discovery_raw", "data_raw"])
def test_what_is_nobodys_answer_poisons_no_lead_wherever_it_comes(empty_standin: Standin, kind: str, name: str) -> None:
    hits_all(empty_standin, SECRET, kind, UNREADABLE[name])


@pytest.mark.parametrize("name", TOKEN_ANSWERS)
def test_no_answer_to_a_sign_in_poisons_a_lead(empty_standin: Standin, name: str) -> None:
    raw, reason = TOKEN_ANSWERS[name]
    assert hits_all(empty_standin, SECRET, "token_raw", raw) == {reason}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_of_a_directory_poisons_a_lead(empty_standin: Standin, name: str) -> None:
    raw, reason = DOCUMENTS[name]
    assert hits_all(empty_standin, SECRET, "discovery_raw", raw) == {reason}


@pytest.mark.parametrize("name", REALMS)
def test_no_answer_about_an_accounts_realm_poisons_a_lead(empty_standin: Standin, name: str) -> None:
    raw, reason = REALMS[name]
    assert hits_all(empty_standin, PASSWORD, "user_realm_raw", raw) == {reason}


@pytest.mark.parametrize("name", IDENTITIES)
def test_no_answer_of_the_platforms_identity_poisons_a_lead(empty_standin: Standin, name: str) -> None:
    raw, reason = IDENTITIES[name]
    assert hits_all(empty_standin, IDENTITY, "token_raw", raw) == {reason}


@pytest.mark.parametrize("name", HITS_ALL)
def test_what_concerns_every_lead_shuts_the_gate(empty_standin: Standin, name: str) -> None:
    raw, reason = HITS_ALL[name]
    assert hits_all(empty_standin, SECRET, "data_raw", raw) == {reason}


@pytest.mark.parametrize("name", REFUSES)
def test_only_dynamics_own_word_on_a_lead_poisons_it_and_the_next_one_goes_through(
    empty_standin: Standin, name: str
) -> None:
    raw, reason = REFUSES[name]
    life = Life(empty_standin, SECRET)
    empty_standin.fault("data_raw", raw=base64.b64encode(raw).decode(), count=1)
    life.pass_time(MINUTE)
    states = sorted((record.state, record.reason) for record in life.records())
    assert states == [(State.POISONED, reason), (State.WRITTEN, ""), (State.WRITTEN, "")]
    assert not life.world.gate.in_doubt(life.world.at)


@pytest.mark.parametrize("name", HITS_ONE)
def test_what_one_lead_makes_fail_holds_up_that_lead_alone(empty_standin: Standin, name: str) -> None:
    raw, reason = HITS_ONE[name]
    life = Life(empty_standin, SECRET)
    match = {"leadid": life.lead_ids[1]}
    empty_standin.fault("data_raw", raw=base64.b64encode(raw).decode(), match=match)
    life.pass_time(3 * MINUTE)
    assert [record.state for record in life.records()] == [State.WRITTEN, State.DEFERRED, State.WRITTEN]
    assert life.records()[1].reason == reason
    assert not life.world.gate.in_doubt(life.world.at)
    empty_standin.control("DELETE", "faults")
    life.pass_time(HEALED_WITHIN)
    life.require_all_written(empty_standin)


def test_the_tables_hold_at_least_a_hundred_kinds() -> None:
    tables = (UNREADABLE, TOKEN_ANSWERS, DOCUMENTS, REALMS, IDENTITIES, HITS_ALL, REFUSES, HITS_ONE)
    assert sum(map(len, tables)) >= 100
