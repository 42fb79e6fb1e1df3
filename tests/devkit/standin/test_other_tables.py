from __future__ import annotations

from typing import Any

import pytest

from devkit.standin.organisation.security import PRIVILEGES, ROLE
from devkit.standin.refusal import Refusal
from devkit.standin.web_api.odata_filter import matcher

LEAD = "EntityDefinitions(LogicalName='lead')"
ROW = {
    "name": "O'Hara",
    "mode": 0,
    "on": True,
    "gone": None,
    "message": {"name": "Create"},
    "id": "0f" * 4,
    "made": "2026-01-31T12:00:00Z",
}


def values(standin: Any, path: str, **options: str) -> list[dict[str, Any]]:
    answer = standin.api("GET", path, params={f"${name}": text for name, text in options.items()})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["value"]
    return found


def without(*privileges: str) -> dict[str, list[str]]:
    return {"privileges": [name for name in PRIVILEGES if name not in privileges]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name eq 'o''hara'",
        "mode eq 0 and on eq true",
        "mode eq 1 or on eq true",
        "not (mode eq 1)",
        "message/name eq 'Create'",
        "gone eq null",
        "gone/name eq null",
        "mode ge 0 and mode lt 1",
        "contains(name,'HARA') and startswith(name,'o') and endswith(name,'a')",
        "name ne 'x' and (mode eq 5 or mode eq 0)",
        "name eq Microsoft.Dynamics.CRM.Name'O''Hara'",
        "made ge 2026-01-31T00:00:00Z and made lt 2026-02-01",
    ],
)
def test_a_filter_finds_a_row(text: str) -> None:
    assert matcher(text)(ROW)


@pytest.mark.parametrize(
    "text", ["mode eq 1", "mode eq 0 and on eq false", "name gt 5", "gone eq 'x'", "not on eq true"]
)
def test_a_filter_passes_a_row_over(text: str) -> None:
    assert not matcher(text)(ROW)


@pytest.mark.parametrize(
    "text", ["mode", "mode eq", "mode is 0", "(mode eq 0", "mode eq 0)", "mode eq zero", "a ~ b", "other eq 1"]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        matcher(text)(ROW)


def test_the_application_user_and_its_roles_can_be_read(standin: Any) -> None:
    user = standin.api("GET", "WhoAmI").json()["UserId"]
    client_id = standin.settings["DATAVERSE_CLIENT_ID"]

    found = values(standin, "systemusers", select="isdisabled", filter=f"applicationid eq {client_id}")
    roles = values(standin, f"systemusers({user})/systemuserroles_association", select="name")
    expanded = standin.api("GET", f"systemusers({user})?$select=fullname&$expand=systemuserroles_association").json()

    assert found == [{"systemuserid": user, "isdisabled": False}]
    assert [role["name"] for role in roles] == [ROLE]
    assert [role["name"] for role in expanded["systemuserroles_association"]] == [ROLE]


def test_another_user_is_not_there(standin: Any) -> None:
    answer = standin.api("GET", "systemusers(00000000-0000-0000-0000-00000000cafe)")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "0x80040217")


def test_a_column_that_is_none_is_refused(standin: Any) -> None:
    assert standin.api("GET", "roles?$select=colour").status_code == 400


@pytest.mark.parametrize(
    ("path", "privilege"),
    [
        ("systemusers", "prvReadUser"),
        ("roles", "prvReadRole"),
        ("solutions", "prvReadSolution"),
        ("sdkmessageprocessingsteps", "prvReadSdkMessageProcessingStep"),
        ("businessunits", "prvReadBusinessUnit"),
        ("organizations", "prvReadOrganization"),
        ("EntityDefinitions", "prvReadEntity"),
        (f"{LEAD}/Attributes", "prvReadAttribute"),
    ],
)
def test_each_table_needs_its_own_right(standin: Any, path: str, privilege: str) -> None:
    allowed = standin.api("GET", path).status_code
    standin.configure(**without(privilege))
    answer = standin.api("GET", path)

    assert (allowed, answer.status_code) == (200, 403)
    assert privilege in answer.json()["error"]["message"]


def test_solutions_are_those_that_were_configured(standin: Any) -> None:
    name = "MicrosoftMarketplacesLeadIntegrationSolution"
    before = values(standin, "solutions", select="version", filter=f"uniquename eq '{name}'")
    standin.configure(solutions=[{"uniquename": "contoso", "version": "2.1.0.0"}])

    assert [row["version"] for row in before] == ["1.0.0.0"]
    assert [row["uniquename"] for row in values(standin, "solutions")] == ["contoso"]


