"""Finds the posted keys that look like a person's but were not read. The result has keys only, never values.

A key looks like a person's because of its name, or because its value is an e-mail address. If a lead names nobody,
every key of `UserDetails` does. A value that was also read elsewhere does not count.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any

from leadpipe.model.json_text import Posted, opened
from leadpipe.model.posted import LEAD_KEYS, PERSON, PERSON_KEYS, documents_of, folded
from leadpipe.model.text import can_name_somebody, shortened, well_formed, without_controls

MOST_NAMES = 10
LONGEST_NAME = 100
_NAMING_FIELDS = ("first_name", "last_name", "email", "phone")
_PERSONS_KEYS = frozenset(PERSON_KEYS.values())
_LEADS_KEYS = frozenset(key for keys in LEAD_KEYS.values() for key in keys)
_DOCUMENTED = _PERSONS_KEYS | _LEADS_KEYS

_WHOSE = "buyer|contacts?|customer|person|prospect|purchaser|requester|requestor|subscriber|user"
_WHICH = "alternate|business|corporate|direct|home|main|office|personal|preferred|primary|private|secondary|work"
_WHAT = (
    "(?:display|family|first|full|given|last|legal|middle|nick)?name|forename|surname|companyname|jobtitle"
    "|e?mail(?:address|id)?|upn|userprincipalname"
    "|(?:tele|mobile|cell)?phone(?:no|number)?|(?:mobile|cell|contact)(?:no|number)|mobile|cell|tel"
)
_ABOUT = "data|details?|info|information|profile|record"
# Folded keys such as name, workemail, contact, customerdetails, personaldata, mobilephone2.
_LOOKS_PERSONAL = (  # compiled by the first key that is not known: most leads have none
    rf"(?:{_WHICH})*(?:(?:{_WHOSE}){{1,2}}(?:{_ABOUT})?(?:{_WHICH})*(?:{_WHAT})?|{_WHAT}|(?<=personal))(?:{_ABOUT})?\d?"
    rf"|lead(?!name$)(?:{_WHICH})*(?:{_WHAT})"
)
# Also those that divide a path in one key, as in `UserDetails/FirstName` and `contact[email]`.
_SIGNS = re.compile(r"\W+")
# A key and its value, as `{"name": "FirstName", "value": "Ann"}`.
_IS_LABEL = rf"(?:{_WHOSE})?(?:{_WHICH})*(?!name$|mail$|mobile$|cell$)(?:{_WHAT})"
_LONGEST_LABEL = 40
_OF_A_PAIR = frozenset({"value", "values", "answer", "text", "content"})
# Products and publishers have these too: they count at the top of a lead and in a person's object only.
_ALSO_OF_THINGS = frozenset({"name", "displayname"})
# A person's object may have these keys, but they do not identify the person.
_TELLS_NOBODY = re.compile(
    ".*(?:code|date|etag|guid|id|key|time|type)"
    "|city|country|currency|encoding|industry|language|locale|region|source|state|status|timestamp|timezone|version"
)
_DOMAIN = r"[^\s@<>(),;:\".]+(?:\.[^\s@<>(),;:\".]+)+"
_ADDRESS = rf"[^\s@<>(),;:\"]+@{_DOMAIN}"
_IS_ADDRESS = re.compile(rf"(?:mailto:)?{_ADDRESS}|[^@<>]*<\s*(?:mailto:)?{_ADDRESS}\s*>", re.IGNORECASE)
# Starts at the last character before the @, so that no text is scanned twice.
_HAS_ADDRESS = re.compile(rf"[^\s@<>(),;:\"]@{_DOMAIN}")


class _Place(Enum):
    DOCUMENT = auto()  # has a lead's own keys
    PERSON = auto()  # UserDetails or CustomerInfo
    OF_A_PERSON = auto()  # below a key that looks like a person's: every value counts
    ELSEWHERE = auto()  # only an e-mail address counts


@dataclass(frozen=True, slots=True)
class _Path:
    """The keys that lead to a value. A linked list, because copies would cost the square of the depth."""

    before: "_Path | None"
    key: str

    def __str__(self) -> str:
        keys: list[str] = []
        step: _Path | None = self
        while step is not None:
            key = "(address)" if _HAS_ADDRESS.search(step.key) else step.key
            keys.append(" ".join(without_controls(well_formed(key)).split()))
            step = step.before
        return shortened(".".join(reversed(keys)), LONGEST_NAME)


_PlacedValue = tuple[Any, _Path | None, _Place]


def unread_keys(posted: Posted, texts: Mapping[str, str]) -> tuple[str, ...]:
    """The paths of at most ten unread keys that look like a person's. `texts`: what was read, by field."""
    names: dict[str, None] = {}
    for path in _unread(posted, _Read(texts)):
        names[str(path)] = None
        if len(names) == MOST_NAMES:
            break
    return tuple(names)


