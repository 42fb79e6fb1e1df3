"""What comes back instead of what was asked for: a documented error, or no reply at all."""

from __future__ import annotations

import json
from enum import StrEnum

from werkzeug.wrappers import Response


class Body(StrEnum):
    JSON = "json"
    HTML = "html"
    EMPTY = "empty"


class Refusal(Exception):
    """A request ends with an error answer; the shape is Web API's `error.code`, `error.message`.

    HTML and empty bodies are what gateways in front of Dataverse answer.
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
    """The connection is closed, as when a gateway or a network dies: without a word, or after `raw` was sent."""

    def __init__(self, raw: bytes = b"") -> None:
        super().__init__()
        self.raw = raw


def unauthorized() -> Refusal:
    """Dataverse says nothing more about a token that it does not take."""
    return Refusal(401, body=Body.EMPTY)


def not_supported(what: str) -> Refusal:
    return Refusal(501, "0x80040203", f"{what} is not supported by this stand-in.")
