from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devkit.standin.organisation.columns import link_column
from devkit.standin.organisation.lead_columns import COLUMNS, LEADS, LINKS
from devkit.standin.refusal import Refusal
from devkit.standin.web_api.validation import checked, read_body

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN, WRONG_TYPE = "0x0", "0x80048d19"
NO_ROW = "/campaigns(00000000-0000-0000-0000-00000000cafe)"


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("Subject", "x", UNKNOWN),
        ("new_offer", "x", UNKNOWN),
        ("fullname", "x", UNKNOWN),
        ("subject", 5, WRONG_TYPE),
        ("subject", {"a": 1}, WRONG_TYPE),
        ("leadsourcecode", "8", WRONG_TYPE),
        ("leadsourcecode", True, WRONG_TYPE),
        ("leadsourcecode", 11, "0x8004431a"),
        ("donotemail", 1, WRONG_TYPE),
        ("numberofemployees", 2**31, WRONG_TYPE),
        ("numberofemployees", 1_000_001, "0x8004432f"),
        ("revenue", -1, "0x80044330"),
        ("revenue", "1", WRONG_TYPE),
        ("leadid", "1", WRONG_TYPE),
        ("overriddencreatedon", "yesterday", WRONG_TYPE),
        ("overriddencreatedon", "2026-01-31", WRONG_TYPE),
        ("overriddencreatedon", 5, WRONG_TYPE),
        ("estimatedclosedate", "2026-01-31T08:00:00Z", WRONG_TYPE),
        ("subject", "a\x0bb", "0x80040278"),
        ("subject", "a\ud800b", "0x80040278"),
        ("subject", "x" * 301, "0x80044331"),
        ("lastname", "😀" * 26, "0x80044331"),
        ("description", "x" * 2001, "0x80044331"),
        ("statecode", 0, "0x80048408"),
        ("statuscode", 4, "0x80048408"),
        ("statuscode", 9, "0x8004431a"),
        ("parentcustomerid@odata.bind", "/accounts(1)", WRONG_TYPE),
        ("campaignid@odata.bind", "/accounts(00000000-0000-0000-0000-00000000cafe)", WRONG_TYPE),
        ("campaignid@odata.bind", None, WRONG_TYPE),
        ("@odata.type", "Microsoft.Dynamics.CRM.account", WRONG_TYPE),
    ],
)
def test_a_column_that_dataverse_would_not_take_is_400_with_its_code(
    standin: Any, column: str, value: Any, code: str
) -> None:
    answer = (
        standin.create(lastname="Ito", **{column: value}) if column != "lastname" else standin.create(lastname=value)
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert standin.leads() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("subject", "x" * 300),
        ("lastname", "😀" * 25),
        ("description", "tab\t, new line\r\n"),
        ("subject", None),
        ("subject", ""),
        ("leadsourcecode", 8),
        ("revenue", 12.5),
        ("revenue", 10**14),
        ("statuscode", 2),
        ("overriddencreatedon", "2026-01-31T08:00:00Z"),
        ("estimatedclosedate", "2026-01-31"),
        ("address1_longitude", -180),
        ("importsequencenumber", -(2**31)),
        ("@odata.type", "Microsoft.Dynamics.CRM.lead"),
    ],
)
def test_a_column_at_its_limit_is_taken(standin: Any, column: str, value: Any) -> None:
    assert standin.create(**{column: value}).status_code == 204


def test_a_text_that_is_too_long_is_refused_with_column_table_and_length(standin: Any) -> None:
    message = standin.create(mobilephone="0" * 21).json()["error"]["message"]

    assert "'mobilephone'" in message
    assert "'lead'" in message
    assert "'20'" in message


def test_a_wrong_option_is_refused_with_the_right_ones(standin: Any) -> None:
    message = standin.create(leadqualitycode=9).json()["error"]["message"]

    assert message.endswith("Accepted Values: 1,2,3")


def test_a_lead_may_point_only_to_rows_that_are_there(standin: Any) -> None:
    answer = standin.create(**{"campaignid@odata.bind": NO_ROW})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "0x80040217")


NOBODY = "99999999-0000-cccc-1111-dddd2222eeee"


@pytest.mark.parametrize("link", LINKS)
def test_a_lead_keeps_what_it_is_bound_to(standin: Any, link: str) -> None:
    rows = standin.control("GET", "config")["rows"]
    entity_set = LINKS[link][-1]

    leadid = standin.created(**{f"{link}@odata.bind": f"/{entity_set}({rows[entity_set][0]})"})

    assert standin.api("GET", f"leads({leadid})").json()[link_column(link)] == rows[entity_set][0]


