"""Does what Partner Center's Validate does: posts a test lead with fresh digits, and explains the answer.

https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-https
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from leadpipe.dataverse.protocol import json_object
from leadpipe.model.keys import EndpointKey, is_key_value
from leadpipe.model.lead_id import is_lead_id
from leadpipe.model.reference import unresolved
from leadpipe.operations.causes import fix_now
from leadpipe.transport.bounded import BoundedAdapter, DirectSession, Endless
from leadpipe.transport.no_answer import untrusted, without_answer

PATH = "/api/leads"
POST_SECONDS = 30
DIGITS = 18
_LONGEST_DETAIL = 300
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class StepFailed(Exception):
    """A step of the test lead failed. `fact` says what is wrong, `fix` what to do; `reason` is a slug of the ledger."""

    def __init__(self, step: str, fact: str, fix: str, reason: str = "") -> None:
        super().__init__(step)
        self.step = step
        self.fact = fact
        self.fix = fix
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where leads are posted. `url` has no key, so it can be shown. `overruled`: the address had another key.

    `own_key`: the name of the key, where it was taken from LEADPIPE_KEYS.
    """

    url: str
    key: str | None = field(default=None, repr=False)
    overruled: bool = False
    own_key: str = ""

    @property
    def is_local(self) -> bool:
        return urlsplit(self.url).hostname in _LOOPBACK


def endpoint_of(url: str, key: str | None, own_keys: Sequence[EndpointKey] = ()) -> Endpoint:
    """Takes the app's address, the endpoint's, or the endpoint's with `?code=` as in Partner Center.

    Without a key there and without `key`, the first of the endpoint's own keys is taken, if these settings have some.
    Raises ValueError, whose text does not quote it.
    """
    if problem := unresolved(url) or unresolved(key or ""):
        raise ValueError(f"the address or its key {problem}")
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("it is not an address like https://contoso.azurewebsites.net/api/leads")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("without https others could read the key and the lead on the way")
    path = parts.path if parts.path.strip("/") else PATH
    code = dict(parse_qsl(parts.query)).get("code", "").replace(" ", "+")  # as the endpoint reads it
    if not all(map(is_key_value, filter(None, (key, code)))):
        raise ValueError("the key has blanks or characters beyond ASCII, which no key has")
    overruled = bool(key and code and key != code)
    address = f"{parts.scheme}://{parts.netloc}{path}"
    if not key and not code and own_keys:
        return Endpoint(url=address, key=own_keys[0].value, own_key=own_keys[0].name)
    return Endpoint(url=address, key=key or code or None, overruled=overruled)


def validation_lead(digits: str) -> dict[str, Any]:
    """A test lead. The digits in its texts make it a lead of its own; the keys' case is mixed, as sent."""
    text = f"MSFT_TEST_{digits}"
    return {
        "userDetails": {
            "FirstName": text,
            "LastName": text,
            "Email": f"{text}@test.com",
            "Phone": "1234567890",
            "Country": "US",
            "Company": text,
            "Title": text,
        },
        "LeadSource": "AzureMarketplace",
        "ActionCode": "INS",
        "OfferTitle": "Contoso Test",
        "Description": text,
    }


def post(endpoint: Endpoint, lead: dict[str, Any]) -> str:
    """The lead id that the endpoint answered with. Raises StepFailed."""
    with DirectSession(BoundedAdapter()) as session:
        # On this machine no proxy and no trust setting of the environment applies.
        session.trust_env = not endpoint.is_local
        headers = {"x-functions-key": endpoint.key} if endpoint.key else {}
        try:
            answer = session.post(endpoint.url, json=lead, headers=headers, timeout=POST_SECONDS)
        except (requests.RequestException, OSError) as error:
            raise _unreachable(endpoint, error) from error
        body = json_object(answer.content)
        why_ill = _why_ill(session, endpoint) if _is_refused_by_host(answer.status_code, body) else ""
    return lead_id_of(answer.status_code, body, endpoint, location=answer.headers.get("Location", ""), why_ill=why_ill)


def _is_refused_by_host(status: int, body: dict[str, Any]) -> bool:
    """Whether the functions host refused the key. It answers without a body, and never asks leadpipe."""
    return status == 401 and body.get("error") != "wrong_key"


def _why_ill(session: requests.Session, endpoint: Endpoint) -> str:
    """Why the app's health says that a post would not be kept; empty where it does not say so."""
    try:
        answer = session.get(urljoin(endpoint.url, "health"), timeout=POST_SECONDS)
    except (requests.RequestException, OSError):
        return ""  # the 401 stays the answer to explain
    body = json_object(answer.content)
    is_ill = answer.status_code == 503 and body.get("error") == "not_ready"
    return str(body.get("detail"))[:_LONGEST_DETAIL] if is_ill else ""


