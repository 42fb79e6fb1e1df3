"""Whatever stands in a mapping file, it is refused when it is read, or it maps every lead."""

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.file_reader import read_mapping
from leadpipe.mapping.lead_table import COLUMNS, Kind
from leadpipe.mapping.rules import FileMapping
from tests.factories import LEAD_ID, lead

IDS = ["aaaabbbb-0000-cccc-1111-dddd2222eeee", "campaigns(aaaabbbb-0000-cccc-1111-dddd2222eeee)"]
TEXTS = ["", "$company", "${name} $default", "$", "Hot", "Web", "FR", "*", "fr*", *IDS]
KEYS = [*Kind, "length", "options", "other", "FR", "Gold", "contoso_x", "jobtitle", "industrycode", "campaignid"]
scalars = st.one_of(st.sampled_from(TEXTS), st.integers(), st.floats(), st.booleans())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)),
)
columns = st.dictionaries(st.sampled_from([*COLUMNS, "contoso_x", "contoso_Y", "leadid", "x"]), values, max_size=4)
whens = st.dictionaries(st.sampled_from(["offer", "country", "source", "action", "x"]), values, max_size=2)
rules = st.fixed_dictionaries(
    {},
    optional={
        "when": whens | values,
        "owner": values,
        "team": values,
        "campaign": values,
        "name": values,
        "columns": columns,
    },
)
files = st.fixed_dictionaries({}, optional={"columns": columns | values, "rules": st.lists(rules, max_size=3) | values})


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else f"{value}"
    return json.dumps(value)


def read(text: str) -> FileMapping | FaultyMapping:
    try:
        return read_mapping(text.encode(), "mapping.toml")
    except FaultyMapping as refused:
        return refused


@given(files)
def test_a_file_is_refused_with_lines_or_maps_any_lead(file: dict[str, Any]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in file.items())
    mapping = read(text)
    if not isinstance(mapping, FileMapping):
        assert all(0 < fault.line <= len(file) for fault in mapping.faults)
        return
    for some in (lead(), lead(company="", country="", offer_title="", lead_source="", last_name="")):
        sent = mapping.columns_of(some, LEAD_ID)
        assert json.dumps(sent, allow_nan=False)
        assert sent["leadid"] == LEAD_ID
