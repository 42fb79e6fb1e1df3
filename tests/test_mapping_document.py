"""docs/mapping.md says what the code does."""

import re

import pytest

from leadpipe.mapping.default import LENGTHS
from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.fields import NAMES
from leadpipe.mapping.file_reader import read_mapping
from leadpipe.mapping.lead_table import NOT_SETTABLE, Kind
from leadpipe.mapping.rating import RATING
from leadpipe.mapping.rules import FIELDS
from leadpipe.operations.doctor.table_checks import everything_sent
from tests.mapping_table import DOCUMENT, with_table

TEXT = DOCUMENT.read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0].split("<!-- samples -->")[0]
    table = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def test_the_table_of_what_each_sample_becomes_is_true() -> None:
    assert with_table(TEXT) == TEXT, "run `python -m tests.mapping_table`"


def test_the_example_is_a_mapping_without_a_fault() -> None:
    example, rating = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert {*read_mapping(rating.encode(), "mapping.toml").rating} == {*RATING}
    mapping = read_mapping(example.encode(), "mapping.toml")
    assert {setting.value.kind for setting in mapping.columns.values()} == {*Kind}
    assert [rule.name for rule in mapping.rules] == ["France", "Widgets", "everybody else"]


@pytest.mark.parametrize(("written", "reason"), rows("Faults"))
def test_each_fault_that_is_named_is_refused_in_these_words(written: str, reason: str) -> None:
    with pytest.raises(FaultyMapping) as failed:
        read_mapping(f"[columns]\n{written.strip('`')}".encode(), "mapping.toml")
    assert reason in str(failed.value.faults[0])


def test_every_field_is_explained_and_no_other() -> None:
    assert {name for cells in rows("Fields") for name in re.findall(r"`(\w+)`", cells[0])} == {*NAMES}


def test_every_condition_is_named() -> None:
    rules = TEXT.split("\n## Rules\n")[1]
    assert all(f"`{field}`" in rules for field in FIELDS)
    assert NOT_SETTABLE.keys() >= {"leadid", "ownerid"}


def test_every_column_of_the_default_mapping_is_in_its_table_with_its_length() -> None:
    told = {name: cells[1] for cells in rows("The default mapping") for name in re.findall(r"`(\w+)`", cells[0])}
    assert told.keys() == everything_sent().keys()
    assert {name: told[name] for name in LENGTHS} == {name: f"text, {longest}" for name, longest in LENGTHS.items()}
