"""Every column that Microsoft's page calls writable is known by its type, or refused with the reason."""

import pytest

from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.fields import Fields
from leadpipe.mapping.file_reader import read_mapping
from leadpipe.mapping.lead_table import COLUMNS, NOT_SETTABLE
from leadpipe.mapping.rules import FileMapping
from tests.factories import LEAD_ID, lead
from tests.lead_columns import DOCUMENTED, INTERNAL, MAPPED, ROW, fitting, misfits


def read(line: str) -> FileMapping:
    return read_mapping(f"[columns]\n{line}".encode(), "mapping.toml")


def test_the_product_knows_the_documented_columns_and_no_other() -> None:
    assert {*COLUMNS} == {*MAPPED}
    assert {*INTERNAL} <= {*NOT_SETTABLE}
    # customerid is bound by two names, slaid by another one.
    assert len({*DOCUMENTED} - {"customerid_account", "customerid_contact", "sla_lead_sla"}) == 123


@pytest.mark.parametrize("name", MAPPED)
def test_a_fitting_value_is_sent_as_the_column_takes_it(name: str) -> None:
    written = fitting(name)
    columns = read(f"{name} = {written.toml}").columns_of(lead(), LEAD_ID)
    assert columns[written.name] == written.sent


@pytest.mark.parametrize(
    "line",
    [
        "msdyn_gdproptout = true",
        "msdyn_leadgrade = 3",
        "msdyn_leadscoretrend = { option = 0 }",
        "msdyn_salesassignmentresult = 1",
        "msdyn_ordertype = 192350000",
        "msdyn_leadscore = 90",
        'msdyn_scorehistory = { text = "$description", length = 2000 }',
        'msdyn_scorereasons = "$title"',
        f'msdyn_segmentid = {{ lookup = "msdyn_segments({ROW})" }}',
        f'msdyn_predictivescoreid = {{ lookup = "msdyn_predictivescores({ROW})" }}',
    ],
)
def test_a_column_of_microsofts_add_ons_is_set_like_one_of_your_own(line: str) -> None:
    (mapped,) = read(line).columns.values()
    assert mapped.value.of(Fields(lead(), LEAD_ID)) is not None


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in DOCUMENTED for value in misfits(name)])
def test_a_value_that_does_not_fit_is_refused_with_the_reason(name: str, value: str) -> None:
    with pytest.raises(FaultyMapping) as refused:
        read(f"{name} = {value}")
    (fault,) = refused.value.faults
    assert fault.reason.startswith(f"{name}: ")
    assert "does not know" not in fault.reason
    assert ("cannot be set: " in fault.reason) is (name in INTERNAL)
