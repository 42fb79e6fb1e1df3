"""On which line a key of a TOML text stands."""

import pytest

from leadpipe.mapping.toml_lines import line_of, lines_of

TEXT = '''# a comment
[columns]
subject = "[rules] = 1 \\u0041"

description = """
[columns]
jobtitle = 'not a key'
"""
jobtitle = """one line"""
a.b = 1
[columns.contoso_tier]
option = "Gold"
options = {
  Gold = 1 }'''.replace("{\n  Gold = 1 }", "{ Gold = 1 }")

RULES = """
[[rules]]
when = { country = ["FR",
  # Germany
  "DE"] }

[[rules]] # another
owner = 'x'
[rules.columns]
jobtitle = "x"
  [[rules]]
  [rules.when]
  "offer" = "y"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("columns",), 2),
        (("columns", "subject"), 3),
        (("columns", "description"), 5),
        (("columns", "jobtitle"), 9),
        (("columns", "a", "b"), 10),
        (("columns", "contoso_tier"), 11),
        (("columns", "contoso_tier", "options", "Gold"), 13),
    ],
)
def test_a_key_stands_where_its_statement_begins(path: tuple[str, ...], line: int) -> None:
    assert lines_of(TEXT)[path] == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("rules", 0), 2),
        (("rules", 0, "when", "country"), 3),
        (("rules", 0, "when", "country", 1), 3),
        (("rules", 1), 7),
        (("rules", 1, "owner"), 8),
        (("rules", 1, "columns", "jobtitle"), 10),
        (("rules", 2), 11),
        (("rules", 2, "when", "offer"), 13),
    ],
)
def test_tables_in_a_row_are_told_apart(path: tuple[str | int, ...], line: int) -> None:
    assert lines_of(RULES)[path] == line
    assert lines_of(RULES.replace("\n", "\r\n"))[path] == line


def test_what_is_not_there_stands_where_it_would() -> None:
    lines = lines_of(RULES)
    assert line_of(("rules", 1, "team"), lines) == 7
    assert line_of(("colums",), lines) == 1


def test_tables_may_stand_in_an_array_on_one_line() -> None:
    assert lines_of('\nrules = [{ owner = "x" }, { owner = "y" }]')[("rules", 1, "owner")] == 2