class _Read:
    """What was read of the lead."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self.names_nobody = not any(can_name_somebody(texts[field]) for field in _NAMING_FIELDS)

    @cached_property
    def _plain_texts(self) -> set[str]:
        name = f"{self._texts['first_name']} {self._texts['last_name']}"
        return {_plain(text) for text in (*self._texts.values(), name)}

    def has(self, text: str) -> bool:
        return text in self._texts.values() or _plain(text) in self._plain_texts


def _unread(posted: Posted, read: _Read) -> Iterator[_Path]:
    left: list[_PlacedValue] = [(posted, None, _Place.DOCUMENT)]
    while left:
        posted_value, path, place = left.pop()
        if isinstance(posted_value, str) and (not posted_value or read.has(posted_value)):
            continue
        value, whole = opened(posted_value)
        if isinstance(value, Posted):
            left += reversed([*_inside(value, path, place, read)])
        elif isinstance(value, list):
            left += [(item, path, _Place.OF_A_PERSON if place is _Place.PERSON else place) for item in reversed(value)]
        is_cut_off = not whole and (place is not _Place.ELSEWHERE or _HAS_ADDRESS.search(str(posted_value)))
        if path and (is_cut_off or _counts(value, place, read)):
            yield path


def _inside(posted: Posted, path: _Path | None, place: _Place, read: _Read) -> Iterator[_PlacedValue]:
    row = documents_of(posted)[1:] if path is None else []
    is_pair = path is not None and any(map(_is_label, posted.values()))
    for lower, value in posted.items():
        key = folded(lower)
        if _is_read(key, value, place):
            continue
        at = _Path(path, posted.spelt[lower])
        if row and value is row[0]:
            yield value, at, _Place.DOCUMENT
        elif is_pair and key in _OF_A_PAIR:
            yield value, at, _Place.OF_A_PERSON
        else:
            yield value, at, _place_of(key, value, place, read)


def _is_label(value: Any) -> bool:
    """Whether the text names a thing of a person's, as a key does."""
    return isinstance(value, str) and len(value) <= _LONGEST_LABEL and bool(re.fullmatch(_IS_LABEL, folded(value)))


def _is_read(key: str, value: Any, place: _Place) -> bool:
    """Whether the key was read into a field. An e-mail address counts as unread: it may be another person's."""
    if place not in {_Place.DOCUMENT, _Place.PERSON}:
        return False
    if isinstance(value, dict | list):  # some fields take the JSON of it
        return key in (_PERSONS_KEYS if place is _Place.PERSON else _LEADS_KEYS)
    return key in _DOCUMENTED and not (isinstance(value, str) and "@" in value)


def _place_of(key: str, value: Any, place: _Place, read: _Read) -> _Place:
    """The place of a value that has this key in that place."""
    if place is _Place.DOCUMENT and key in PERSON:
        return _Place.PERSON
    if place in {_Place.DOCUMENT, _Place.PERSON} and key in _DOCUMENTED and isinstance(value, str):
        return _Place.ELSEWHERE
    named_so = re.fullmatch(_LOOKS_PERSONAL, _SIGNS.sub("", key)) and not (
        place is _Place.ELSEWHERE and key in _ALSO_OF_THINGS
    )
    all_count = place is _Place.OF_A_PERSON or (place is _Place.PERSON and read.names_nobody)
    if named_so or (all_count and not _TELLS_NOBODY.fullmatch(key)):
        return _Place.OF_A_PERSON
    return _Place.ELSEWHERE


def _counts(value: Any, place: _Place, read: _Read) -> bool:
    if value is None or isinstance(value, bool | dict | list):
        return False
    text = str(value)
    if place in {_Place.PERSON, _Place.OF_A_PERSON}:
        return can_name_somebody(text) and not read.has(text)
    return "@" in text and _IS_ADDRESS.fullmatch(text.strip()) is not None and not read.has(text)


def _plain(text: str) -> str:
    return " ".join(well_formed(text).split()).casefold()
