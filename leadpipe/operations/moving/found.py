"""Finds the leads in a text of another app's: as they were posted, or inside what that app wrapped around them.

Known wrappers are a message's JSON in base64, a JSON text inside another one, the outputs of a Power Automate trigger
(`body`, also in base64 under `$content`), events with `data`, and leadpipe's own envelope. Any other object around a
lead does no harm either: an object with one of the keys that only leads have is found wherever it is.
https://learn.microsoft.com/azure/logic-apps/logic-apps-content-type
"""

import base64
import json
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from leadpipe.model.errors import InvalidLead
from leadpipe.model.lead import DOCUMENTED, Lead
from leadpipe.model.posted import LEAD_KEYS, PERSON, PERSON_KEYS, folded
from leadpipe.model.text import well_formed

# The keys that a lead has and hardly anything else.
_LEADS_OWN = frozenset({*LEAD_KEYS["lead_source"], *LEAD_KEYS["action_code"], *LEAD_KEYS["offer_title"]})
_PERSONS_KEYS = frozenset(PERSON_KEYS.values())
# What may be around a lead that has none of those keys.
_WRAPPERS = frozenset({"$content", "body", "content", "data", "message", "outputs", "payload", "triggerbody"})
# When a run began, a message was put, or an event happened.
_TIMES = frozenset(
    {
        "createdat",
        "createdon",
        "date",
        "enqueuedtime",
        "enqueuedtimeutc",
        "eventtime",
        "insertedon",
        "insertiontime",
        "receivedat",
        "starttime",
        "time",
        "timestamp",
    }
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_URL_SAFE = str.maketrans("-_", "+/")
_BLANKS = " \t\r\n\ufeff\0"
_UTF16_MARKS = frozenset({b"\xff\xfe", b"\xfe\xff"})
# More objects than any message or run of a flow has. A text beyond that holds no lead.
_MOST_VALUES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLead:
    """`at`: the time beside the lead, None where there is none."""

    payload: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A value of the text. `wrapped`: whether nothing but known wrappers is around it."""

    value: Any
    at: datetime | None = None
    wrapped: bool = True


def leads_in(text: str | bytes) -> list[FoundLead]:
    """The leads in the text, each content once; none where it is something else."""
    written = as_text(text)
    if written is None:
        return []
    root = opened(written)
    places = [*_places(root)]
    found = [place for place in places if _is_lead(place.value)] or [
        *filter(lambda place: place.wrapped and _names_somebody(place.value), places)
    ][:1]
    leads = [FoundLead(payload=_payload(place.value, root, written), at=place.at) for place in found]
    return [*{lead.payload: lead for lead in reversed(leads)}.values()][::-1]


def as_text(text: str | bytes) -> str | None:
    """None for bytes that are neither UTF-8 nor, with its mark, UTF-16."""
    if isinstance(text, str):
        return text.strip(_BLANKS)
    try:
        return text.decode("utf-16" if text[:2] in _UTF16_MARKS else "utf-8-sig").strip(_BLANKS)
    except UnicodeDecodeError:
        return None


def opened(value: Any) -> Any:
    """The value inside a JSON text, however often it was encoded, also in base64; the text itself if it is neither."""
    while isinstance(value, str):
        inner = parsed(value) if _may_be_json(value) else _in_base64(value)
        if inner is None:
            return value
        value = inner
    return value


def parsed(text: str) -> Any:
    """The value of a JSON text, numbers with a point as they are written; None where it is not JSON.

    None also where it is nested so deep that it could not be written again, which takes more of the stack.
    """
    try:
        value = json.loads(text, parse_float=str, parse_constant=str)
        json.dumps(value)
    except (ValueError, RecursionError):
        return None
    return value


def time_in(value: Any) -> datetime | None:
    """The time that a text names, in the form of ISO 8601 or of HTTP; None where it names none."""
    if not isinstance(value, str):
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError, OverflowError):
            at = read(value.strip())
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _places(root: Any) -> Iterator[_Place]:
    """The objects of the text, outer ones first. Does not look into a lead. Not recursive: a text may be very deep."""
    left = deque([_Place(value=root)])
    for _ in range(_MOST_VALUES):
        if not left:
            return
        place = left.popleft()
        value = place.value
        if isinstance(value, list):
            left += (_Place(value=opened(each), at=place.at, wrapped=place.wrapped) for each in value)
        if not isinstance(value, dict):
            continue
        at = _time_of(value) or place.at
        yield _Place(value=value, at=at, wrapped=place.wrapped)
        if not _is_lead(value):
            left += (
                _Place(value=opened(inner), at=at, wrapped=place.wrapped and key.lower() in _WRAPPERS)
                for key, inner in value.items()
            )


def _is_lead(value: dict[str, Any]) -> bool:
    """Whether it has a text under a key of leads alone. The schema of a lead, which flows have too, has none."""
    for key, inner in value.items():
        name = folded(key)
        if name in _LEADS_OWN and isinstance(inner, str) and inner.strip():
            return True
        if name in PERSON and _is_person(opened(inner)):
            return True
    return False


def _is_person(value: Any) -> bool:
    """Whether it has a text of a person's, or is a text that cannot be read: only part of it came."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return isinstance(value, dict) and any(
        folded(key) in _PERSONS_KEYS and isinstance(inner, str | int) and str(inner).strip()
        for key, inner in value.items()
    )


def _names_somebody(value: dict[str, Any]) -> bool:
    """Whether it reads as the lead of somebody, although it has none of the keys of leads alone."""
    try:
        lead = Lead.from_payload(json.dumps(value))
    except (InvalidLead, RecursionError):
        return False
    return lead.names_somebody and sum(bool(getattr(lead, field).strip()) for field in DOCUMENTED) > 1


def _payload(value: dict[str, Any], root: Any, written: str) -> str:
    """The lead as it was written where nothing is around it."""
    alone = value is root and written.startswith("{")
    return written if alone else well_formed(json.dumps(value, ensure_ascii=False))


def _time_of(value: dict[str, Any]) -> datetime | None:
    """The first time in the object or in the headers beside a body."""
    headers = value.get("headers")
    keys = [*value.items(), *(headers.items() if isinstance(headers, dict) else ())]
    times = (time_in(inner) for key, inner in keys if folded(key) in _TIMES)
    return next((at for at in times if at), None)


def _may_be_json(text: str) -> bool:
    return text.lstrip(_BLANKS)[:1] in {"{", "[", '"'}


def _in_base64(text: str) -> Any:
    """The JSON that the text has in base64; None where it has none."""
    letters = text.strip(_BLANKS)
    if not _BASE64.fullmatch(letters):
        return None
    letters = letters.rstrip("=").translate(_URL_SAFE)
    try:
        inside = as_text(base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True))
    except ValueError:
        return None
    return parsed(inside) if inside and _may_be_json(inside) else None
