"""Making text from outside harmless to a terminal. Whoever can post a lead chooses what is in it.

Escape sequences could rewrite what an operator sees, and direction marks could show one address as another.
"""

import re

# C0 and C1 controls, what ends a line, marks that turn the direction of writing, and halves of surrogate pairs.
_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_IN_A_LINE = re.compile(f"[{_CONTROL}]")
_IN_LINES = re.compile(f"(?!\n)[{_CONTROL}]")


def one_line(text: str) -> str:
    """The text for one line, each control character shown as U+FFFD."""
    return _IN_A_LINE.sub("\ufffd", text)


def escaped(posted: str | bytes) -> str:
    """What was posted, in the lines that it has; control characters, and bytes that are no UTF-8, as escapes."""
    text = posted.decode("utf-8", "backslashreplace") if isinstance(posted, bytes) else posted
    return _IN_LINES.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
