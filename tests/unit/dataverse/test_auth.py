from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.dataverse.auth import refusal
from leadpipe.model.cause import CAUSES
from leadpipe.model.errors import Blocked, Transient


def answer(error: Any, *numbers: int) -> dict[str, Any]:
    """An error answer of the sign-in host, its text with those AADSTS numbers."""
    text = " ".join(f"AADSTS{number}: Something about 00001111-aaaa-2222-bbbb-3333cccc4444." for number in numbers)
    return {"error": error, "error_description": text, "error_codes": [*numbers], "trace_id": "5d1c7b2a"}


@pytest.mark.parametrize(
    ("error", "number", "reason"),
    [
        ("invalid_client", 7000215, "secret_wrong"),
        ("invalid_client", 7000222, "secret_expired"),
        ("unauthorized_client", 700016, "application_unknown"),
        ("invalid_request", 90002, "tenant_unknown"),
        ("invalid_request", 900023, "tenant_unknown"),
        ("invalid_resource", 500011, "organisation_unknown"),
        ("invalid_resource", 50001, "organisation_unknown"),
        ("invalid_client", 7000218, "sign_in_refused"),
        ("unauthorized_client", 7000112, "sign_in_refused"),
        ("invalid_scope", 70011, "sign_in_refused"),
        ("invalid_grant", 50126, "sign_in_refused"),
        ("interaction_required", 50076, "sign_in_refused"),
    ],
)
def test_a_refusal_blocks_with_the_reason_that_its_number_tells(error: str, number: int, reason: str) -> None:
    failure = refusal(answer(error, number))

    assert isinstance(failure, Blocked)
    assert (failure.slug, failure.detail) == (reason, f"AADSTS{number} {error}")
    assert reason in CAUSES


@pytest.mark.parametrize("number", [50033, 50087, 90006, 90012, 90024, 90033, 90055, 90090])
def test_a_number_that_means_later_is_transient(number: int) -> None:
    failure = refusal(answer("invalid_request", number))

    assert isinstance(failure, Transient)
    assert (failure.slug, failure.detail) == ("sign_in_unavailable", f"AADSTS{number} invalid_request")


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


@given(st.text(), st.text(st.sampled_from("AADSTS0123456789: "), max_size=40))
def test_whatever_it_says_it_is_one_failure(error: str, text: str) -> None:
    assert refusal({"error": error, "error_description": text}).slug in CAUSES
