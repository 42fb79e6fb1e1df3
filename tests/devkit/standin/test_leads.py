from __future__ import annotations

import uuid
from typing import Any

import pytest

ETAG = {"If-Match": 'W/"1"'}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_create_answers_204_with_the_address_of_the_lead(standin: Any) -> None:
    leadid = str(uuid.uuid4())

    answer = standin.create(leadid=leadid, lastname="Ito")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["OData-EntityId"] == f"{standin.url}/api/data/v9.2/leads({leadid})"


def test_a_lead_without_an_id_gets_one(standin: Any) -> None:
    standin.create(lastname="Ito")

    assert uuid.UUID(standin.leads()[0]["leadid"])


def test_a_second_create_with_the_same_id_is_412_and_changes_nothing(standin: Any) -> None:
    leadid = standin.created(subject="first")

    answer = standin.create(leadid=leadid.upper(), lastname="Ito", subject="second")

    assert code(answer) == (412, "0x80040237")
    assert [lead["subject"] for lead in standin.leads()] == ["first"]


def test_the_server_fills_what_was_not_sent(standin: Any) -> None:
    leadid = standin.created(firstname="Aiko")

    lead = standin.api("GET", f"leads({leadid})").json()

    assert (lead["fullname"], lead["statecode"], lead["statuscode"]) == ("Aiko Ito", 0, 1)
    assert (lead["donotemail"], lead["followemail"], lead["subject"]) == (False, True, None)
    assert lead["_ownerid_value"] == standin.api("GET", "WhoAmI").json()["UserId"]


def test_a_create_can_return_the_row(standin: Any) -> None:
    answer = standin.api("POST", "leads", {"lastname": "Ito"}, headers={"Prefer": "return=representation"})

    assert (answer.status_code, answer.json()["lastname"]) == (201, "Ito")
    assert "OData-EntityId" not in answer.headers


def test_select_returns_these_columns_and_the_id(standin: Any) -> None:
    leadid = standin.created(subject="Offer")

    lead = standin.api("GET", f"leads({leadid})", params={"$select": "subject"}).json()

    assert {name for name in lead if not name.startswith("@")} == {"subject", "leadid"}


def test_a_lead_that_is_not_there_is_404(standin: Any) -> None:
    assert code(standin.api("GET", f"leads({uuid.uuid4()})")) == (404, "0x80040217")


def test_a_search_filters_orders_counts_and_stops_at_top(standin: Any) -> None:
    for number in range(3):
        standin.created(subject=f"Offer {number}", leadsourcecode=8)
    standin.created(subject="It's other", leadsourcecode=1)

    web = standin.api(
        "GET",
        "leads",
        params={
            "$filter": "leadsourcecode eq 8 and subject ne 'Offer 1'",
            "$orderby": "subject desc",
            "$count": "true",
        },
    ).json()
    first = standin.api("GET", "leads", params={"$top": "1", "$select": "subject"}).json()
    quoted = standin.api("GET", "leads", params={"$filter": "subject eq 'It''s other'"}).json()

    assert [lead["subject"] for lead in web["value"]] == ["Offer 2", "Offer 0"]
    assert web["@odata.count"] == 2
    assert len(first["value"]) == len(quoted["value"]) == 1
    assert standin.api("GET", "leads/$count").text == "4"


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ({"$select": "Subject"}, (400, "0x0")),
        ({"$filter": "nonsense eq 1"}, (400, "0x0")),
        ({"$top": "some"}, (400, "0x0")),
        ({"$expand": "ownerid"}, (501, "0x80040203")),
        ({"$filter": "contains(subject,'a')"}, (501, "0x80040203")),
    ],
)
def test_a_search_that_is_wrong_or_beyond_the_stand_in_is_refused(
    standin: Any, query: dict[str, str], answer: tuple[int, str]
) -> None:
    assert code(standin.api("GET", "leads", params=query)) == answer


def test_a_bare_patch_creates_and_then_overwrites(standin: Any) -> None:
    leadid = uuid.uuid4()

    answers = [standin.api("PATCH", f"leads({leadid})", {"lastname": name}) for name in ("Ito", "Okafor")]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert [lead["fullname"] for lead in standin.leads()] == ["Okafor"]


