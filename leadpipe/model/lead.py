"""The lead: what the marketplace sent, read without regard to the case of its keys.

Payload as documented for the HTTPS destination:
https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-https
"""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass, fields, replace
from typing import Any, NoReturn, Self

from leadpipe.model.errors import InvalidLead
from leadpipe.model.text import well_formed

MAX_PAYLOAD_BYTES = 32 * 1024

_TEST_VALUE = re.compile(r"MSFT_TEST_\d+(@test\.com)?")
_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The documented fields as texts, empty where the marketplace left them out.

    `lead_source` is a bare source or `source-action|publisher.offer`; `source`, `action` and `offer` read both.
    """

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    country: str = ""
    company: str = ""
    title: str = ""
    lead_source: str = ""
    action_code: str = ""
    offer_title: str = ""
    description: str = ""

    @classmethod
    def from_payload(cls, payload: str) -> Self:
        """Reads the posted text.

        Raises InvalidLead: `not_json`, `not_an_object`, or `nothing_in_it` where no documented field has a value.
        """
        posted = _parsed(payload)
        if not isinstance(posted, dict):
            raise InvalidLead("not_an_object", f"a lead is a JSON object, this is {_json_kind(payload)}")
        person = posted.get("userdetails")
        lead = cls(
            **_texts(person if isinstance(person, dict) else {}, _PERSON_FIELDS),
            **_texts(posted, _LEAD_FIELDS),
        )
        if not any(value.strip() for value in _values(lead)):
            raise InvalidLead("nothing_in_it", "none of the documented lead fields has a value")
        return lead

    @property
    def source(self) -> str:
        return self._triple()[0]

    @property
    def action(self) -> str:
        return self.action_code.strip() or self._triple()[1]

    @property
    def offer(self) -> str:
        """The publisher's and the offer's id (`contoso.widget`), empty where only a title was sent."""
        return self._triple()[2]

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name.strip(), self.last_name.strip()) if part)

    @property
    def is_test(self) -> bool:
        """Whether Partner Center's Validate, or a publication, sent it."""
        texts = (self.first_name, self.last_name, self.email, self.company)
        return any(_TEST_VALUE.fullmatch(text.strip()) for text in texts)

    @property
    def is_do_not_contact(self) -> bool:
        return "DNC" in {self.action.upper(), self._triple()[1].upper()}

    @property
    def is_withheld(self) -> bool:
        """Whether the marketplace kept back everything that says who it is."""
        return not any(text.strip() for text in (self.name, self.email, self.phone, self.company))

    def fingerprint(self) -> str:
        """SHA-256 of what was said, in hex: white space, Unicode form and the e-mail address's case do not count."""
        said = [_folded(value) for value in _values(replace(self, email=self.email.casefold()))]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def _triple(self) -> tuple[str, str, str]:
        """Source, action and offer out of `source-action|publisher.offer`."""
        left, bar, offer = (part.strip() for part in self.lead_source.partition("|"))
        source, dash, action = left.rpartition("-")
        if bar and dash:
            return source.strip(), action.strip(), offer
        return left, "", offer


_PERSON_FIELDS = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "phone": "phone",
    "country": "country",
    "company": "company",
    "title": "title",
}
_LEAD_FIELDS = {
    "lead_source": "leadsource",
    "action_code": "actioncode",
    "offer_title": "offertitle",
    "description": "description",
}


def posted_text(body: bytes, *, at_most: int = MAX_PAYLOAD_BYTES) -> str:
    """The posted bytes as text, without a BOM.

    Raises InvalidLead: `empty_body`, `too_large` (413), `not_utf8`.
    """
    if not body:
        raise InvalidLead("empty_body", "there is no body; one sent in chunks does not get past the functions host")
    if len(body) > at_most:
        raise InvalidLead("too_large", f"a lead has at most {at_most} bytes, this has {len(body)}")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidLead("not_utf8", f"byte {error.start} is not UTF-8") from error


def _values(lead: Lead) -> list[str]:
    """In the order of the fields. `astuple` would copy each text, which was most of what a fingerprint cost."""
    return [getattr(lead, field.name) for field in fields(lead)]


def _parsed(payload: str) -> Any:
    """The JSON value, keys in lower case; of keys that differ only in case the last one wins, as of equal ones."""
    try:
        return json.loads(payload, object_pairs_hook=_lower_keys, parse_float=str, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidLead("not_json", f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:  # an integer beyond the interpreter's limit of digits
        raise InvalidLead("not_json", "a number has thousands of digits") from error
    except RecursionError as error:
        raise InvalidLead("not_json", "nested deeper than the parser goes") from error


def _lower_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key.lower(): value for key, value in pairs}


def _no_constant(name: str) -> NoReturn:
    raise InvalidLead("not_json", f"{name} is no JSON value")


def _texts(posted: dict[str, Any], fields: dict[str, str]) -> dict[str, str]:
    return {field: _text(posted.get(key)) for field, key in fields.items()}


def _text(value: Any) -> str:
    """A field's value as text: numbers as they were written, null as nothing, anything nested as its JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, bool | dict | list):
        return well_formed(_nested(value))
    return str(value)


def _nested(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError as error:  # writing takes a little more of the stack than reading did
        raise InvalidLead("not_json", "nested deeper than the parser goes") from error


def _folded(text: str) -> str:
    return _WHITE_SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def _json_kind(payload: str) -> str:
    kinds = {"[": "an array", '"': "a string", "t": "true or false", "f": "true or false", "n": "null"}
    return kinds.get(payload.lstrip()[:1], "a number")
