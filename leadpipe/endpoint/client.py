"""Posts a canary to the endpoint's public address, within ten seconds in all.

A failure names the step and never the address, which has the key in it.
"""

import re

import requests

from leadpipe.model.canary import REFUSED, UNREACHABLE
from leadpipe.model.errors import CanaryFailed
from leadpipe.model.lead_id import is_lead_id
from leadpipe.transport.bounded import BoundedAdapter
from leadpipe.transport.no_answer import untrusted, without_answer
from leadpipe.transport.secret_address import post, within

POST_SECONDS = 10.0
# leadpipe's own answer is one line.
LARGEST_MIB = 1
_SLUG = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


class EndpointClient:
    """Thread-safe: each post has a session of its own."""

    def __init__(self, url: str, *, seconds: float = POST_SECONDS) -> None:
        self._url = url
        self._seconds = seconds

    def post(self, body: str) -> str:
        """Raises CanaryFailed. It has no cause: the text of one would have the address in it."""
        too_slow: str | CanaryFailed = CanaryFailed(UNREACHABLE, f"no answer within {self._seconds:g} s")
        ended = within(self._seconds, lambda: self._posted(body), otherwise=too_slow)
        if isinstance(ended, CanaryFailed):
            raise ended
        return ended

    def _posted(self, body: str) -> str | CanaryFailed:
        """The lead id, or why there is none."""
        try:
            return read_answer(self._answer(body))
        except requests.exceptions.SSLError as error:
            is_untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
            why = f"a certificate is not trusted, {untrusted(error, 'the endpoint')}"
            return CanaryFailed(UNREACHABLE, why if is_untrusted else "no TLS connection")
        except requests.RequestException as error:
            return CanaryFailed(UNREACHABLE, without_answer(error))
        except Exception as error:  # noqa: BLE001 - its text may have the address; only its kind is reported
            return CanaryFailed(UNREACHABLE, type(error).__name__)

    def _answer(self, body: str) -> requests.Response:
        adapter = BoundedAdapter(timeout=self._seconds, answer_seconds=self._seconds, largest_mib=LARGEST_MIB)
        headers = {"Content-Type": "application/json"}
        return post(self._url, adapter, data=body.encode(), headers=headers)


def read_answer(answer: requests.Response) -> str | CanaryFailed:
    """The lead id of a 202. Of another answer only the status and leadpipe's own slug are reported."""
    said = _object(answer)
    lead_id, error = said.get("lead_id"), said.get("error")
    if answer.status_code == 202 and isinstance(lead_id, str) and is_lead_id(lead_id):
        return lead_id
    slug = error if isinstance(error, str) and _SLUG.fullmatch(error) else ""
    return CanaryFailed(REFUSED, f"{answer.status_code} {slug}".strip())


def _object(answer: requests.Response) -> dict[str, object]:
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
