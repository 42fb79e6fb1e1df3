from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jwt
import msal
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from devkit.standin.organisation.identity import load_identity
from devkit.standin.refusal import Refusal
from devkit.standin.sign_in.tokens import check_bearer, issue_token
from tests.certificates import LONG_AGO, Made, made

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


ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def signed(standin: Any, maker: Made | None = None, **changes: Any) -> Any:
    """The answer to an assertion, by the registered certificate unless another is given."""
    ways = standin.ways["certificate_pem"]
    own = Path(ways["DATAVERSE_CERTIFICATE_PATH"]).read_bytes()
    key, certificate = (maker.key_pem(), maker.pem()) if maker else (own, own)
    client_id = ways["DATAVERSE_CLIENT_ID"]
    claims = {
        "aud": f"{standin.url}/{ways['DATAVERSE_TENANT_ID']}/oauth2/v2.0/token",
        "iss": client_id,
        "sub": client_id,
        "exp": time.time() + 60,
        **changes,
    }
    print_ = x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256())
    headers = {"x5t#S256": base64.urlsafe_b64encode(print_).decode()}
    sent = jwt.encode(claims, serialization.load_pem_private_key(key, None), "PS256", headers)
    return standin.sign_in(client_secret=None, client_assertion_type=ASSERTION, client_assertion=sent)


def test_a_registered_certificate_signs_in(standin: Any) -> None:
    assert signed(standin).status_code == 200


def test_one_that_was_registered_from_outside_does_too(standin: Any) -> None:
    before = signed(standin, made()).json()["error_codes"]
    standin.configure(certificates=[made().pem().decode()])

    assert (before, signed(standin, made()).status_code) == ([700027], 200)


def test_one_that_has_expired_does_not(standin: Any) -> None:
    old = made(until=LONG_AGO)
    standin.configure(certificates=[old.pem().decode()])

    assert signed(standin, old).json()["error_codes"] == [700027]


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"exp": 1000}, 700024),
        ({"aud": "https://login.example"}, 50027),
        ({"iss": "another"}, 50027),
        ({"sub": "another"}, 50027),
    ],
)
def test_an_assertion_for_something_else_is_refused(standin: Any, changes: Any, number: int) -> None:
    assert signed(standin, **changes).json()["error_codes"] == [number]


def test_an_assertion_with_another_keys_signature_is_refused(standin: Any) -> None:
    forged = Made(made(number=1).key, made().certificate)
    standin.configure(certificates=[made().pem().decode()])

    assert signed(standin, forged).json()["error_codes"] == [50012]


@pytest.mark.parametrize("sent", ["", "nonsense", "a.b.c"])
def test_what_is_no_assertion_is_refused(standin: Any, sent: str) -> None:
    answer = standin.sign_in(client_secret=None, client_assertion_type=ASSERTION, client_assertion=sent)

    assert answer.json()["error_codes"] == [50027]


@pytest.mark.parametrize(
    ("changes", "number"),
    [({"username": "jane@contoso.com"}, 50034), ({"password": "wrong"}, 50126), ({"client_id": "other"}, 700016)],
)
def test_a_wrong_user_or_password_is_refused(standin: Any, changes: Any, number: int) -> None:
    way = standin.ways["user_password"]
    user = {"username": way["DATAVERSE_USERNAME"], "password": way["DATAVERSE_PASSWORD"], "client_secret": None}

    right = standin.sign_in(grant_type="password", **user)
    wrong = standin.sign_in(grant_type="password", **{**user, **changes})

    assert right.status_code == 200
    assert wrong.json()["error_codes"] == [number]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"api-version": "2018-02-01"}, 400),
        ({"client_id": "00000000-0000-0000-0000-00000000cafe"}, 400),
        ({"resource": "https://contoso.crm4.dynamics.com"}, 500),
        ({"header": "wrong"}, 401),
    ],
)
def test_the_platform_gives_tokens_to_its_identities(standin: Any, changes: dict[str, str], status: int) -> None:
    way = standin.ways["managed_identity_system"]
    header = changes.pop("header", way["IDENTITY_HEADER"])
    asked = {"api-version": "2019-08-01", "resource": standin.url, **changes}

    answer = standin.session.get(
        way["IDENTITY_ENDPOINT"], params=asked, headers={"X-IDENTITY-HEADER": header}, timeout=20
    )

    assert answer.status_code == status
    assert ("access_token" in answer.json()) == (status == 200)
    assert answer.json().get("statusCode", 200) == status


def test_an_identity_from_before_is_completed(tmp_path: Path) -> None:
    known = asdict(load_identity(tmp_path))
    older = {name: known[name] for name in known if not name.startswith(("user_", "managed_", "certificate_"))}
    (tmp_path / "identity.json").write_text(json.dumps(older))

    completed = load_identity(tmp_path)

    assert {name: asdict(completed)[name] for name in older} == older
    assert completed == load_identity(tmp_path)
