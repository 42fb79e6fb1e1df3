"""One log line for one thing that happened: `event key=value …`, as docs/logs.md lists them.

The Functions worker drops `extra` fields, so everything is in the text. Fields are ids, states, slugs and counts;
never a lead's data, a key or a token. Whatever a value is, the line is one line of visible ASCII and not long.
"""

import json
import re

LONGEST_VALUE = 1000
_ONE_WORD = re.compile("[!#-~]+")


def log_line(event: str, **fields: object) -> str:
    """The line, empty fields left out, values that are not one plain word quoted and escaped as in JSON."""
    told = (f"{name}={_value(value)}" for name, value in fields.items() if value not in (None, ""))
    return " ".join((event, *told))


def _value(value: object) -> str:
    text = str(value)
    if len(text) > LONGEST_VALUE:
        text = f"{text[:LONGEST_VALUE]}..."
    return text if _ONE_WORD.fullmatch(text) else json.dumps(text).replace("\x7f", "\\u007f")
