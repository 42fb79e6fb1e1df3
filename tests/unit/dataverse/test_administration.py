"""What the administrator's calls mean, where Dynamics' answer is not the plain one."""

import json
from typing import Any

import pytest

from leadpipe.dataverse.administration import Administration
from leadpipe.dataverse.protocol import Answer
from leadpipe.model.errors import Blocked, Refused

URL = "https://contoso.crm4.dynamics.com"
USER, ROLE = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"


class Dynamics:
    """Gives one answer to all, and remembers what it was asked."""

    def __init__(self, status: int, body: Any = None) -> None:
        self.asked: list[tuple[str, str, dict[str, Any] | None]] = []
        self._answer = Answer(status=status, headers={}, body=json.dumps(body).encode() if body is not None else b"")

    def __call__(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        self.asked.append((method, path, body))
        return self._answer


def refusing(status: int, code: str) -> Dynamics:
    return Dynamics(status, {"error": {"code": code, "message": "No."}})


def test_a_role_is_given_by_its_whole_address() -> None:
    dynamics = Dynamics(204)

    Administration(URL, dynamics).give_role(USER, ROLE)

    assert dynamics.asked == [
        (
            "POST",
            f"/api/data/v9.2/systemusers({USER})/systemuserroles_association/$ref",
            {"@odata.id": f"{URL}/api/data/v9.2/roles({ROLE})"},
        )
    ]


def test_a_role_that_the_user_has_already_is_given() -> None:
    Administration(URL, refusing(412, "0x80040237")).give_role(USER, ROLE)


def test_a_role_that_may_not_be_given_is_a_failure() -> None:
    with pytest.raises(Blocked):
        Administration(URL, refusing(403, "0x80040220")).give_role(USER, ROLE)


@pytest.mark.parametrize("code", ["0x80048610", "0x80048359"])
def test_a_user_that_dynamics_keeps_is_no_failure(code: str) -> None:
    assert Administration(URL, refusing(400, code)).delete_user(USER) is False


def test_what_is_gone_already_is_deleted() -> None:
    administration = Administration(URL, refusing(404, "0x80040217"))

    administration.delete_role(ROLE)
    administration.take_role(USER, ROLE)
    assert administration.delete_user(USER) is True


def test_a_second_application_user_is_refused_with_its_reason() -> None:
    with pytest.raises(Refused):
        Administration(URL, refusing(400, "0x8004f511")).make_application_user(USER, ROLE, "note")


def test_names_of_privileges_come_back_as_they_were_asked_for() -> None:
    dynamics = Dynamics(200, {"value": [{"name": "prvAppendToCampaign", "privilegeid": ROLE.upper()}]})

    found = Administration(URL, dynamics).privilege_ids(["prvAppendTocampaign", "prvNone"])

    assert found == {"prvAppendTocampaign": ROLE}


def test_a_depth_comes_as_its_name_or_its_number() -> None:
    rows = [{"PrivilegeId": USER, "Depth": "Basic"}, {"PrivilegeId": ROLE, "Depth": 3}]

    found = Administration(URL, Dynamics(200, {"RolePrivileges": rows})).privileges_of_role(ROLE)

    assert found == {USER: "Basic", ROLE: "Global"}


def test_a_name_with_a_quote_stays_within_the_filter() -> None:
    dynamics = Dynamics(200, {"value": []})

    Administration(URL, dynamics).user_of_account("o'hara@contoso.com")

    assert "domainname%20eq%20%27o%27%27hara%40contoso.com%27" in dynamics.asked[0][1]
