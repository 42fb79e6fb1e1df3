"""The columns that a mapping may set, as documented, are those that the stand-in's organisation has."""

import pytest

from devkit.standin.organisation.columns import Kind as LiveKind
from devkit.standin.organisation.lead_columns import COLUMNS as LIVE
from devkit.standin.organisation.lead_columns import LINKS
from leadpipe.mapping.lead_table import COLUMNS, NOT_SETTABLE, Kind

KINDS = {
    Kind.TEXT: {LiveKind.TEXT, LiveKind.MEMO},
    Kind.NUMBER: {LiveKind.WHOLE, LiveKind.MONEY, LiveKind.FLOAT},
    Kind.YES_NO: {LiveKind.FLAG},
    Kind.OPTION: {LiveKind.CHOICE, LiveKind.STATUS},
    Kind.DATE: {LiveKind.DAY},
}
PLAIN = {name: known for name, known in COLUMNS.items() if known.kind is not Kind.LOOKUP}


def test_every_column_that_can_be_set_on_creation_is_known_and_no_other() -> None:
    settable = {name for name, column in LIVE.items() if column.on_create}
    assert settable - {*NOT_SETTABLE} == {*PLAIN}


@pytest.mark.parametrize("name", PLAIN)
def test_each_column_has_the_type_and_limits_of_the_documented_table(name: str) -> None:
    known, live = COLUMNS[name], LIVE[name]
    assert live.kind in KINDS[known.kind]
    assert (known.longest, known.least, known.most) == (live.longest, live.least, live.most)
    assert known.whole is (live.kind is LiveKind.WHOLE)
    assert known.with_time is live.with_time
    live_options = {label: number for number, label in live.options.items()} if known.kind is Kind.OPTION else {}
    assert known.options.items() <= live_options.items()
    assert known.options == live_options or name == "statuscode"


def test_lookups_point_into_the_sets_that_the_organisation_has() -> None:
    for name, sets in LINKS.items():
        if name not in NOT_SETTABLE:
            assert COLUMNS[name].sets == sets
