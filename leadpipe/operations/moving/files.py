"""Splits a file into the items that may each have a lead: JSON lines, a JSON array, or the history of a flow's runs.

https://learn.microsoft.com/rest/api/logic/workflow-runs/list gives the runs under `value`.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from leadpipe.model.errors import LeadpipeError
from leadpipe.operations.moving.found import as_text, leads_in, opened, parsed

_DECODER = json.JSONDecoder(parse_float=str, parse_constant=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileItem:
    """`where`: its place in the file, for people. `key`: a hash of its content.

    Of equal items in one file each has a key of its own, and the same one in another file too: a longer export of the
    same history brings back what is known.
    """

    where: str
    key: str
    text: str | bytes


def items_in(data: bytes) -> Iterator[FileItem]:
    """The file's items. Raises LeadpipeError for a file that is none of these forms."""
    there: Counter[str] = Counter()
    for where, text in _parts(data):
        content = _content(text)
        there[content] += 1
        key = sha256(json.dumps(["file", content, there[content]]).encode()).hexdigest()
        yield FileItem(where=where, key=key, text=text)


def _parts(data: bytes) -> list[tuple[str, str | bytes]]:
    written = as_text(data)
    values = None if written is None else _values(written)
    parts: list[tuple[str, str | bytes]]
    if values is None:
        parts = _lines(data)
    else:
        values = _elements(values[0]) if len(values) == 1 else values
        parts = [(f"item {number}", _written(value)) for number, value in enumerate(values, start=1)]
    if not any(isinstance(text, str) and isinstance(opened(text), dict | list) for _, text in parts):
        raise LeadpipeError("no_items", _why_none(written))
    return parts


def _why_none(text: str | None) -> str:
    if text == "":
        return "the file is empty"
    fault = _fault_of(text) if text and text[0] in "{[" else ""
    return fault or "the file has neither lines of JSON, nor a JSON array, nor the runs of a flow"


def _fault_of(text: str) -> str:
    """What is wrong with the first JSON value that cannot be read; empty where each can be."""
    try:
        _read(text)
    except json.JSONDecodeError as error:
        ends = error.pos >= len(text) or error.msg.startswith("Unterminated")
        what = "breaks off" if ends else "has a fault"
        return f"the file's JSON {what} at line {error.lineno}, column {error.colno}: {error.msg}"
    except ValueError:  # an integer beyond the interpreter's limit of digits
        return "a number in the file has thousands of digits"
    except RecursionError:
        return "the file's JSON is nested deeper than the parser goes"
    return ""


def _values(text: str) -> list[Any] | None:
    """The JSON values that follow each other in the text; None where something else is between them.

    Or where one is nested too deep to be written again.
    """
    try:
        return _read(text)
    except (ValueError, RecursionError):
        return None


def _read(text: str) -> list[Any]:
    found, at = [], 0
    while at < len(text):
        value, at = _DECODER.raw_decode(text, at)
        json.dumps(value)
        found.append(value)
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
    return found


def _elements(value: Any) -> list[Any]:
    """The elements of an array, or of the one list in an object that has no lead beside it: `{"value": [...]}`."""
    while isinstance(value, dict):
        inside = {key: opened(inner) for key, inner in value.items()}
        lists = [inner for inner in inside.values() if _is_list_of_objects(inner)]
        beside = {key: inner for key, inner in inside.items() if not _is_list_of_objects(inner)}
        if len(lists) != 1 or leads_in(json.dumps(beside)):
            break
        value = lists[0]
    return value if isinstance(value, list) else [value]


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _lines(data: bytes) -> list[tuple[str, str | bytes]]:
    """Lines of which some are not JSON: those are items too, as they are."""
    lines = [(f"line {number}", line.strip()) for number, line in enumerate(data.split(b"\n"), start=1)]
    return [(where, line if (text := as_text(line)) is None else text) for where, line in lines if line]


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _content(text: str | bytes) -> str:
    """The same for the same JSON, however it is written."""
    if isinstance(text, bytes):
        return text.hex()
    value = parsed(text)
    return text if value is None else json.dumps(value, sort_keys=True)
