import json
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from msal.exceptions import MsalServiceError
from urllib3.exceptions import LocationParseError

from leadpipe.dataverse.auth.refusal import REASONS, refusal, sign_in_failures
from leadpipe.model.errors import Blocked, DeliveryFailed, Transient
from leadpipe.model.reasons import BLOCKED
from leadpipe.operations.causes import CAUSES


def answer(error: Any, *numbers: int) -> dict[str, Any]:
    """An error answer of the sign-in host, its text with those AADSTS numbers."""
    text = " ".join(f"AADSTS{number}: Something about 00001111-aaaa-2222-bbbb-3333cccc4444." for number in numbers)
    return {"error": error, "error_description": text, "error_codes": [*numbers], "trace_id": "5d1c7b2a"}


def failure_of(error: Exception) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed, sign_in_failures():
        raise error
    return failed.value


@pytest.mark.parametrize(
    ("error", "number", "reason"),
    [
        ("invalid_client", 7000215, "secret_wrong"),
        ("invalid_client", 7000222, "secret_expired"),
        ("invalid_client", 7000218, "secret_not_sent"),
        ("unauthorized_client", 700016, "application_unknown"),
        ("unauthorized_client", 7000112, "application_disabled"),
        ("invalid_request", 90002, "tenant_unknown"),
        ("invalid_request", 900023, "tenant_unknown"),
        ("invalid_resource", 500011, "organisation_unknown"),
        ("invalid_resource", 50001, "organisation_unknown"),
        ("invalid_scope", 70011, "scope_refused"),
        ("invalid_scope", 28002, "scope_refused"),
        ("invalid_client", 50012, "certificate_refused"),
        ("invalid_grant", 50013, "certificate_refused"),
        ("invalid_client", 50027, "certificate_refused"),
        ("invalid_client", 700027, "certificate_refused"),
        ("invalid_client", 1000502, "certificate_expired"),
        ("invalid_client", 700024, "clock_wrong"),
        ("invalid_grant", 50034, "account_unknown"),
        ("invalid_grant", 50126, "password_wrong"),
        ("invalid_grant", 50053, "account_locked"),
        ("invalid_grant", 50055, "password_expired"),
        ("invalid_grant", 50057, "account_disabled"),
        ("interaction_required", 50076, "password_not_enough"),
        ("interaction_required", 50079, "password_not_enough"),
        ("interaction_required", 50158, "password_not_enough"),
        ("invalid_grant", 530032, "sign_in_policy"),
        ("invalid_grant", 65001, "consent_missing"),
        ("invalid_grant", 90094, "consent_missing"),
        ("invalid_grant", 50196, "sign_in_loop"),
        ("invalid_request", 900382, "cloud_wrong"),
        ("invalid_request", 900432, "cloud_wrong"),
        ("invalid_request", 90038, "cloud_wrong"),
        ("invalid_resource", 500014, "subscription_lapsed"),
        ("invalid_client", 650052, "subscription_lapsed"),
        ("invalid_request", 5000224, "tenant_blocked"),
        ("invalid_request", 5000225, "tenant_blocked"),
        ("invalid_client", 501051, "assignment_required"),
        ("invalid_grant", 50105, "assignment_required"),
        ("access_denied", 53000, "sign_in_policy"),
        ("access_denied", 53003, "sign_in_policy"),
        ("interaction_required", 53004, "password_not_enough"),
        ("invalid_grant", 50020, "account_foreign"),
        ("invalid_request", 50128, "tenant_missing"),
        ("invalid_request", 50194, "tenant_missing"),
        ("invalid_client", 700025, "application_public"),
        ("invalid_client", 700030, "certificate_refused"),
        ("invalid_request", 1002016, "tls_outdated"),
        ("invalid_request", 900561, "request_changed"),
        ("invalid_request", 500021, "tenant_restricted"),
        ("invalid_grant", 50008, "federation_broken"),
        ("invalid_grant", 53011, "account_at_risk"),
        ("invalid_request", 1234567, "sign_in_refused"),
    ],
)
def test_a_refusal_blocks_with_the_reason_that_its_number_tells(error: str, number: int, reason: str) -> None:
    failure = refusal(answer(error, number))

    assert isinstance(failure, Blocked)
    assert (failure.slug, failure.detail) == (reason, f"AADSTS{number} {error}")


@pytest.mark.parametrize(
    ("reason", "named"),
    [
        ("sign_in_refused", "DATAVERSE_AUTHORITY"),
        ("cloud_wrong", "DATAVERSE_AUTHORITY"),
        ("tenant_unknown", "DATAVERSE_AUTHORITY"),
        ("tenant_missing", "DATAVERSE_TENANT_ID"),
        ("assignment_required", "assign it"),
        ("subscription_lapsed", "renew the subscription"),
        ("table_unknown", "Enable Dynamics 365 apps"),
        ("access_denied", "administration mode"),
        ("access_denied", "IP firewall"),
        ("user_unlicensed", "access mode"),
    ],
)
def test_a_fix_names_the_place_where_it_is_mended(reason: str, named: str) -> None:
    assert named in CAUSES[reason].fix


@pytest.mark.parametrize("reason", sorted({*REASONS.values()}))
def test_each_reason_waits_for_a_person_and_says_what_to_do(reason: str) -> None:
    assert reason in BLOCKED
    assert CAUSES[reason].fix


