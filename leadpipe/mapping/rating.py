"""Reads which columns get Microsoft's own rating of a lead. Partner Center alone has it; a post never does.

Only `leadpipe reconcile --write-rating` writes it, into leads that are in Dynamics already.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadpipe.mapping.column_reader import read_value, suggestion
from leadpipe.mapping.fault import Wrong
from leadpipe.mapping.values import Constant, Sent, Text
from leadpipe.model.text import fit

RATING = ("quality", "email_validity", "phone_validity")
_KEYS = ("column", "values")
_EXAMPLE = '{ column = "leadqualitycode", values = { High = "Hot", Low = "Cold" } }'


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingColumn:
    """`values`: what is sent for each word of Partner Center's, folded. Without them its word itself is sent.

    `longest`: of a text, in UTF-16 units.
    """

    column: str
    values: Mapping[str, Sent]
    longest: int = 0

    def of(self, word: str) -> Sent | None:
        """None: nothing is to be written."""
        if self.values:
            return self.values.get(word.strip().casefold())
        return fit(word, self.longest) or None


def read_rating(written: Any) -> dict[str, RatingColumn]:
    """Reads `[rating]`: a column for each of RATING. Raises Wrong."""
    if not isinstance(written, dict):
        raise Wrong(f"rating is a table: [rating], then lines such as quality = {_EXAMPLE}")
    for field in written:
        if field not in RATING:
            raise Wrong(f"{field} is not rated{suggestion(field, RATING) or '; known are ' + ', '.join(RATING)}")
    return {field: _column(field, each) for field, each in written.items()}


def _column(field: str, written: Any) -> RatingColumn:
    given = {"column": written} if isinstance(written, str) else written
    if not isinstance(given, dict) or given.keys() - {*_KEYS} or not isinstance(given.get("column"), str):
        raise Wrong(f'{field} is the name of a text column, like "contoso_validity", or {_EXAMPLE}')
    column, values = given["column"], given.get("values", {})
    if not isinstance(values, dict):
        raise Wrong(f"{field}: values is a table of words and values, as in {_EXAMPLE}")
    if values:
        return RatingColumn(
            column=column, values={word.strip().casefold(): _sent(column, values[word]) for word in values}
        )
    text = _read(column, "x")
    if not isinstance(text, Text):
        raise Wrong(f"{column}: say what each word becomes, as in {_EXAMPLE}")
    return RatingColumn(column=column, values={}, longest=text.longest)


def _sent(column: str, written: Any) -> Sent:
    match _read(column, written):
        case Constant(value=value):
            return value
        case Text() as text if not text.template.get_identifiers():
            return fit(text.template.substitute(), text.longest)
        case _:
            raise Wrong(f"{column}: a rating becomes a text, a number, a yes or no, or an option")


def _read(column: str, written: Any) -> Any:
    try:
        return read_value(column, written)
    except Wrong as why:
        raise Wrong(f"{column}: {why}") from why
