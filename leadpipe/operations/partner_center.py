"""Does what Partner Center's Validate does: posts a test lead with fresh digits, and explains the answer.

https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-https
"""

import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from leadpipe.dataverse.bounded import BoundedAdapter, DirectSession, Endless
from leadpipe.dataverse.no_answer import untrusted, without_answer
from leadpipe.dataverse.protocol import json_object
from leadpipe.model.lead_id import is_lead_id
from leadpipe.model.reference import unresolved
from leadpipe.operations.causes import fix_now

PATH = "/api/leads"
POST_SECONDS = 30
DIGITS = 18
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
    """Where leads are posted. `url` has no key, so it can be shown. `overruled`: the address had another key."""

    url: str
    key: str | None = field(default=None, repr=False)
    overruled: bool = False

    @property
    def is_local(self) -> bool:
        return urlsplit(self.url).hostname in _LOOPBACK


def endpoint_of(url: str, key: str | None) -> Endpoint:
    """Takes the app's address, the endpoint's, or the endpoint's with `?code=` as in Partner Center.

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
    code = dict(parse_qsl(parts.query)).get("code")
    overruled = bool(key and code and key != code)
    return Endpoint(url=f"{parts.scheme}://{parts.netloc}{path}", key=key or code or None, overruled=overruled)


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
    return lead_id_of(
        answer.status_code, json_object(answer.content), endpoint, location=answer.headers.get("Location", "")
    )


def lead_id_of(status: int, body: dict[str, Any], endpoint: Endpoint, *, location: str = "") -> str:
    """The lead id of the answer. `location`: where a redirect leads. Raises StepFailed, which explains the answer."""
    lead_id = body.get("lead_id")
    if status == 202 and isinstance(lead_id, str) and is_lead_id(lead_id):
        return lead_id
    if status in _ANSWERS:
        fact, fix = _ANSWERS[status]
        if status == 401 and endpoint.overruled:
            fix = f"{fix}; the key in the address did not count, since --key or LEADPIPE_KEY is given"
    elif 300 <= status < 400 and location:
        fact = f"it sends on to {_target(endpoint.url, location)}, which the marketplace would not follow"
        fix = "give the address at which the app itself answers, with https, here and in Partner Center"
    elif isinstance(body.get("error"), str):
        fact, fix = f"not kept: {body['error']}", "`leadpipe doctor` with the app's own settings says what is wrong"
    elif status >= 500:
        fact, fix = "the app fails before leadpipe begins", "see the app's log stream, or the terminal of `make run`"
    else:
        fact, fix = "this is not leadpipe's answer", "correct the URL: it ends in /api/leads"
    raise StepFailed("post", f"{endpoint.url} answered {status}: {fact}", fix)


_ANSWERS = {
    401: (
        "the key is missing or wrong",
        "give a key of the function leads with --key or LEADPIPE_KEY; if every key is refused, see `leadpipe doctor`",
    ),
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