def lead_id_of(status: int, body: dict[str, Any], endpoint: Endpoint, *, location: str = "", why_ill: str = "") -> str:
    """The lead id of the answer. Raises StepFailed, which explains the answer.

    `location`: where a redirect leads. `why_ill`: why no post would be kept, as the app's health says it.
    """
    lead_id = body.get("lead_id")
    if status == 202 and isinstance(lead_id, str) and is_lead_id(lead_id):
        return lead_id
    if _is_refused_by_host(status, body) and why_ill:
        fact = f"the functions host refuses every key, and the app's health says: {why_ill}"
        fix = "correct that setting among the app settings; until then no post is taken"
    elif status == 401:
        fact, fix = _key_refused(body.get("error") == "wrong_key", endpoint)
    elif status in _ANSWERS:
        fact, fix = _ANSWERS[status]
    elif 300 <= status < 400 and location:
        fact = f"it sends on to {_target(endpoint.url, location)}, which the marketplace would not follow"
        fix = "give the address at which the app itself answers, with https, here and in Partner Center"
    elif body.get("error") == "keys_settings":
        fact = f"leadpipe can read no key to compare with: {str(body.get('detail'))[:_LONGEST_DETAIL]}"
        fix = "correct LEADPIPE_AUTH and LEADPIPE_KEYS among the app settings; until then no post is taken"
    elif body.get("error") == "storage_settings":
        fact = f"leadpipe cannot use its storage settings: {str(body.get('detail'))[:_LONGEST_DETAIL]}"
        fix = "correct that setting among the app settings; until then no post is taken"
    elif isinstance(body.get("error"), str):
        fact, fix = f"not kept: {body['error']}", "`leadpipe doctor` with the app's own settings says what is wrong"
    elif status >= 500:
        fact, fix = "the app fails before leadpipe begins", "see the app's log stream, or the terminal of `make run`"
    else:
        fact, fix = "this is not leadpipe's answer", "correct the URL: it ends in /api/leads"
    raise StepFailed("post", f"{endpoint.url} answered {status}: {fact}", fix)


def _key_refused(by_leadpipe: bool, endpoint: Endpoint) -> tuple[str, str]:
    """Fact and fix of a 401. The functions host gives it without a body, leadpipe with one."""
    if by_leadpipe:
        fact = "leadpipe does not know the key" if endpoint.key else "leadpipe wants a key"
        fix = "give one of the app's LEADPIPE_KEYS with --key or LEADPIPE_KEY; `leadpipe keys` names them"
        if endpoint.own_key:
            fix = f"the app has not the key {endpoint.own_key} of these settings: give it the same LEADPIPE_KEYS"
    else:
        fact = "the functions host says that the key is missing or wrong"
        fix = "give a key of the function leads with --key or LEADPIPE_KEY"
        fix = f"{fix}; if every key is refused, see `leadpipe doctor`"
        if endpoint.own_key:
            fix = f"set LEADPIPE_AUTH to keys in the app too, where the host still asks for its own keys; or {fix}"
    if endpoint.overruled:
        fix = f"{fix}; the key in the address did not count, since --key or LEADPIPE_KEY is given"
    return fact, fix


_ANSWERS = {
    403: (
        "the app is stopped, or refuses this machine",
        "start the app in the portal, or look at its access restrictions",
    ),
    404: (
        "nothing takes leads there",
        "correct the URL, https://<app>.azurewebsites.net/api/leads; else publish the app",
    ),
}


def _target(url: str, location: str) -> str:
    """Where a redirect leads, without its query, which has the key."""
    try:
        parts = urlsplit(urljoin(url, location))
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _unreachable(endpoint: Endpoint, error: Exception) -> StepFailed:
    """Shows only the kind of error: its text would repeat the address with its key."""
    if isinstance(error, requests.exceptions.SSLError):
        fact = f"{endpoint.url}: a certificate is not trusted, {untrusted(error, 'the app')}"
        return StepFailed("post", fact, fix_now("tls"), "tls")
    fact, fix = f"nothing answers at {endpoint.url}", "see whether the app runs"
    if isinstance(error, Endless):
        fact, fix = f"{endpoint.url}: {without_answer(error)}", "see what answers there: it is not leadpipe"
    elif isinstance(error, requests.exceptions.ProxyError):
        fact = f"{endpoint.url}: {without_answer(error)}"
        fix = "correct HTTPS_PROXY, or name the app's host in NO_PROXY"
    elif isinstance(error, requests.Timeout):
        fact, fix = f"{endpoint.url} did not answer in time", "see whether the app runs, and its log"
    elif _is_unknown(urlsplit(endpoint.url).hostname or ""):
        fact, fix = f"there is no machine with the name in {endpoint.url}", "correct the URL, or publish the app"
    elif endpoint.is_local:
        fix = "start `make run`, or name the app with --url"
    return StepFailed("post", fact, fix)


def _is_unknown(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return True
    return False
