"""Posts a notice, within ten seconds in all, and says why that failed without naming the address."""

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import requests
import urllib3

from leadpipe.model.attention import Notice
from leadpipe.model.errors import NotifyFailed
from leadpipe.model.webhook import Webhook
from leadpipe.transport.bounded import BoundedAdapter, DirectSession, Endless
from leadpipe.transport.no_answer import untrusted, without_answer
from leadpipe.webhook.shapes import body_of

POST_SECONDS = 10.0
# Slack answers `ok`, a workflow nothing.
LARGEST_MIB = 1


class StatusAlone(BoundedAdapter):
    """Leaves an answer's body alone: a notice that was taken is taken, however long or slow the rest is."""

    def _body(self, response: requests.Response) -> bytes:
        response.close()
        return b""


class WebhookNotifier:
    """Thread-safe: each post has a session of its own."""

    def __init__(self, webhook: Webhook, *, seconds: float = POST_SECONDS) -> None:
        self._webhook = webhook
        self._seconds = seconds

    def send(self, notice: Notice) -> None:
        """Raises NotifyFailed. It has no cause: the text of one would have the address in it, which is a secret."""
        if failure := self._in_time(lambda: self._post(notice)):
            raise failure

    def _in_time(self, post: Callable[[], NotifyFailed | None]) -> NotifyFailed | None:
        """What the post ended with. It runs in a thread because nothing else limits the look-up of a host's name."""
        ended: list[NotifyFailed | None] = []
        thread = threading.Thread(target=lambda: ended.append(post()), name="notify", daemon=True)
        thread.start()
        thread.join(self._seconds)
        return ended[0] if ended else NotifyFailed("notify_slow", f"no answer within {self._seconds:g} s")

    def _post(self, notice: Notice) -> NotifyFailed | None:
        try:
            status = self._status_of(notice)
        except Exception as error:  # noqa: BLE001 - its text may have the address; the caller gets its kind alone
            return _failure_of(error)
        return None if 200 <= status < 300 else NotifyFailed("notify_refused", str(status))

    def _status_of(self, notice: Notice) -> int:
        time_out = (self._seconds / 2, self._seconds)
        adapter = StatusAlone(timeout=time_out, answer_seconds=self._seconds, largest_mib=LARGEST_MIB)
        with DirectSession(adapter) as session:
            # A proxy would get an http address whole; on this machine there is no need of one.
            session.trust_env = urlsplit(self._webhook.url).scheme == "https"
            body = body_of(notice, self._webhook.shape)
            return session.post(self._webhook.url, json=body, auth=_as_it_is).status_code


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Signs in nowhere. Without this, requests would look for a password in a netrc file."""
    return request


def _failure_of(error: Exception) -> NotifyFailed:
    if isinstance(error, requests.exceptions.SSLError):
        return NotifyFailed("notify_untrusted", untrusted(error, "the webhook"))
    if isinstance(error, Endless | requests.ReadTimeout):
        return NotifyFailed("notify_slow", without_answer(error))
    if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError):
        return NotifyFailed("notify_unreachable", without_answer(error))
    if isinstance(error, OSError):  # requests looks for the bundle before it connects
        return NotifyFailed("notify_untrusted", "REQUESTS_CA_BUNDLE names no file of certificates")
    return NotifyFailed("notify_failed", type(error).__name__)
