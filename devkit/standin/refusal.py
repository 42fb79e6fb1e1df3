"""Ends a request with a documented error, or without a reply."""

from __future__ import annotations

import json
from enum import StrEnum

from werkzeug.wrappers import Response


class Body(StrEnum):
    JSON = "json"
    HTML = "html"
    EMPTY = "empty"


class Refusal(Exception):
    """An error answer in the Web API's form: `error.code`, `error.message`.

    Gateways in front of Dataverse answer with HTML and empty bodies.
    """

    def __init__(
        self, status: int, code: str = "", message: str = "", *, body: Body = Body.JSON, retry_after: int | None = None
    ) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.message = message
        self.body = body
        self.retry_after = retry_after

    def response(self) -> Response:
        content, mimetype = self._content()
        answer = Response(content, self.status, mimetype=mimetype)
        if self.retry_after is not None:
            answer.headers["Retry-After"] = str(self.retry_after)
        return answer

    def _content(self) -> tuple[str, str | None]:
        if self.body is Body.EMPTY:
            return "", None
        if self.body is Body.HTML:
            return (
                f"<html><head><title>{self.status}</title></head><body><h1>{self.status}</h1></body></html>",
                "text/html",
            )
        return json.dumps({"error": {"code": self.code, "message": self.message}}), "application/json"


class NoReply(Exception):
    """The connection is closed, as when a network fails: without an answer, or after `raw`."""

    def __init__(self, raw: bytes = b"") -> None:
        super().__init__()
        self.raw = raw


def unauthorized() -> Refusal:
    """Refuses a token. Dataverse does not say why."""
    return Refusal(401, body=Body.EMPTY)


def not_supported(what: str) -> Refusal:
    return Refusal(501, "0x80040203", f"{what} is not supported by this stand-in.")
