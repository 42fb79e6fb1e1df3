"""Prints `--json`: an array of records with snake_case names, written one by one so that a long list needs no memory.

The output is ASCII: escapes keep a lead's text from steering the terminal, and from failing in its encoding.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Fields = Mapping[str, Any]


def print_json(records: Iterable[Fields]) -> int:
    """Prints the array and returns the number of records. Closes the array also when reading them fails."""
    count = 0
    try:
        for record in records:
            text = json.dumps(record, default=_value, allow_nan=False).replace("\x7f", "\\u007f")
            sys.stdout.write(f"{',' if count else '['}\n{text}")
            count += 1
        if not count:
            sys.stdout.write("[]\n")
    finally:
        if count:
            sys.stdout.write("\n]\n")
    return count


def iso(at: datetime) -> str:
    """UTC to the millisecond, with the Z that every reader of ISO 8601 knows."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _value(value: object) -> str | float:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 3)
    raise TypeError(type(value).__name__)