def test_a_creation_date_takes_a_privilege_and_becomes_createdon(standin: Any) -> None:
    leadid = standin.created(overriddencreatedon="2026-01-31T08:00:00+01:00")
    row = standin.api("GET", f"leads({leadid})").json()
    assert row["createdon"] == "2026-01-31T07:00:00Z"
    assert row["overriddencreatedon"] > row["createdon"]

    held = standin.control("GET", "config")["privileges"]
    standin.configure(privileges={name: held[name] for name in held if name != "prvOverrideCreatedOnCreatedBy"})
    assert standin.create(overriddencreatedon="2026-01-31T08:00:00Z").status_code == 403
    assert standin.create(overriddencreatedon=None).status_code == 204


def test_rows_of_other_tables_can_be_added_from_outside(standin: Any) -> None:
    standin.configure(rows={"campaigns": [NO_ROW[11:-1]]})

    assert standin.create(**{"campaignid@odata.bind": NO_ROW}).status_code == 204


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}', b"[" * 100_000, b"1" * 5000])
def test_a_body_that_is_no_object_is_400(standin: Any, body: bytes) -> None:
    answer = standin.api("POST", "leads", data=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, WRONG_TYPE)


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({"statecode": 2, "statuscode": 4}, 204),
        ({"statecode": 1}, 400),
        ({"leadid": "00000000-0000-0000-0000-00000000cafe"}, 400),
        ({"subject": "x" * 301}, 400),
    ],
)
def test_a_change_is_checked_against_the_whole_row(standin: Any, row: dict[str, Any], status: int) -> None:
    assert standin.api("PATCH", f"leads({standin.created()})", row).status_code == status


names = st.sampled_from([*COLUMNS, *(f"{link}@odata.bind" for link in LINKS), "@odata.type", "other"]) | st.text()
values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3)


@given(row=st.dictionaries(names, values), creating=st.booleans())
def test_any_row_is_taken_or_refused_with_a_code(row: dict[str, Any], *, creating: bool) -> None:
    refusal = refusal_of(lambda: checked(LEADS, row, creating=creating))

    assert refusal is None or (refusal.status == 400 and refusal.code)


@given(body=st.binary() | st.text().map(str.encode))
def test_any_body_is_read_or_refused_with_a_code(body: bytes) -> None:
    refusal = refusal_of(lambda: read_body(body))

    assert refusal is None or (refusal.status, refusal.code) == (400, WRONG_TYPE)


def refusal_of(attempt: Callable[[], object]) -> Refusal | None:
    try:
        attempt()
    except Refusal as refusal:
        return refusal
    return None


def test_a_lookup_of_ones_own_is_bound_by_its_name_as_it_is_written(standin: Any) -> None:
    row = NO_ROW[11:-1]
    standin.configure(lookups={"contoso_Region": ["contoso_regions"]}, rows={"contoso_regions": [row]})
    bound = f"/contoso_regions({row})"

    leadid = standin.created(**{"contoso_Region@odata.bind": bound})

    assert standin.api("GET", f"leads({leadid})").json()["_contoso_region_value"] == row
    assert standin.create(**{"contoso_region@odata.bind": bound}).status_code == 400
    assert standin.api("GET", bound[1:]).status_code == 200
    assert standin.api("GET", f"contoso_regions({NOBODY})").json()["error"]["code"] == "0x80040217"
    assert standin.api("GET", f"contoso_cities({row})").json()["error"]["code"] == "0x8006088a"


@pytest.mark.parametrize(("why", "answer"), [("disabled", (403, "0x80040225")), ("no_privilege", (403, "0x80040231"))])
def test_who_cannot_have_leads_is_refused_as_an_owner(standin: Any, why: str, answer: tuple[int, str]) -> None:
    standin.configure(rows={"systemusers": [NOBODY]}, unfit_owners={NOBODY: why})

    refused = standin.create(**{"ownerid@odata.bind": f"/systemusers({NOBODY})"})

    assert (refused.status_code, refused.json()["error"]["code"]) == answer
    assert standin.api("GET", f"systemusers({NOBODY})").json()["isdisabled"] is (why == "disabled")


def test_tables_and_lookups_of_ones_own_are_in_the_metadata(standin: Any) -> None:
    standin.configure(lookups={"contoso_Region": ["contoso_regions"]})
    tables = standin.api("GET", "EntityDefinitions?$select=LogicalName,EntitySetName").json()["value"]
    relations = standin.api("GET", "EntityDefinitions(LogicalName='lead')/ManyToOneRelationships").json()["value"]

    assert {"LogicalName": "contoso_region", "EntitySetName": "contoso_regions"} in tables
    assert {row["ReferencingEntityNavigationPropertyName"] for row in relations} >= {"contoso_Region", "campaignid"}


@pytest.mark.parametrize("change", [{"lookups": []}, {"lookups": {"a b": ["x"]}}, {"unfit_owners": {NOBODY: "tired"}}])
def test_what_makes_no_sense_of_lookups_and_owners_is_refused(standin: Any, change: dict[str, Any]) -> None:
    assert standin.session.post(f"{standin.url}/_standin/config", json=change, timeout=20).status_code == 400
