"""Makes one log line for one event: `event key=value …`. docs/logs.md lists the events.

The Functions worker drops `extra` fields, so everything is in the text. Fields are ids, states, slugs and counts;
never a lead's data, a key or a token. Whatever a value is, the line is one short line of visible ASCII.
"""

import json
import re

LONGEST_VALUE = 1000
_ONE_WORD = re.compile("[!#-~]+")


def log_line(event: str, **fields: object) -> str:
    """The line. Leaves empty fields out, and quotes and escapes values that are not one plain word as JSON does."""
    pairs = (f"{name}={_value(value)}" for name, value in fields.items() if value not in (None, ""))
    return " ".join((event, *pairs))


def _value(value: object) -> str:
    text = str(value)
    if len(text) > LONGEST_VALUE:
        text = f"{text[:LONGEST_VALUE]}..."
    return text if _ONE_WORD.fullmatch(text) else json.dumps(text).replace("\x7f", "\\u007f")
