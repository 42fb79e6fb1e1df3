"""Posts to an address that is a secret itself, because it has a key in it, and waits for so long in all."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from leadpipe.transport.bounded import BoundedAdapter, DirectSession

T = TypeVar("T")


def post(url: str, adapter: BoundedAdapter, **sent: Any) -> requests.Response:
    """Posts what `sent` gives requests, in a session of its own. Raises what requests raises."""
    with DirectSession(adapter) as session:
        # An http address leads to this machine, where no proxy is needed; one would see the address whole.
        session.trust_env = urlsplit(url).scheme == "https"
        return session.post(url, auth=_as_it_is, **sent)


def within(seconds: float, work: Callable[[], T], *, otherwise: T) -> T:
    """What the work gives, or `otherwise` if it has not ended in time. The work has to raise nothing.

    It runs in a thread because nothing else limits the look-up of a host's name.
    """
    ended: list[T] = []
    thread = threading.Thread(target=lambda: ended.append(work()), name="post", daemon=True)
    thread.start()
    thread.join(seconds)
    return ended[0] if ended else otherwise


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Signs in nowhere. Without this, requests would look for a password in a netrc file."""
    return request
