"""Limits an HTTP answer's total time and size, and follows no redirects.

The time-outs of requests are for single reads: a peer that sends a byte a second, or never stops sending, would block a
thread forever. Every call to Dynamics, the sign-in host, the webhook or the app itself goes through this adapter and
session.
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
# The largest answers are the lead table's metadata, asked for some columns at a time.
LARGEST_MIB = 16
_MIB = 1 << 20
_deadline: ContextVar[float] = ContextVar("deadline")


class Endless(requests.RequestException):
    """The answer took too long in total, or was larger than any that leadpipe asks for."""


class TooLarge(Endless):
    """The answer was larger than any that leadpipe asks for."""


class BoundedAdapter(HTTPAdapter):
    """Thread-safe, as its base class is. `timeout`, connect and read, is for requests that bring none."""

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
        if isinstance(manager, ProxyManager):  # a SOCKS proxy has its own kind of connections
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
                raise TooLarge(f"the answer is larger than {self._largest_mib} MiB", request=response.request)
        return bytes(body)


class DirectSession(requests.Session):
    """Follows no redirect, so that no answer can send a lead, a secret or a token to another host.

    Refuses cookies: those of Dataverse would pin every instance to one of the organisation's servers.
    https://learn.microsoft.com/power-apps/developer/data-platform/send-parallel-requests
    """

    def __init__(self, adapter: HTTPAdapter) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - requests asks so
        """Treats no answer as a redirect. requests would decode the address even if it did not follow it."""
        return None


class _Timed(io.RawIOBase):
    """Reads from a socket; each read may take no longer than what is left of the answer's time."""

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
            self._sock.settimeout(usual)  # for the next use of the connection

    def close(self) -> None:
        self._inner.close()
        super().close()


class _Answer(HTTPResponse):
    """One answer, or a proxy's: status line, headers, body."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        if deadline := _deadline.get(None):
            # Keeps the socket's own reader, because the socket closes with it.
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
