"""Reads JSON inside a text, which may be encoded several times or cut off before its end."""

import json
import re
from collections.abc import Iterator
from typing import Any

_BLANKS = " \t\r\n\f\v\u00a0\ufeff"
# A string without its closing quote reaches to the end of the text, so that nothing is scanned twice.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?P<end>"?)|[{}:,]|[^\s"{}\[\]:,]+', re.DOTALL)
_ESCAPED = re.compile(r'[^"\\]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*)*')
_ESCAPED_QUOTE_FIRST = re.compile(r'[\[{\s]*\\"')


class Posted(dict[str, Any]):
    """A JSON object with its keys in lower case. `spelt` has each as it was posted.

    Of equal keys the last one that is not blank wins: an empty one must not hide a person.
    """

    __slots__ = ("spelt",)
    spelt: dict[str, str]

    @classmethod
    def of(cls, pairs: list[tuple[str, Any]]) -> "Posted":
        posted = cls()
        posted.spelt = {}
        for key, value in pairs:
            lower = key.lower()
            if lower not in posted or not is_blank(value):
                posted[lower], posted.spelt[lower] = value, key
        return posted


def is_blank(value: Any) -> bool:
    """Whether the value has neither a text nor a number in it, however deep. Not recursive: a post may be very deep."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict | list):
            left += item.values() if isinstance(item, dict) else item
        elif item is not None and not (isinstance(item, str) and not item.strip()):
            return False
    return True


# Not strict: after decoding the outer text, a line end inside a string of the inner one is no longer escaped.
_DECODER = json.JSONDecoder(object_pairs_hook=Posted.of, parse_float=str, parse_constant=str, strict=False)


def opened(value: Any) -> tuple[Any, bool]:
    """The value inside, and whether it is whole. Repeatedly parses JSON texts and takes the item of a list of one.

    A text that looks like JSON but cannot be parsed is not whole; its value is an object of the complete pairs.
    """
    while True:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        elif isinstance(value, str) and _may_be_json(text := value.strip(_BLANKS)):
            try:
                value = _DECODER.decode(text)
            except (ValueError, RecursionError):
                value = _decoded_start(text)
                if value is None:
                    return Posted.of([*_complete_pairs(text)]), False
        else:
            return value, True


def _may_be_json(text: str) -> bool:
    return text[:1] in {"{", "[", '"'} or text == "null"


def _decoded_start(text: str) -> str | None:
    """The JSON inside an encoded text that lacks its closing quote, or both quotes; None if there is none."""
    if not text.startswith('"') and not _ESCAPED_QUOTE_FIRST.match(text):
        return None
    start = _ESCAPED.match(text.removeprefix('"'))
    decoded = str(_DECODER.decode(f'"{start[0] if start else ""}"'))
    return decoded if _may_be_json(decoded.strip(_BLANKS)) else None


def _complete_pairs(text: str) -> Iterator[tuple[str, Any]]:
    """The keys and values of the first object, without the objects inside it."""
    tokens = [*_TOKEN.finditer(text)]
    depth = 0
    for key, colon, value, after in zip(tokens, tokens[1:], tokens[2:], [*tokens[3:], None], strict=False):
        depth += {"{": 1, "}": -1}.get(key[0], 0)
        if key[0] == "}" and depth <= 0:
            return
        if depth <= 1 and key["end"] and colon[0] == ":" and (value["end"] or (value["end"] is None and after)):
            try:
                yield _DECODER.decode(key[0]), _DECODER.decode(value[0])
            except ValueError:  # an escape that JSON does not know, or an object
                continue
