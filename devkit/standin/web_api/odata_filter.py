"""Reads a $filter and tests rows with it: comparisons, also of related rows (`a/b`), and, or, not, functions.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/filter-rows
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from devkit.standin.refusal import Refusal, not_supported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Row = Mapping[str, Any]
    Test = Callable[[Row], bool]
    Check = Callable[[str], object]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>(?:Microsoft\.Dynamics\.CRM\.\w+)?'(?:[^']|'')*')|(?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F-]{27})"
    r"|(?P<time>\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?)|(?P<number>-?\d+(?:\.\d+)?)|(?P<sign>[(),])|(?P<word>[\w/.@]+))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_WORDS: dict[str, Any] = {"null": None, "true": True, "false": False}


def matcher(text: str, *, check: Check | None = None) -> Test:
    """Gives a test of one row. Raises Refusal if the text is not a filter.

    `check` is given the name of each column and refuses unknown ones; functions are then not supported.
    """
    return _Parser(text, check).parsed() if text.strip() else lambda _row: True


class _Parser:
    """Recursive descent; `or` binds loosest, then `and`, then `not`."""

    def __init__(self, text: str, check: Check | None) -> None:
        self._tokens = _tokens(text)
        self._check = check

    def parsed(self) -> Test:
        test = self._either()
        if self._tokens:
            raise _malformed()
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._skip("or"):
            tests.append(self._both())
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self._skip("and"):
            tests.append(self._single())
        return lambda row: all(test(row) for test in tests)

    def _single(self) -> Test:
        if self._skip("not"):
            test = self._single()
            return lambda row: not test(row)
        if self._skip("("):
            test = self._either()
            self._expect(")")
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        _, path = self._next()
        if path in _FUNCTIONS:
            return self._function(path)
        if self._check:
            self._check(path)
        _, name = self._next()
        if name not in _COMPARISONS:
            raise _malformed()
        compare, wanted = _COMPARISONS[name], self._literal()
        return lambda row: _compared(compare, _value(row, path), wanted)

    def _function(self, name: str) -> Test:
        if self._check:
            raise not_supported(f"The function {name} in a $filter of this table")
        function = _FUNCTIONS[name]
        self._expect("(")
        _, path = self._next()
        self._expect(",")
        wanted = str(self._literal()).lower()
        self._expect(")")
        return lambda row: function(str(_value(row, path) or "").lower(), wanted)

    def _literal(self) -> Any:
        kind, text = self._next()
        if kind == "text":
            return text[text.index("'") + 1 : -1].replace("''", "'")
        if kind == "number":
            return float(text)
        if kind == "word" and text not in _WORDS:
            raise _malformed()
        return _WORDS.get(text, text)

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise _malformed()
        return self._tokens.pop(0)

    def _skip(self, text: str) -> bool:
        if self._tokens and self._tokens[0][0] != "text" and self._tokens[0][1] == text:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise _malformed()


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position, end = [], 0, len(text.rstrip())
    while position < end:
        token = _TOKEN.match(text, position)
        if token is None:
            raise _malformed()
        found.append((str(token.lastgroup), token[0].strip()))
        position = token.end()
    return found


def _value(row: Row, path: str) -> Any:
    """Reads a value. A related row that is missing has none. A column that does not exist is refused."""
    value: Any = row
    for part in path.split("/"):
        if value is None:
            return None
        if not isinstance(value, dict) or part not in value:
            raise Refusal(400, "0x80060888", f"Could not find a property named '{path}'.")
        value = value[part]
    return value


def _compared(compare: Callable[[Any, Any], Any], value: Any, wanted: Any) -> bool:
    """Compares text without regard to case, as Dataverse does. Values of different types are never ordered."""
    one, other = (each.lower() if isinstance(each, str) else each for each in (value, wanted))
    try:
        return bool(compare(one, other))
    except TypeError:
        return False


def _malformed() -> Refusal:
    return Refusal(400, "0x80060888", "The $filter expression cannot be read.")
