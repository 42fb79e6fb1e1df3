"""Gives texts of people one spelling, whatever their case, blanks, accents and signs."""

import re
import unicodedata

_ACCENTS = re.compile("[\u0300-\u036f]")
_MARK = "M"


def unaccented(text: str) -> str:
    """Without the accents of Latin, Greek and Cyrillic. The vowel signs of other scripts stay: names differ by them."""
    if text.isascii():
        return text.casefold()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text))).casefold()


def folded_address(text: str) -> str:
    return "".join(unaccented(text).split())


def folded_words(text: str) -> str:
    """The words, without signs between them."""
    kept = (char if char.isalnum() or unicodedata.category(char)[0] == _MARK else " " for char in unaccented(text))
    return " ".join("".join(kept).split())


def folded_name(text: str) -> str:
    """The words of a name in one order: `Doe, Jane` is `Jane Doe`."""
    return " ".join(sorted(folded_words(text).split()))
