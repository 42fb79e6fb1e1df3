"""Finds an e-mail address in a lead, and decides whether it is the lead's own or only mentioned.

An address is looked for whole: ann@contoso.com is not in joann@contoso.com, nor in ann@contoso.com.au. What was posted
is searched as text, because much of it never became fields: a rejected post may not even be JSON.
"""

import base64
import html
import re
import unicodedata
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import StrEnum
from functools import partial
from urllib.parse import unquote

from leadpipe.model.lead import Lead
from leadpipe.model.record import Record

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
# Between two letters these are part of an address; anywhere else they only surround one.
_BEFORE = ".+-%&~'’"
_AFTER = ".-"
_JSON_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_PLAIN = {'"': '"', "\\": "\\", "/": "/"}  # the other escapes are white space
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_URL_SAFE = str.maketrans("-_", "+/", "=")
# With more than this part of zero bytes it is UTF-16, of which every other byte is one in most languages.
_MOSTLY = 4
_MARK = "\ufeff"
# A JSON text inside a JSON text inside another one.
_DEEPEST = 4
# A key, or a tag, after which an address follows.
_MAIL_KEY = re.compile(r"mail[^\n:=>]{0,20}[:=>][\s\"'<\[]*$")
_LONGEST_KEY = 60


class Standing(StrEnum):
    """Whose the address is."""

    OWN = "own"
    MENTIONED = "mentioned"


def is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text.strip()) is not None


def standing(address: str, record: Record) -> Standing | None:
    """Whose the address is; None where the record does not have it. The record has to have its payload.

    The address is the lead's own in its e-mail field and in the others that identify a person. A lead whose e-mail
    field is empty also owns an address behind a key with `mail` in it, and, without a name, its only address.
    """
    wanted = folded(address)
    if stands_in(wanted, folded(record.email)):
        return Standing.OWN
    if found := standing_in(address, record.payload):
        return found
    columns = (record.detail, record.name, record.company, record.offer, record.source, record.action)
    return Standing.MENTIONED if stands_in(wanted, folded("\n".join(columns))) else None


def standing_in(address: str, payload: str | bytes | None) -> Standing | None:
    """Whose the address is in what was posted; None where that does not have it."""
    wanted = folded(address)
    for reading in _readings(payload):
        posted = folded(plain(reading))
        if stands_in(wanted, posted):
            return _whose(wanted, posted, _read(reading))
    return None


def _whose(wanted: str, posted: str, lead: Lead) -> Standing:
    if stands_in(wanted, folded(f"{lead.email}\n{lead.name}\n{lead.phone}\n{lead.company}\n{lead.title}")):
        return Standing.OWN
    if lead.email.strip():
        return Standing.MENTIONED
    places = [*_places(wanted, posted)]
    is_value = any(_MAIL_KEY.search(posted, max(0, at - _LONGEST_KEY), at) for at in places)
    is_alone = not lead.name and 0 < posted.count("@") == len(places)
    return Standing.OWN if is_value or is_alone else Standing.MENTIONED


def stands_in(wanted: str, text: str) -> bool:
    """Whether the folded address is in the folded text, whole."""
    return any(True for _ in _places(wanted, text))


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def plain(text: str) -> str:
    """The text without the escapes of JSON, of forms and of XML. Texts that it has in base64 follow."""
    for unescape in _UNESCAPE:
        for _ in range(_DEEPEST):
            text, before = unescape(text), text
            if text == before:
                break
    return "\n".join([text, *_in_base64(text)])


def _readings(payload: str | bytes | None) -> Iterator[str]:
    """What was posted as text. Nobody says in which encoding bytes are, and a wrong one could end a word too early."""
    if not isinstance(payload, bytes):
        yield payload or ""
        return
    if b"\0" in payload:
        yield from (payload.decode(encoding, "replace") for encoding in ("utf-16-le", "utf-16-be"))
    if payload.count(0) < len(payload) / _MOSTLY:
        yield _of_one_byte(payload.replace(b"\0", b""))


def _of_one_byte(payload: bytes) -> str:
    """UTF-8, of which the end may be missing; else Latin-1, as Windows writes it."""
    try:
        return getincrementaldecoder("utf-8")().decode(payload)
    except UnicodeDecodeError:
        return payload.decode("cp1252", "replace")


def _in_base64(text: str) -> Iterator[str]:
    """The texts with an address that the text has in base64."""
    for found in _BASE64.finditer(text):
        letters = found[0].translate(_URL_SAFE)
        letters += "A" * (-len(letters) % 4)  # the padding, or what was cut off
        with suppress(UnicodeDecodeError):  # any long word can be decoded, and gives no text
            inside = base64.b64decode(letters).replace(b"\0", b"").decode()
            if "@" in inside:
                yield inside


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _PLAIN.get(found[2], " ")


# The escapes of JSON, then those of forms and XML.
_UNESCAPE: tuple[Callable[[str], str], ...] = (
    partial(_JSON_ESCAPE.sub, _unescaped),
    lambda text: html.unescape(unquote(text)),
)


def _read(text: str) -> Lead:
    """The lead; an empty one where the text is not a lead."""
    return Lead.found_in(text.strip(_MARK)) or Lead()


def _places(wanted: str, text: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not (_goes_on(text[max(0, at - 2) : at][::-1], _BEFORE) or _goes_on(text[end : end + 2], _AFTER + "@")):
            yield at
        at = text.find(wanted, at + 1)


def _goes_on(beside: str, joining: str) -> bool:
    """Whether the two characters beside an address, the nearer one first, make it a longer one."""
    if _is_in_words(beside[:1]):
        return True
    return beside[:1] in joining and _is_in_words(beside[1:])


def _is_in_words(char: str) -> bool:
    """Whether it is a letter with case: Chinese, for one, is written right beside an address without a space."""
    return char == "_" or char.isdigit() or char.lower() != char.upper()
