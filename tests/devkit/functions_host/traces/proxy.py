"""Stands between a host and the queue service: writes down each request, and answers some in the service's place."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET

from tests.devkit.functions_host.traces.trace import Seen

# They belong to one connection, or the proxy writes its own.
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next `count` requests of kind `operation`, of all queues or of `queue`.

    `status` and `code` are the answer, which comes `after` the service did its work or instead of that. `drop` closes
    the connection without an answer, and `hold` keeps the answer back for so many seconds.
    """

    operation: str
    queue: str = ""
    count: float = 1
    status: int = 0
    code: str = ""
    after: bool = False
    drop: bool = False
    hold: float = 0

    def applies_to(self, operation: str, queue: str) -> bool:
        return self.count > 0 and self.operation == operation and self.queue in {"", queue}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Proxy(ThreadingHTTPServer):
    """Thread-safe. `on_change` is called after each request that was written down."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, target: int, on_change: Callable[[], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.port: int = self.server_address[1]
        self._on_change = on_change
        self._seen: list[Seen] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._no_more_faults = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def close(self) -> None:
        self._no_more_faults.set()
        self.shutdown()
        self.server_close()

    def seen(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    def write_down(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)
        self._on_change()

    def fault_for(self, operation: str, queue: str) -> Fault | None:
        with self._lock:
            found = next((fault for fault in self._faults if fault.applies_to(operation, queue)), None)
            if found:
                found.count -= 1
            return found

    def hold(self, seconds: float) -> None:
        self._no_more_faults.wait(seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: hosts are killed while they wait for an answer."""


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        if parsed:
            self.__dict__[f"do_{self.command}"] = self._handle  # whatever the method
        return parsed

    def log_message(self, *arguments: Any) -> None:
        pass

    def _handle(self) -> None:
        arrived = time.time()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = asked_of(self.command, self.path, body)
        fault = self.server.fault_for(asked["op"], asked["queue"])
        if fault and fault.hold:
            self.server.hold(fault.hold)
        if fault and fault.drop:
            self.server.write_down({"t": arrived, **asked, "status": "dropped"})
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        answer = self._answer(body, fault)
        self.server.write_down({"t": arrived, **asked, **answered(asked["op"], answer)})
        self._send(answer)

    def _answer(self, body: bytes, fault: Fault | None) -> Answer:
        refused = _refusal(fault.status, fault.code) if fault and fault.status else None
        if refused and fault and not fault.after:
            return refused
        answer = self._ask_service(body)
        return refused or answer

    def _ask_service(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        try:
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return Answer(status=answer.status, headers=dict(answer.getheaders()), body=answer.read())
        finally:
            connection.close()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()


def asked_of(method: str, target: str, body: bytes) -> dict[str, Any]:
    """Say which of the queue service's operations a request is, of which queue, and with which parameters."""
    url = urlsplit(target)
    query = {name.lower(): value for name, value in parse_qsl(url.query, keep_blank_values=True)}
    _account, queue, *below = [unquote(part) for part in url.path.split("/") if part]
    asked: dict[str, Any] = {"op": _operation(method, below, query), "queue": queue}
    for name, parameter in (("n", "numofmessages"), ("vt", "visibilitytimeout"), ("ttl", "messagettl")):
        if parameter in query:
            asked[name] = int(query[parameter])
    if asked["op"] in {"update", "delete"}:
        asked["id"] = below[-1]
    if asked["op"] == "send":
        asked["text_sha"] = digest(_parsed(body).findtext("MessageText") or "")
    return asked


def _operation(method: str, below: list[str], query: dict[str, str]) -> str:
    match len(below):
        case 0:
            return {"PUT": "create", "DELETE": "delete_queue"}.get(method, "exists")
        case 1 if method == "POST":
            return "send"
        case 1:
            return "peek" if query.get("peekonly") == "true" else "receive"
        case _:
            return "update" if method == "PUT" else "delete"


def answered(operation: str, answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"status": answer.status}
    if answer.status >= 400:
        found["code"] = next((value for name, value in answer.headers.items() if name.lower() == "x-ms-error-code"), "")
    if operation == "receive" and answer.status == 200:
        found["messages"] = [_message(item) for item in _parsed(answer.body).findall("QueueMessage")]
    return found


def _parsed(text: bytes) -> ET.Element:
    return ET.fromstring(text.decode("utf-8-sig"))  # noqa: S314 - what hosts and Azurite send each other here


def _message(item: ET.Element) -> dict[str, Any]:
    visible = parsedate_to_datetime(item.findtext("TimeNextVisible") or "").timestamp()
    return {
        "id": item.findtext("MessageId"),
        "dequeue": int(item.findtext("DequeueCount") or 0),
        "visible_in": round(visible - time.time()),
        "text_sha": digest(item.findtext("MessageText") or ""),
    }


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _refusal(status: int, code: str) -> Answer:
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return Answer(
        status=status, headers={"x-ms-error-code": code, "Content-Type": "application/xml"}, body=text.encode()
    )
