"""Posts a notice, within ten seconds in all, and says why that failed without naming the address."""

import requests
import urllib3

from leadpipe.model.attention import Notice
from leadpipe.model.errors import NotifyFailed
from leadpipe.model.webhook import Webhook
from leadpipe.transport.bounded import BoundedAdapter, Endless
from leadpipe.transport.no_answer import untrusted, without_answer
from leadpipe.transport.secret_address import post, within
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
        too_slow: NotifyFailed | None = NotifyFailed("notify_slow", f"no answer within {self._seconds:g} s")
        if failure := within(self._seconds, lambda: self._post(notice), otherwise=too_slow):
            raise failure

    def _post(self, notice: Notice) -> NotifyFailed | None:
        try:
            status = self._status_of(notice)
        except Exception as error:  # noqa: BLE001 - its text may have the address; the caller gets its kind alone
            return _failure_of(error)
        return None if 200 <= status < 300 else NotifyFailed("notify_refused", str(status))

    def _status_of(self, notice: Notice) -> int:
        time_out = (self._seconds / 2, self._seconds)
        adapter = StatusAlone(timeout=time_out, answer_seconds=self._seconds, largest_mib=LARGEST_MIB)
        return post(self._webhook.url, adapter, json=body_of(notice, self._webhook.shape)).status_code


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
