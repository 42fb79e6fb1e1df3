"""A TOML text without what is quoted in it and without comments: what is left is seen through without a parser."""

import re

# Stands for the end of a line within a quoted text. TOML has none of its own, once Windows' line ends are gone.
QUOTED_LINE_END = "\r"
# What is not closed goes on to its end, so that nothing is looked through twice: it is no TOML from there on.
_QUOTED = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"{3,5}|\\?\Z)'
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:\\[^\n]|[^"\\\n])*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*",
    re.DOTALL,
)
_BETWEEN_KEYS = re.compile(r"[^=,\[\]{}\n]+")


def bare(text: str) -> str:
    return _QUOTED.sub(lambda quoted: QUOTED_LINE_END * quoted[0].count("\n"), text)


def line_of_long_key(text: str, most_parts: int) -> int | None:
    """The line of the first key `a.b.c` of more parts. tomllib takes the square of their number."""
    left = bare(text)
    for between in _BETWEEN_KEYS.finditer(left):
        if between[0].count(".") >= most_parts:
            before = left[: between.start()]
            return before.count("\n") + before.count(QUOTED_LINE_END) + 1
    return None