def test_plugin_steps_are_found_by_message_table_and_mode(standin: Any) -> None:
    standin.configure(plugin_steps=[{"name": "A"}, {"name": "B", "mode": 1}, {"name": "C", "message": "Update"}])

    found = values(
        standin,
        "sdkmessageprocessingsteps",
        select="name",
        expand="sdkmessageid($select=name),sdkmessagefilterid($select=primaryobjecttypecode)",
        filter="sdkmessageid/name eq 'Create' and sdkmessagefilterid/primaryobjecttypecode eq 'lead' and mode eq 0",
    )

    assert [(row["name"], row["sdkmessageid"]["name"]) for row in found] == [("A", "Create")]


def test_the_organisation_tells_of_itself(standin: Any) -> None:
    access = "AccessType=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"

    detail = standin.api("GET", f"RetrieveCurrentOrganization({access})").json()["Detail"]

    assert detail["TenantId"] == standin.settings["DATAVERSE_TENANT_ID"]


def test_a_column_can_be_made_shorter_added_and_taken_away(standin: Any) -> None:
    standin.configure(
        columns={
            "subject": {"longest": 5},
            "new_offer": {"kind": "String", "longest": 20},
            "leadsourcecode": {"options": {"100000": "Marketplace"}},
            "jobtitle": None,
        }
    )

    told = {row["LogicalName"]: row for row in values(standin, f"{LEAD}/Attributes")}
    leadid = standin.created(subject="12345", new_offer="widget", leadsourcecode=100000)

    assert (told["subject"]["MaxLength"], told["new_offer"]["MaxLength"], "jobtitle" in told) == (5, 20, False)
    assert standin.api("GET", f"leads({leadid})?$select=new_offer").json()["new_offer"] == "widget"
    assert standin.create(subject="123456").json()["error"]["code"] == "0x80044331"
    assert standin.create(leadsourcecode=8).json()["error"]["code"] == "0x8004431a"
    assert standin.create(jobtitle="Cook").json()["error"]["code"] == "0x0"


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        ("Integer", -(2**31), 2**31 - 1),
        ("Decimal", -100_000_000_000, 100_000_000_000),
        ("Double", -100_000_000_000.0, 100_000_000_000.0),
        ("Money", -922_337_203_685_477, 922_337_203_685_477),
    ],
)
def test_an_added_column_of_numbers_takes_what_a_new_one_does(
    standin: Any, kind: str, least: float, most: float
) -> None:
    standin.configure(columns={"new_number": {"kind": kind}})

    for number in (least, 25, most):
        leadid = standin.created(new_number=number)
        assert standin.api("GET", f"leads({leadid})?$select=new_number").json()["new_number"] == number
    assert standin.create(new_number=least - 1).status_code == 400
    assert standin.create(new_number=most + 1).status_code == 400


def test_one_column_can_be_asked_for(standin: Any) -> None:
    subject = standin.api("GET", f"{LEAD}/Attributes(LogicalName='subject')?$select=MaxLength").json()
    cast = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    source = standin.api("GET", f"{LEAD}/Attributes(LogicalName='leadsourcecode')/{cast}?$expand=OptionSet").json()

    assert subject["MaxLength"] == 300
    assert [option["Value"] for option in source["OptionSet"]["Options"]] == [*range(1, 11)]
    assert standin.api("GET", f"{LEAD}/Attributes(LogicalName='colour')").status_code == 404


def test_lookups_tell_what_they_may_point_to(standin: Any) -> None:
    casts = ("Lookup", "Owner")
    found = [
        row
        for cast in casts
        for row in values(standin, f"{LEAD}/Attributes/Microsoft.Dynamics.CRM.{cast}AttributeMetadata")
    ]
    relations = values(standin, f"{LEAD}/ManyToOneRelationships", filter="ReferencingAttribute eq 'campaignid'")

    targets = {row["LogicalName"]: row["Targets"] for row in found}
    assert targets["ownerid"] == ["systemuser", "team"]
    assert targets["campaignid"] == ["campaign"]
    assert [row["ReferencedEntity"] for row in relations] == ["campaign"]


def test_a_row_that_a_lead_may_point_to_can_be_looked_for(standin: Any) -> None:
    campaign = standin.control("GET", "config")["rows"]["campaigns"][0]

    assert standin.api("GET", f"campaigns({campaign})").status_code == 200
    assert standin.api("GET", "campaigns(00000000-0000-0000-0000-00000000cafe)").status_code == 404
