"""One log line for one thing that happened: `event key=value …`, as docs/logs.md lists them.

The Functions worker drops `extra` fields, so everything is in the text. Fields are ids, states, slugs and counts;
never a lead's data, a key or a token.
"""

import json
import re

_NOT_ONE_WORD = re.compile(r'[\s"]')


def log_line(event: str, **fields: object) -> str:
    """The line, empty fields left out, values that would not read as one word quoted as in JSON."""
    told = (f"{name}={_value(value)}" for name, value in fields.items() if value not in (None, ""))
    return " ".join((event, *told))


def _value(value: object) -> str:
    text = str(value)
    return json.dumps(text) if _NOT_ONE_WORD.search(text) else text
