"""One log line for one thing that happened: `event key=value …`, as docs/logs.md lists them.

The Functions worker drops `extra` fields, so everything is in the text. Fields are ids, states, slugs and counts;
never a lead's data, a key or a token.
"""


def log_line(event: str, **fields: object) -> str:
    """The line, empty fields left out, values with spaces quoted."""
    told = (f"{name}={_value(value)}" for name, value in fields.items() if value not in (None, ""))
    return " ".join((event, *told))


def _value(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text
