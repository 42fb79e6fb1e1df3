"""The lead is what the marketplace sent, as a value.

The payload is documented for the HTTPS destination:
https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-https
"""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Self

from leadpipe.model import canary_form
from leadpipe.model.errors import InvalidLead
from leadpipe.model.posted import PERSON_KEYS, parsed, texts_of
from leadpipe.model.source import one_source
from leadpipe.model.text import can_name_somebody, says_something
from leadpipe.model.unread import unread_keys

MAX_PAYLOAD_BYTES = 32 * 1024
# The documented fields, in the order of a fingerprint.
DOCUMENTED = (*PERSON_KEYS, "lead_source", "action_code", "offer_title", "description")
# What lists and Dynamics show as the name of a lead without one.
WITHHELD = "(withheld)"
UNREAD = "(unread)"

_TEST_VALUE = re.compile(r"MSFT_TEST_\d+(@test\.com)?")
_WHITE_SPACE = re.compile(r"\s+")
_CAMPAIGN = re.compile(r"^[^\S\n]*campaigns[^\S\n]*:(.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The documented fields as texts, empty if the marketplace left them out.

    `lead_source` is a bare source or `source-action|publisher.offer`; `source`, `action` and `offer` read both.
    `product_id` is the offer's id in a row of the marketplace's table; it is empty if `lead_source` has an id.
    `unread` names posted keys that look like a person's but were not read into a field.
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
    product_id: str = ""
    unread: tuple[str, ...] = ()

    @classmethod
    def from_payload(cls, payload: str) -> Self:
        """Reads the posted text.

        Raises InvalidLead: `not_json`, `not_an_object`, or `nothing_in_it` if no documented field has a value and no
        value looks like a person's.
        """
        posted = parsed(payload)
        texts = texts_of(posted)
        unread = unread_keys(posted, texts)
        if not unread and not any(texts[field] for field in DOCUMENTED):
            raise InvalidLead("nothing_in_it", "none of the documented lead fields has a value")
        return cls(**texts, unread=unread)

    @classmethod
    def found_in(cls, payload: str | None) -> Self | None:
        """The lead that the text is; None if it is not one, or nothing is kept."""
        try:
            return cls.from_payload(payload) if payload else None
        except InvalidLead:
            return None

    @property
    def source(self) -> str:
        return one_source(self._triple()[0])

    @property
    def action(self) -> str:
        return self.action_code.strip() or self._triple()[1]

    @property
    def offer(self) -> str:
        """The publisher's and the offer's id (`contoso.widget`); empty if only a title was sent."""
        return self._triple()[2] or self.product_id.strip()

    @property
    def words(self) -> str:
        """The description; empty if the marketplace sent only blanks, or `Campaigns:` without a campaign."""
        other_words = _CAMPAIGN.sub("", self.description, count=1).strip()
        return self.description if other_words or self.campaign else ""

    @property
    def campaign(self) -> str:
        """The text behind `Campaigns:` in the description, on the same line."""
        found = _CAMPAIGN.search(self.description)
        return found[1].strip() if found else ""

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name.strip(), self.last_name.strip()) if part)

    @property
    def is_test(self) -> bool:
        """Whether Partner Center sent it, on Validate or when an offer was published."""
        texts = (self.first_name, self.last_name, self.email, self.company)
        return any(_TEST_VALUE.fullmatch(text.strip()) for text in texts)

    @property
    def is_canary(self) -> bool:
        """Whether it is a lead of leadpipe's own, in all fields. One that differs anywhere is an ordinary lead."""
        return (
            self.lead_source == canary_form.SOURCE
            and all(getattr(self, field) == text for field, text in canary_form.TEXTS.items())
            and canary_form.is_canarys_description(self.description)
            and not self.product_id
            and not self.unread
        )

    @property
    def is_do_not_contact(self) -> bool:
        return "DNC" in {self.action.upper(), self._triple()[1].upper()}

    @property
    def names_somebody(self) -> bool:
        """Whether a name, an e-mail address or a phone number was read. `N/A` is none."""
        return any(map(can_name_somebody, (self.first_name, self.last_name, self.email, self.phone)))

    @property
    def is_withheld(self) -> bool:
        """Whether the marketplace withheld everything that identifies the person."""
        return not (self.names_somebody or says_something(self.company) or self.unread)

    @property
    def placeholder(self) -> str:
        """What is shown as the name of a lead without one."""
        return UNREAD if self.unread else WITHHELD

    @property
    def shown_name(self) -> str:
        """The name; without one, the placeholder if nothing else identifies the person, else empty."""
        return self.name or ("" if self.names_somebody or says_something(self.company) else self.placeholder)

    def fingerprint(self) -> str:
        """SHA-256 of the fields, in hex. Ignores white space, Unicode form and the case of the e-mail address.

        Empty if nobody is named or something is unread: such leads look alike, but may be of different people. Empty
        also for a canary, which is nobody's.
        """
        if self.unread or not self.names_somebody or self.is_canary:
            return ""
        said = [_folded(text.casefold() if field == "email" else text) for field, text in self._said()]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def customer(self) -> str:
        """SHA-256 of the e-mail address and the offer, in hex: the same for all that one customer does about one offer.

        Where the marketplace sent no offer's id, its title counts. Empty if either is missing, if something is unread,
        or if it is a test lead or a canary, which are nobody's.
        """
        offer = ("offer", self.offer) if self.offer else ("title", self.offer_title)
        nobodys = self.unread or self.is_test or self.is_canary
        if nobodys or not can_name_somebody(self.email) or not _folded(offer[1]):
            return ""
        # The first word makes it a hash of its own kind, which no fingerprint can be.
        said = ["customer", *(_folded(text.casefold()) for text in (self.email, *offer))]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def _said(self) -> list[tuple[str, str]]:
        """The fields of the fingerprint. Leaves an empty product id out, so that older fingerprints stay valid."""
        fields = DOCUMENTED if not self.product_id.strip() else (*DOCUMENTED, "product_id")
        return [(field, getattr(self, field)) for field in fields]

    def _triple(self) -> tuple[str, str, str]:
        """Source, action and offer out of `source-action|publisher.offer`."""
        left, bar, offer = (part.strip() for part in self.lead_source.partition("|"))
        source, dash, action = left.rpartition("-")
        if bar and dash:
            return source.strip(), action.strip(), offer
        return left, "", offer


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


def _folded(text: str) -> str:
    return _WHITE_SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
