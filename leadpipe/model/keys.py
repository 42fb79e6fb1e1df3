"""The endpoint's own keys: reads LEADPIPE_KEYS, and finds the key that a post came with.

The setting has its keys by comma, each `name:value` or a value alone. What stands before the first `:` is the name if
it is at most 64 letters, digits, `_`, `.` and `-`; so a value alone that has a `:` after such a text needs a name. A
value alone is named by its place, `key1`, `key2` and so on. A value is visible ASCII without a comma, since it has to
fit into a header.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leadpipe.model.reference import unresolved

# The reason of a post that came with none of the keys.
WRONG_KEY = "wrong_key"
SHORTEST_KEY = 16
LONGEST_NAME = 64
_NAME = rf"[A-Za-z0-9_.-]{{1,{LONGEST_NAME}}}"
_NAMED = re.compile(rf"({_NAME}):(.*)", re.DOTALL)
# A comma inside the brackets of a reference does not end a key.
_COMMA_OUTSIDE_BRACKETS = re.compile(r",(?![^()]*\))")
_VISIBLE = re.compile("[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointKey:
    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a post brought along. A header and the address may each have a key; one good one is enough."""

    header: str = field(default="", repr=False)
    code: str = field(default="", repr=False)

    @property
    def texts(self) -> tuple[str, ...]:
        """The header first. In an address that was not encoded a `+` of the key arrives as a blank."""
        return (self.header, self.code.replace(" ", "+"))


def keys_of(text: str) -> tuple[list[EndpointKey], list[str]]:
    """The readable keys, and what is wrong with each of the others. Names a key by its place, never by what it has."""
    keys: list[EndpointKey] = []
    problems: list[str] = []
    parts = [part.strip() for part in (_COMMA_OUTSIDE_BRACKETS.split(text) if unresolved(text) else text.split(","))]
    for place, part in enumerate(parts, start=1):
        named = _NAMED.fullmatch(part)
        key = EndpointKey(name=named[1] if named else f"key{place}", value=(named[2] if named else part).strip())
        where = f"key {place} of {len(parts)}"
        if why := _unreadable(part, key.value):
            problems.append(f"{where} {why}; it does not count")
            continue
        problems += [f"{where} {doubt}" for doubt in _doubts(key, keys)]
        keys.append(key)
    return keys, problems


def key_presented(presented: Presented, keys: Sequence[EndpointKey]) -> str | None:
    """The name of the key that the post came with; None if it is none of them.

    Compares every text with every key, so that the time it takes says nothing about which of them was similar. Hashes
    are compared, whose length says nothing either.
    """
    found = [
        key.name if hmac.compare_digest(_hash(text), _hash(key.value)) else None
        for text in presented.texts
        for key in keys
    ]
    return next(filter(None, found), None)


def is_key_name(text: str) -> bool:
    return re.fullmatch(_NAME, text) is not None


def is_key_value(text: str) -> bool:
    return _VISIBLE.fullmatch(text) is not None


def _unreadable(part: str, value: str) -> str:
    if unresolved(part):
        return "is an unresolved reference: the platform resolves a setting only whole, so put all keys into one secret"
    if not value:
        return "is empty"
    if not is_key_value(value):
        return "has blanks or characters beyond ASCII, which no header carries"
    return ""


def _doubts(key: EndpointKey, others: Iterable[EndpointKey]) -> list[str]:
    """What is odd about a key that counts all the same."""
    doubts = []
    if len(key.value) < SHORTEST_KEY:
        doubts.append(f"is shorter than {SHORTEST_KEY} characters, so it could be guessed")
    if any(key.value == other.value for other in others):
        doubts.append("is the same as one before it, whose name its leads get")
    elif any(key.name == other.name for other in others):
        doubts.append("has the name of one before it, so that nobody can tell which of the two is in use")
    return doubts


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
