"""Makes text from outside harmless to a terminal: anybody with the key can post any text.

Escape sequences could rewrite what an operator sees, direction marks could show one address as another, characters
that show nothing could hide a difference, and a heap of accents could paint over the lines above and below.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

# Letters, marks and symbols that show nothing: fillers, blank Braille, variation selectors and the like.
# https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001bc9d\U0001d159\U000e0100-\U000e01ef]"
)
_MARKS = frozenset({"Mn", "Me"})
# More of them on one letter than any language writes.
MOST_MARKS = 5
_NON_JOINER, _JOINER, _AS_EMOJI = "\u200c", "\u200d", "\ufe0f"
_VIRAMA = 9  # a combining class
_REPLACEMENT = "\ufffd"


def one_line(text: str) -> str:
    """The text for one line. Characters that steer or hide, and heaps of accents, are shown as U+FFFD."""
    return _shown(text, lambda _: _REPLACEMENT, whole=False)


def escaped(posted: str | bytes) -> str:
    """What was posted, line by line; characters that steer or hide, and bytes that are not UTF-8, become escapes."""
    text = posted.decode("utf-8", "backslashreplace") if isinstance(posted, bytes) else posted
    return "\n".join(_shown(line, _escape, whole=True) for line in text.split("\n"))


def _shown(line: str, show: Callable[[str], str], *, whole: bool) -> str:
    """`whole`: each accent of a heap is shown; otherwise the heap is, as one."""
    if line.isascii() and line.isprintable():
        return line
    shown, marks = [], 0
    for place, char in enumerate(line):
        if unicodedata.category(char) in _MARKS:
            marks += 1
        elif char not in {_JOINER, _NON_JOINER}:
            marks = 0
        if marks > MOST_MARKS:
            shown += [show(char)] if whole or marks == MOST_MARKS + 1 else []
        else:
            shown.append(show(char) if _is_hidden(char) and not _is_spelling(line, place) else char)
    return "".join(shown)


@lru_cache(maxsize=4096)
def _is_hidden(char: str) -> bool:
    """Controls, format characters, what ends a line, private and unassigned ones, halves of pairs, and blanks."""
    return _BLANK.match(char) is not None or not (char.isprintable() or unicodedata.category(char) == "Zs")


def _is_spelling(line: str, place: int) -> bool:
    """Whether it is one of the three invisible characters that Persian, Indic scripts and emoji need, where they do.

    https://www.rfc-editor.org/rfc/rfc5892#appendix-A
    """
    char, before, after = line[place], line[place - 1 : place] if place else "", line[place + 1 : place + 2]
    if char not in {_JOINER, _NON_JOINER, _AS_EMOJI} or not before:
        return False
    if char == _AS_EMOJI:
        return _is_symbol(before)
    if not after:
        return False
    if unicodedata.combining(before) == _VIRAMA:
        return True
    if char == _JOINER and (_is_symbol(before) or before == _AS_EMOJI):
        return _is_symbol(after)
    return unicodedata.bidirectional(before) == unicodedata.bidirectional(after) == "AL"


def _is_symbol(char: str) -> bool:
    """Emoji, and the colours of their skins."""
    return unicodedata.category(char) == "So" or "\U0001f3fb" <= char <= "\U0001f3ff"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
