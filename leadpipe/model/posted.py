"""Reads one text for each field of a lead out of what was posted.

The marketplace has written the person in several ways. `UserDetails` is the documented one
(https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-https), `CustomerInfo` is
that of its table destination, and its web-to-lead form puts the same keys at the top level, as `first_name`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from leadpipe.model.errors import InvalidLead
from leadpipe.model.json_text import Posted, is_blank, opened
from leadpipe.model.text import can_name_somebody, well_formed

PERSON = ("userdetails", "customerinfo")
# The sweep puts the columns of a row of the marketplace's table under this key.
ROW = "tablerow"
PERSON_KEYS = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "phone": "phone",
    "country": "country",
    "company": "company",
    "title": "title",
}
LEAD_KEYS = {
    "lead_source": ("leadsource",),
    "action_code": ("actioncode",),
    "offer_title": ("offertitle", "offerdisplayname"),
    "description": ("description",),
    "product_id": ("productid",),
}
_NOT_COUNTED = str.maketrans("", "", "_- \t\r\n\u00a0")


def folded(key: str) -> str:
    """One spelling for `FirstName`, `first_name` and `first-name`."""
    return key.lower() if key.isalpha() else key.lower().translate(_NOT_COUNTED)


def parsed(payload: str) -> Posted:
    """Raises InvalidLead: `not_json`, `not_an_object`."""
    try:
        posted = json.loads(payload, object_pairs_hook=Posted.of, parse_float=str, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidLead("not_json", f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:  # an integer beyond the interpreter's limit of digits
        raise InvalidLead("not_json", "a number has thousands of digits") from error
    except RecursionError as error:
        raise InvalidLead("not_json", "nested deeper than the parser goes") from error
    if not isinstance(posted, Posted):
        raise InvalidLead("not_an_object", f"a lead is a JSON object, this is {_json_kind(payload)}")
    return posted


def texts_of(posted: Posted) -> dict[str, str]:
    """Each field's text, by field: the first text that is not blank where the field may stand, else an empty one.

    For a field of the person `N/A` and `-` count only where nothing else stands.
    """
    documents = documents_of(posted)
    persons = [place for document in documents for place in _persons(document)]
    leads = [by_folded_key(document) for document in documents]
    texts = {
        **{field: _first_text((key,), persons, can_name_somebody) for field, key in PERSON_KEYS.items()},
        **{field: _first_text(keys, leads) for field, keys in LEAD_KEYS.items()},
    }
    return {**texts, "product_id": ""} if "|" in texts["lead_source"] else texts


def documents_of(posted: Posted) -> list[Posted]:
    """The objects that may have a lead's own keys."""
    row = by_folded_key(posted).get(ROW)
    return [posted, row] if isinstance(row, Posted) else [posted]


def by_folded_key(posted: Posted) -> dict[str, Any]:
    """The object with folded keys. Of several spellings the documented one wins, then the last. Blanks never win."""
    if all(map(str.isalpha, posted)):
        return posted
    found: dict[str, Any] = {}
    for key, value in sorted(posted.items(), key=lambda item: folded(item[0]) == item[0]):
        if folded(key) not in found or not is_blank(value):
            found[folded(key)] = value
    return found


def _persons(document: Posted) -> Iterator[Mapping[str, Any]]:
    """The objects that may describe the person, in reading order. At the top level only texts and numbers count."""
    keys = by_folded_key(document)
    for name in PERSON:
        for value in _spellings(document, name):
            person, _ = opened(value)
            if isinstance(person, Posted):
                yield by_folded_key(person)
    yield {key: value for key, value in keys.items() if isinstance(value, str | int) and not isinstance(value, bool)}


def _spellings(document: Posted, name: str) -> list[Any]:
    """The values of all keys that fold to the name: the documented spelling first, then the others from the last on."""
    others = [value for key, value in document.items() if folded(key) == name and key != name]
    return [document.get(name), *reversed(others)]


def _first_text(
    keys: Iterable[str], places: Iterable[Mapping[str, Any]], preferred: Callable[[str], bool] = bool
) -> str:
    found = (_text(place.get(key)) for key in keys for place in places)
    texts = [text for text in found if text.strip()]
    return next(filter(preferred, texts), texts[0] if texts else "")


def _no_constant(name: str) -> NoReturn:
    raise InvalidLead("not_json", f"{name} is not a JSON value")


def _text(value: Any) -> str:
    """A field's value as text: numbers as they were written, anything nested as its JSON, blanks as an empty text."""
    if isinstance(value, str):
        return well_formed(value)
    if is_blank(value):
        return ""
    if isinstance(value, bool | dict | list):
        return well_formed(_nested(value))
    return str(value)


def _nested(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError as error:  # writing takes a little more of the stack than reading did
        raise InvalidLead("not_json", "nested deeper than the parser goes") from error


def _json_kind(payload: str) -> str:
    kinds = {"[": "an array", '"': "a string", "t": "true or false", "f": "true or false", "n": "null"}
    return kinds.get(payload.lstrip()[:1], "a number")
