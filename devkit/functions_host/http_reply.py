"""Turns what a function returned into an HTTP response."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.cookies import Morsel
from typing import Any
from urllib.parse import quote

from azure.functions import meta

_TEXT = "text/plain; charset=utf-8"
_EXPIRES = "%a, %d %b %Y %H:%M:%S GMT"
# The server itself sets these.
_NOT_THE_APPS = {"connection", "content-length", "transfer-encoding", "date", "server"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @classmethod
    def text(cls, text: str) -> "Reply":
        return cls(status=200, headers=[("Content-Type", _TEXT)], body=text.encode())


def reply_of(result: meta.Datum) -> Reply:
    """Read what the library's encoder made of the returned value. Raises on what Kestrel would refuse."""
    if result.type == "string":
        return _reply_of_text(result.value)
    value = result.value
    headers = [(name, item.value) for name, item in value["headers"].items() if name.lower() not in _NOT_THE_APPS]
    cookies = [("Set-Cookie", _cookie(morsel)) for jar in value["cookies"] or [] for morsel in jar.values()]
    return _checked(Reply(status=int(value["status_code"].value), headers=headers + cookies, body=value["body"].value))


def _cookie(morsel: Morsel[str]) -> str:
    """Write a cookie anew, as ASP.NET does. Raises on a time that the worker cannot read (datumdef.py)."""
    max_age, same_site = morsel["max-age"], morsel["samesite"].lower()
    parts = [
        f"{morsel.key}={quote(morsel.value, safe='')}",
        morsel["expires"] and f"expires={_rewritten(morsel['expires'])}",
        max_age and f"max-age={int(float(max_age))}",
        f"domain={morsel['domain']}",
        f"path={morsel['path']}",
        "secure" if morsel["secure"] else "",
        f"samesite={same_site}" if same_site in {"lax", "strict", "none"} else "",
        "httponly" if morsel["httponly"] else "",
    ]
    return "; ".join(filter(None, parts))


def _rewritten(expires: str) -> str:
    return format_datetime(datetime.strptime(expires, _EXPIRES).replace(tzinfo=UTC), usegmt=True)


def _reply_of_text(text: str) -> Reply:
    """Read text; a JSON object with a `body` is a whole response (HttpBinding.cs)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    fields = {name.lower(): value for name, value in document.items()} if isinstance(document, dict) else {}
    if "body" not in fields:
        return Reply.text(text)
    given = fields.get("headers")
    headers = [(str(name), str(value)) for name, value in (given if isinstance(given, dict) else {}).items()]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(
            ("Content-Type", _TEXT if isinstance(fields["body"], str) else "application/json; charset=utf-8")
        )
    return _checked(Reply(status=_status(fields), headers=headers, body=_body(fields["body"])))


def _status(fields: dict[str, Any]) -> int:
    try:
        return int(fields.get("statuscode", fields.get("status", 200)))
    except (TypeError, ValueError):
        return 200


def _body(value: object) -> bytes:
    if value is None:
        return b""
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _checked(reply: Reply) -> Reply:
    if not 200 <= reply.status <= 999:
        raise ValueError(f"{reply.status} is no status of a response")
    for name, value in reply.headers:
        if not (name + value).isascii() or any(character < " " for character in name + value):
            raise ValueError(f"header {name!r} holds a control or non-ASCII character")
    return reply
