"""HTTP whose answers end, within a time for the whole of one and a size, and whose requests go nowhere else.

requests' own time-outs are for each read, so that a peer that sends a byte a second, or does not stop sending, would
hold a thread for ever. Everything that asks Dynamics, the sign-in host or the app itself goes through this adapter, in
a session that follows no redirect.
"""

import io
import socket
import time
from contextvars import ContextVar
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

ANSWER_SECONDS = 45.0
# The largest thing that is asked for is the lead table's metadata, some columns of it at a time.
LARGEST_MIB = 16
_MIB = 1 << 20
_deadline: ContextVar[float] = ContextVar("deadline")


class Endless(requests.RequestException):
    """The answer was still coming when its time was over, or larger than any that is asked for."""


class BoundedAdapter(HTTPAdapter):
    """Thread-safe, as requests' own adapter is. `timeout` holds where a request brings none: connect and read."""

    def __init__(
        self,
        *,
        timeout: float | tuple[float, float] | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        largest_mib: int = LARGEST_MIB,
        **options: Any,
    ) -> None:
        self._timeout = timeout
        self._answer_seconds = answer_seconds
        self._largest_mib = largest_mib
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if isinstance(manager, ProxyManager):  # one for SOCKS has connections of its own
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Reads the whole body, whatever `stream` says. Raises Endless, and what requests raises."""
        options = {**options, "timeout": options.get("timeout") or self._timeout}
        started = _deadline.set(time.monotonic() + self._answer_seconds)
        try:
            response = super().send(request, *args, **options)
            response._content = self._body(response)  # noqa: SLF001 - where requests itself keeps what it has read
        except requests.RequestException as error:
            if time.monotonic() < _deadline.get():
                raise
            raise Endless(f"the answer was not complete after {self._answer_seconds:g} s", request=request) from error
        finally:
            _deadline.reset(started)
        return response

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        for part in response.iter_content(64 << 10):
            body += part
            if len(body) > self._largest_mib * _MIB:
                response.close()
                raise Endless(f"the answer is larger than {self._largest_mib} MiB", request=response.request)
        return bytes(body)


class DirectSession(requests.Session):
    """Sends only to the addresses that it is given: an answer cannot move a lead, a secret or a token elsewhere.

    Cookies are refused as well: Dataverse's would pin every instance to one of the organisation's servers.
    https://learn.microsoft.com/power-apps/developer/data-platform/send-parallel-requests
    """

    def __init__(self, adapter: HTTPAdapter) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - requests asks so
        """None: no answer is a redirect. requests would decode an address even where it does not follow it."""
        return None


class _Timed(io.RawIOBase):
    """What comes from a socket, each read given no more than what is left of the answer's time."""

    def __init__(self, sock: socket.socket, inner: io.RawIOBase, deadline: float) -> None:
        self._sock = sock
        self._inner = inner
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        usual, left = self._sock.gettimeout(), self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer's time is over")
        if usual is not None and usual <= left:
            return self._inner.readinto(buffer)
        self._sock.settimeout(left)
        try:
            return self._inner.readinto(buffer)
        finally:
            self._sock.settimeout(usual)  # the connection may be used again

    def close(self) -> None:
        self._inner.close()
        super().close()


class _Answer(HTTPResponse):
    """Status line, headers and body of one answer, a proxy's included."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        if deadline := _deadline.get(None):
            # The socket's own reader stays within: it keeps the socket open for as long as it is itself.
            self.fp = io.BufferedReader(_Timed(sock, self.fp.detach(), deadline))


class _Http(HTTPConnection):
    response_class = _Answer


class _Https(HTTPSConnection):
    response_class = _Answer


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


_POOLS = {"http": _HttpPool, "https": _HttpsPool}
