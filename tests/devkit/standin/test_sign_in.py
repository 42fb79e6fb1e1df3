from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msal
import pytest

from devkit.standin.identity import load_identity
from devkit.standin.refusal import Refusal
from devkit.standin.tokens import check_bearer, issue_token

if TYPE_CHECKING:
    from pathlib import Path

AUDIENCE = "https://localhost:1"


def application(standin: Any, **changes: str) -> msal.ConfidentialClientApplication:
    settings = standin.settings | changes
    return msal.ConfidentialClientApplication(
        settings["DATAVERSE_CLIENT_ID"],
        client_credential=settings["DATAVERSE_CLIENT_SECRET"],
        authority=f"{settings['DATAVERSE_AUTHORITY']}/{settings['DATAVERSE_TENANT_ID']}",
        instance_discovery=False,
        http_client=standin.session,
    )


def test_msal_gets_a_token_with_the_right_secret_and_dataverse_takes_it(standin: Any) -> None:
    token = application(standin).acquire_token_for_client([f"{standin.url}/.default"])

    answer = standin.api("GET", "WhoAmI", headers={"Authorization": f"Bearer {token['access_token']}"})

    assert answer.status_code == 200
    assert set(answer.json()) >= {"UserId", "BusinessUnitId", "OrganizationId"}


def test_msal_is_refused_with_a_wrong_secret(standin: Any) -> None:
    answer = application(standin, DATAVERSE_CLIENT_SECRET="wrong").acquire_token_for_client([f"{standin.url}/.default"])

    assert answer["error"] == "invalid_client"
    assert answer["error_codes"] == [7000215]


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_id": "00000000-0000-0000-0000-00000000cafe"}, 400, "unauthorized_client", 700016),
        ({"tenant": "00000000-0000-0000-0000-00000000cafe"}, 400, "invalid_request", 90002),
        ({"scope": "https://localhost/user_impersonation"}, 400, "invalid_scope", 70011),
        ({"scope": "https://contoso.crm4.dynamics.com/.default"}, 400, "invalid_resource", 500011),
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"grant_type": "device_code"}, 400, "unsupported_grant_type", 70003),
    ],
)
def test_sign_in_says_what_is_wrong_in_entras_words(
    standin: Any, changes: dict[str, str | None], status: int, error: str, number: int
) -> None:
    answer = standin.sign_in(**changes)

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_codes"] == [number]
    assert f"AADSTS{number}:" in answer.json()["error_description"]


def test_an_unknown_tenant_has_no_discovery_document(standin: Any) -> None:
    answer = standin.session.get(f"{standin.url}/{uuid.uuid4()}/v2.0/.well-known/openid-configuration", timeout=20)

    assert answer.json()["error_codes"] == [90002]


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer nonsense", "Basic YTpi"])
def test_without_a_good_token_dataverse_answers_401_and_nothing_else(standin: Any, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = standin.session.get(f"{standin.url}/api/data/v9.2/WhoAmI", headers=headers, timeout=20)

    assert (answer.status_code, answer.content) == (401, b"")


def test_a_token_lives_as_long_as_configured(standin: Any) -> None:
    standin.configure(token_lifetime_seconds=1234)

    assert standin.sign_in().json()["expires_in"] == 1234


@pytest.mark.parametrize(("now", "audience"), [(1100, AUDIENCE), (1050, "https://other")])
def test_an_expired_token_and_one_for_another_audience_are_refused(tmp_path: Path, now: int, audience: str) -> None:
    identity = load_identity(tmp_path)
    bearer = "Bearer " + issue_token(identity, audience=AUDIENCE, now=1000, lifetime=100)

    check_bearer(identity, bearer, audiences=[AUDIENCE], now=1050)
    with pytest.raises(Refusal) as refused:
        check_bearer(identity, bearer, audiences=[audience], now=now)

    assert refused.value.status == 401
