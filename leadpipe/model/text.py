"""Makes any text fit for a column: well formed, without refused control characters, short enough."""

import re

# The characters that XML 1.0 rules out. Dataverse answers 0x80040278 for these (https://www.w3.org/TR/xml/#charsets).
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def well_formed(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD, so that it can be encoded."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


# What forms and exports write into empty fields, such as `N/A` and `xxx@xxx.xxx`, without blanks and signs.
_NOTHING = re.compile(
    "0+|x{2,}|na|none|null|nil|nan|undefined|true|false|unknown|anonymous|hidden|private|confidential|empty|missing"
    "|withheld|redacted|removed|masked"
    "|not(?:available|applicable|provided|given|known|specified|set|disclosed)"
)

# Letters to Unicode, and invisible.
_FILLERS = "\u115f\u1160\u3164\uffa0"


def says_something(text: str) -> bool:
    """Whether the text has a letter or a digit, unlike blanks, `-` and `***`."""
    return any(map(str.isalnum, text))


def can_name_somebody(text: str) -> bool:
    """Whether the text has a letter or digit, and is not one of the words for nothing, such as `N/A`."""
    letters = "".join(filter(str.isalnum, text)).casefold().strip(_FILLERS)
    return bool(letters) and not _NOTHING.fullmatch(letters)


def without_controls(text: str) -> str:
    """The text without the control characters that Dataverse refuses."""
    return _REFUSED.sub("", text)


def utf16_length(text: str) -> int:
    """The length as .NET, hence Dataverse and Azure Tables, counts it. The text has to be well formed."""
    return len(text.encode("utf-16-le")) // 2


def bounded(text: str, units: int) -> str:
    """The text, well formed and with at most that many UTF-16 units. Takes any text."""
    if len(text) <= units and text.isascii():
        return text
    return shortened(well_formed(text), units)


def shortened(text: str, units: int) -> str:
    """The longest start of the text that fits in that many UTF-16 units and ends at a whole character."""
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore")


def fit(text: str, units: int) -> str:
    """The text as the column takes it: trimmed, without refused characters, short enough."""
    return shortened(without_controls(text).strip(), units).rstrip()
