"""Gives each source of leads one name, however the marketplace spells it."""

import re

_APP_SOURCE = ("AppSource", "SPZA", "AppSource (SPZA)")
_NO_LETTER = re.compile(r"[^a-z]+")
_FOLDED = frozenset({"appsource", "spza", "appsourcespza", "spzaappsource"})


def one_source(text: str) -> str:
    """`AppSource` for each of its spellings; another source as it is."""
    return _APP_SOURCE[0] if _NO_LETTER.sub("", text.casefold()) in _FOLDED else text


def spellings_of(source: str) -> tuple[str, ...]:
    """The marketplace's spellings of a source that `one_source` returned."""
    return _APP_SOURCE if source == _APP_SOURCE[0] else (source,)