def test_a_patch_that_may_only_create_leaves_an_existing_lead_alone(standin: Any) -> None:
    leadid = uuid.uuid4()

    def patch(name: str) -> Any:
        return standin.api("PATCH", f"leads({leadid})", {"lastname": name}, headers={"If-None-Match": "*"})

    assert patch("Ito").status_code == 204
    assert code(patch("Okafor")) == (412, "0x80040237")
    assert [lead["lastname"] for lead in standin.leads()] == ["Ito"]


def test_a_patch_that_may_only_change_creates_nothing(standin: Any) -> None:
    answer = standin.api("PATCH", f"leads({uuid.uuid4()})", {"lastname": "Ito"}, headers={"If-Match": "*"})

    assert code(answer) == (404, "0x80040217")
    assert standin.leads() == []


def test_a_patch_or_delete_of_an_older_version_is_412(standin: Any) -> None:
    leadid = standin.created()

    assert code(standin.api("PATCH", f"leads({leadid})", {"lastname": "Okafor"}, headers=ETAG)) == (412, "0x80060882")
    assert code(standin.api("DELETE", f"leads({leadid})", headers=ETAG)) == (412, "0x80060882")


def test_a_patch_of_the_version_that_was_read_succeeds_and_makes_a_new_one(standin: Any) -> None:
    path = f"leads({standin.created()})"
    etag = standin.api("GET", path).json()["@odata.etag"]

    assert standin.api("PATCH", path, {"jobtitle": "Buyer"}, headers={"If-Match": etag}).status_code == 204
    assert standin.api("GET", path, headers={"If-None-Match": etag}).status_code == 200
    assert standin.api("PATCH", path, {"jobtitle": "Cook"}, headers={"If-Match": etag}).status_code == 412


def test_an_unchanged_lead_need_not_be_sent_again(standin: Any) -> None:
    path = f"leads({standin.created()})"
    etag = standin.api("GET", path).json()["@odata.etag"]

    assert standin.api("GET", path, headers={"If-None-Match": etag}).status_code == 304


def test_if_none_match_null_is_harmless(standin: Any) -> None:
    path = f"leads({standin.created()})"

    assert standin.api("GET", path, headers={"If-None-Match": "null"}).status_code == 200
    assert standin.api("PATCH", path, {"jobtitle": "Buyer"}, headers={"If-None-Match": "null"}).status_code == 204


def test_a_deleted_lead_is_gone_and_its_id_is_free_again(standin: Any) -> None:
    leadid = standin.created()

    assert standin.api("DELETE", f"leads({leadid})").status_code == 204
    assert code(standin.api("DELETE", f"leads({leadid})")) == (404, "0x80040217")
    assert standin.create(leadid=leadid, lastname="Ito").status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "Leads", (404, "0x8006088a")),
        ("GET", "quotes", (404, "0x8006088a")),
        ("POST", "WhoAmI", (404, "")),
        ("POST", "$batch", (501, "0x80040203")),
        ("POST", "leads/Microsoft.Dynamics.CRM.CreateMultiple", (501, "0x80040203")),
        ("GET", "leads(1)", (400, "0x80048d19")),
        ("GET", "EntityDefinitions(LogicalName='account')", (404, "0x80060888")),
    ],
)
def test_what_is_not_there_is_refused_by_name(standin: Any, method: str, path: str, answer: tuple[int, str]) -> None:
    assert code(standin.api(method, path)) == answer


def test_metadata_tells_the_length_of_each_text_column(standin: Any) -> None:
    path = "EntityDefinitions(LogicalName='lead')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata"

    columns = standin.api("GET", path, params={"$select": "LogicalName,MaxLength"}).json()["value"]

    lengths = {column["LogicalName"]: column["MaxLength"] for column in columns}
    assert (lengths["subject"], lengths["lastname"], lengths["address1_country"]) == (300, 50, 80)


@pytest.mark.parametrize("version", ["v9.0", "v9.1", "v9.2"])
def test_each_version_of_the_api_tells_its_own(standin: Any, version: str) -> None:
    answer = standin.api("GET", f"../{version}/RetrieveVersion")

    assert answer.json()["Version"].startswith("9.2.")