@pytest.mark.parametrize("number", [50033, 50087, 90006, 90012, 90024, 90033, 90055, 90090])
def test_a_number_that_means_later_is_transient(number: int) -> None:
    failure = refusal(answer("invalid_request", number))

    assert isinstance(failure, Transient)
    assert (failure.slug, failure.detail) == ("sign_in_unavailable", f"AADSTS{number} invalid_request")


@pytest.mark.parametrize("number", [80001, 80002, 80014])
def test_a_companys_agent_that_is_away_is_transient_and_named(number: int) -> None:
    failure = refusal(answer("invalid_grant", number))

    assert (type(failure), failure.slug) == (Transient, "agent_unavailable")


@pytest.mark.parametrize(
    ("codes", "known"),
    [([7000222], "AADSTS7000222 x"), ([True, "7", -1, 10**20], "x"), ({"a": 1}, "x"), (None, "x")],
)
def test_without_a_number_in_the_text_those_beside_it_count(codes: Any, known: str) -> None:
    assert refusal({"error": "x", "error_codes": codes}).detail == known


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
def test_an_error_that_means_later_is_transient_without_a_number(error: str) -> None:
    failure = refusal(answer(error))

    assert isinstance(failure, Transient)
    assert failure.detail == error


def test_of_two_numbers_the_one_that_is_known_gives_the_reason() -> None:
    failure = refusal(answer("invalid_client", 1, 7000222))

    assert (failure.slug, failure.detail) == ("secret_expired", "AADSTS1 invalid_client")


@pytest.mark.parametrize("empty", [{}, {"error": None}, {"error": "", "error_description": None}])
def test_an_answer_that_says_nothing_is_a_refusal(empty: dict[str, Any]) -> None:
    failure = refusal(empty)

    assert isinstance(failure, Blocked)
    assert (failure.slug, failure.detail) == ("sign_in_refused", "no_error")


def test_the_text_of_an_answer_is_not_told() -> None:
    assert "00001111" not in str(refusal(answer("invalid_client", 7000215)))


def test_an_error_that_is_no_word_of_oauths_is_not_told_either() -> None:
    assert refusal(answer("the secret s3cret is wrong", 7000215)).detail == "AADSTS7000215 unknown_error"


@given(st.text(), st.text(st.sampled_from("AADSTS0123456789: "), max_size=40))
def test_whatever_it_says_it_is_one_failure(error: str, text: str) -> None:
    assert refusal({"error": error, "error_description": text}).slug in CAUSES


@pytest.mark.parametrize(
    ("error", "kind", "slug", "detail"),
    [
        (requests.exceptions.SSLError("x"), Blocked, "tls", "that of the sign-in host"),
        (requests.ConnectTimeout("x"), Transient, "sign_in_unavailable", "no connection in time"),
        (requests.ConnectionError("x"), Transient, "sign_in_unavailable", "the connection broke"),
        (
            MsalServiceError("HTTP Error: 503", error="", error_description=""),
            Transient,
            "sign_in_unavailable",
            "it answered 503",
        ),
        (
            requests.HTTPError("503 Server Error: Busy for url: https://login.microsoftonline.com/429"),
            Transient,
            "sign_in_unavailable",
            "it answered 503",
        ),
        (
            MsalServiceError("x", error="", error_description=""),
            Transient,
            "sign_in_unavailable",
            "it answered with an error",
        ),
        (OSError("no bundle"), Blocked, "tls", "REQUESTS_CA_BUNDLE names no file of certificates"),
        (json.JSONDecodeError("x", "<html>", 0), Transient, "sign_in_unavailable", "the answer is not Entra's"),
        (ValueError("Unable to get"), Blocked, "not_entra", "the sign-in host has no such document"),
        (ValueError("AADSTS90002: Tenant not found"), Blocked, "tenant_unknown", "AADSTS90002"),
        (KeyError("token_endpoint"), Blocked, "not_entra", "KeyError"),
        (AttributeError("get"), Blocked, "not_entra", "AttributeError"),
        (OverflowError("t0ken"), Blocked, "not_entra", "OverflowError"),
        (RecursionError("t0ken"), Blocked, "not_entra", "RecursionError"),
        (UnicodeError("t0ken"), Blocked, "not_entra", "UnicodeError"),
        (ValueError("AADSTS90033: later"), Transient, "sign_in_unavailable", "AADSTS90033"),
        (ValueError("AADSTS90038: elsewhere"), Blocked, "cloud_wrong", "AADSTS90038"),
        (LocationParseError("t0ken"), Transient, "sign_in_unavailable", "the answer could not be read"),
        (MemoryError("t0ken"), Transient, "unforeseen", "MemoryError"),
        (BufferError("t0ken"), Transient, "unforeseen", "BufferError"),
    ],
)
def test_whatever_msal_raises_becomes_one_of_our_failures(
    error: Exception, kind: type[DeliveryFailed], slug: str, detail: str
) -> None:
    failure = failure_of(error)

    assert (type(failure), failure.slug, failure.detail) == (kind, slug, detail)
    assert failure.slug in CAUSES


def test_a_failure_that_has_its_class_already_keeps_it() -> None:
    failure = Blocked("certificate_unreadable", "it holds no private key")

    assert failure_of(failure) is failure
