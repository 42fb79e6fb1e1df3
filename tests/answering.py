"""A server on loopback that gives every request one answer, whatever it is, and remembers what was asked."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any

ACCOUNT = "contoso"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`close_early`: the connection ends before the body is whole."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    close_early: bool = False


class Server:
    """Gives `answer`; `answers`, where set, gives another one to each request, by its method and path."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answer = Answer(status=500)
        self.answers: Callable[[str, str], Answer] | None = None
        self.requests: list[str] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def account(self) -> str:
        """The connection string of a storage account whose two services this is."""
        address = f"{self.url}/{ACCOUNT}"
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey=bWFkZS11cA==;"
            f"QueueEndpoint={address};TableEndpoint={address}"
        )

    def answer_to(self, method: str, path: str) -> Answer:
        self.requests.append(f"{method} {path}")
        return self.answers(method, path) if self.answers else self.answer


@contextmanager
def answering() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: in two, each would wait for the other side's acknowledgement

        def parse_request(self) -> bool:
            parsed = super().parse_request()
            if parsed:
                self.__dict__[f"do_{self.command}"] = self.give  # whatever the method
            return parsed

        def give(self) -> None:
            server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            answer = server.answer_to(self.command, self.path)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status not in {204, 304}:
                self.send_header("Content-Length", str(len(answer.body) + (10 if answer.close_early else 0)))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = answer.close_early

        def log_message(self, *arguments: Any) -> None:
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        server = Server(listening.server_address[1])
        # Python would wait at its end for one that is never told to stop.
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


def page(status: int, **headers: str) -> Answer:
    """What a proxy, a portal or a wrong host answers."""
    body = b"<html><head><title>Sorry</title></head><body><p>Sorry<code>42</code></p></body></html>"
    return Answer(status=status, body=body, headers={"Content-Type": "text/html", **headers})


def json_of(status: int, body: str, **headers: str) -> Answer:
    return Answer(status=status, body=body.encode(), headers={"Content-Type": "application/json", **headers})


def table_error(status: int, code: str) -> Answer:
    """A refusal of the table service: its code is in the body alone."""
    message = f'{{"lang": "en-US", "value": "0:{code}\\nRequestId:0"}}'
    return json_of(status, f'{{"odata.error": {{"code": "{code}", "message": {message}}}}}')


def queue_error(status: int, code: str) -> Answer:
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
    headers = {"Content-Type": "application/xml", "x-ms-error-code": code}
    return Answer(status=status, body=body.encode(), headers=headers)


def batch(*parts: Answer) -> Answer:
    """The answer to an entity-group transaction; its parts are those of the changes."""
    lines = ["--batchresponse_1", "Content-Type: multipart/mixed; boundary=changesetresponse_1", ""]
    for part in parts:
        lines += ["--changesetresponse_1", "Content-Type: application/http", "Content-Transfer-Encoding: binary", ""]
        lines += [f"HTTP/1.1 {part.status} Whatever", *(f"{name}: {value}" for name, value in part.headers.items()), ""]
        lines += [part.body.decode(), ""]
    lines += ["--changesetresponse_1--", "--batchresponse_1--", ""]
    headers = {"Content-Type": "multipart/mixed; boundary=batchresponse_1"}
    return Answer(status=202, body="\r\n".join(lines).encode(), headers=headers)


def with_header(answer: Answer, name: str, value: str) -> Answer:
    return replace(answer, headers={**answer.headers, name: value})
