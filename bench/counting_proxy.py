"""Forwards requests to one storage service unchanged, and counts them by purpose.

A request's signature covers account and path but not the port, so the proxy needs no key.
"""

import http.client
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
IDLE_POLL = "idle poll"
# Method, path after the account, and the purpose.
_KINDS = (
    ("POST", r"/leadledger", "insert"),
    ("POST", r"/leads/messages", "put"),
    ("GET", r"/leadledger\(PartitionKey.*\)", "read"),
    ("POST", r"/leadclaims", "claim"),
    ("PATCH", r"/leadledger\(PartitionKey.*\)", "merge"),
    ("GET", r"/leads/messages", "receive"),
    ("DELETE", r"/leads/messages/.*", "delete"),
)


class Counts:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, kind: str) -> None:
        with self._lock:
            self._counts[kind] += 1

    def taken(self) -> Counter[str]:
        """Gives the counts since the last call."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            return counts


def kind_of(method: str, path: str, answer: bytes) -> str:
    """Names the request's purpose; an unknown one by method and path.

    The answer distinguishes the host's polls of an idle queue from the one that fetches a lead: it has no message.
    """
    path = re.sub(r"^/[^/]+", "", urlsplit(path).path)
    kind = next((kind for known, pattern, kind in _KINDS if method == known and re.fullmatch(pattern, path)), None)
    if kind == "receive" and b"<QueueMessage>" not in answer:
        return IDLE_POLL
    return kind or f"{method} {path}"


@contextmanager
def counting(target: str, counts: Counts) -> Iterator[str]:
    """Serves a proxy in front of `target` until the block ends, and gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(urlsplit(target).netloc, counts.add))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _handler(target: str, count: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._forward
            raise AttributeError(name)

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            upstream = http.client.HTTPConnection(target, timeout=60)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                upstream.request(self.command, self.path, body or None, headers)
                answer = upstream.getresponse()
                self._answer(answer, answer.read())
            finally:
                upstream.close()

        def _answer(self, answer: http.client.HTTPResponse, body: bytes) -> None:
            # Counted before it is answered, so that the count is there when the answer has an effect.
            count(kind_of(self.command, self.path, body))
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
            """Logs nothing: addresses contain lead ids."""

    return Handler
