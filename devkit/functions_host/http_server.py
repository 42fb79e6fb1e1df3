"""Serves HTTP/1.1 with kept-alive connections, a thread for each.

Werkzeug's own server closes after every answer, so a benchmark would measure connects.
"""

import logging
import os
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import IO, Any, cast

from werkzeug.serving import DechunkedInput

from devkit.functions_host.http_functions import Call, body_limit, joined
from devkit.functions_host.http_reply import Reply

_log = logging.getLogger("Host.Http")
_LONGEST_SHOWN = 200
_IDLE_SECONDS = 130.0
_BODY_SECONDS = 5.0


class TooLargeError(Exception):
    pass


def _shown(text: str) -> str:
    """Make a client's text safe for the log: visible ASCII, the rest escaped, and short."""
    return "".join(char if "!" <= char <= "~" else f"\\x{ord(char):02x}" for char in text[:_LONGEST_SHOWN])


class HttpServer(socketserver.ThreadingTCPServer):
    """Binds its port when it is made, to report a used port at once; serves from `start` on."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024
    allow_reuse_address = os.name != "nt"

    def __init__(self, *, host: str, port: int, allow_chunked: bool) -> None:
        super().__init__((host, port), _Handler)
        self.allow_chunked = allow_chunked
        self.body_limit = body_limit()
        self.body_seconds = _BODY_SECONDS
        self.answer: Callable[[Call], Reply] = lambda _: Reply(status=503)
        self.stopping = False
        self._in_flight = 0
        self._changed = threading.Condition()

    def start(self, answer: Callable[[Call], Reply]) -> None:
        self.answer = answer
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.2}, name="http", daemon=True).start()

    def stop(self) -> None:
        """Accept no more connections, and no more requests on existing ones."""
        self.stopping = True
        self.shutdown()
        self.server_close()

    def join(self, deadline: float) -> bool:
        """Say whether every request was answered before `deadline` (time.monotonic)."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout=max(0.0, deadline - time.monotonic()))

    def count(self, change: int) -> None:
        with self._changed:
            self._in_flight += change
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        if not isinstance(sys.exception(), OSError):  # the client closed the connection
            _log.error("A connection ended in an error of the host.", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: HttpServer
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body are sent in one packet

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def version_string(self) -> str:
        return "functions-host"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing: the request line may have the key in its query."""

    def _answer(self) -> None:
        self.server.count(+1)
        try:
            started = time.monotonic()
            reply = self._reply()
            self._send(reply)
            method, path = _shown(self.command), _shown(self.path.partition("?")[0])
            _log.info("%s %s %d %dms", method, path, reply.status, round((time.monotonic() - started) * 1000))
        finally:
            self.server.count(-1)

    def _reply(self) -> Reply:
        if self.server.stopping:
            self.close_connection = True
            return Reply(status=503)
        try:
            body = self._body_in_time()
        except TooLargeError:
            # The rest of it would be read as the next request.
            self.close_connection = True
            _log.error("Request body too large: the limit is %d bytes.", self.server.body_limit)
            return Reply(status=500)
        except TimeoutError:
            self.close_connection = True
            _log.error("Request body too slow: nothing of it came for %gs.", self.server.body_seconds)
            return Reply(status=500)
        except ValueError:
            self.close_connection = True
            return Reply(status=400)
        path, _, query = self.path.partition("?")
        try:
            return self.server.answer(
                Call(method=self.command, path=path, query=query, headers=self._headers(), body=body)
            )
        except Exception:  # noqa: BLE001 - a caller always gets an answer
            _log.exception("The host failed to answer a request.")
            return Reply(status=500)

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            low = name.lower()
            headers[low] = joined(headers.get(low), value)
        return headers

    def _body_in_time(self) -> bytes:
        """Read the body; TimeoutError if it stops coming (Kestrel's MinRequestBodyDataRate has a grace of 5 s)."""
        self.connection.settimeout(self.server.body_seconds)
        try:
            return self._body()
        finally:
            self.connection.settimeout(self.timeout)

    def _body(self) -> bytes:
        """Read the body if there is a Content-Length, as the host does for Python.

        A chunked one arrives empty (GrpcMessageConversionExtensions.cs).
        """
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            chunked = self._read_chunked()
            return chunked if self.server.allow_chunked else b""
        length = int(self.headers.get("Content-Length") or 0)
        if length < 0:
            raise ValueError(length)
        if length > self.server.body_limit:
            raise TooLargeError
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionError("the caller went away")
        return body

    def _read_chunked(self) -> bytes:
        stream, body = DechunkedInput(cast("IO[bytes]", self.rfile)), bytearray()
        while piece := stream.read(65_536):
            body += piece
            if len(body) > self.server.body_limit:
                raise TooLargeError
        return bytes(body)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        bodiless = reply.status in {204, 304}
        if not bodiless:
            self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection or self.server.stopping:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if not bodiless and self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()
