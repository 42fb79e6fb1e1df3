from __future__ import annotations

from typing import Any

import pytest


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_code_confirms_itself_unless_it_is_told_otherwise(standin: Any) -> None:
    asked = standin.device_code().json()
    answer = standin.redeem(asked["device_code"]).json()

    assert asked["user_code"] in asked["message"]
    assert asked["verification_uri"] == f"{standin.url}/devicelogin"
    assert {"access_token", "id_token", "expires_in"} <= {*answer}


def test_a_code_is_redeemed_once(standin: Any) -> None:
    code = standin.device_code().json()["device_code"]
    standin.redeem(code)

    assert error(standin.redeem(code)) == (400, "bad_verification_code")


def test_a_code_waits_for_a_person_on_the_page(standin: Any) -> None:
    standin.configure(device_sign_in="on_the_page")
    asked = standin.device_code().json()
    assert error(standin.redeem(asked["device_code"])) == (400, "authorization_pending")

    page = standin.session.get(asked["verification_uri"], timeout=20)
    wrong = standin.session.post(asked["verification_uri"], data={"code": "<b>"}, timeout=20)
    right = standin.session.post(asked["verification_uri"], data={"code": asked["user_code"].lower()}, timeout=20)

    assert "<form" in page.text
    assert "no such code" in wrong.text
    assert "<b>" not in wrong.text
    assert "signed in" in right.text
    assert standin.redeem(asked["device_code"]).status_code == 200


@pytest.mark.parametrize(("how", "word"), [("declined", "authorization_declined"), ("expired", "expired_token")])
def test_a_code_can_be_refused(standin: Any, how: str, word: str) -> None:
    standin.configure(device_sign_in=how)

    assert error(standin.redeem(standin.device_code().json()["device_code"])) == (400, word)


def test_a_code_is_asked_for_in_a_directory_that_there_is(standin: Any) -> None:
    assert standin.device_code("contoso").json()["error_codes"] == [90002]


def test_a_code_for_another_organisation_gives_no_token(standin: Any) -> None:
    asked = standin.device_code(scope="https://contoso.crm4.dynamics.com/.default").json()

    assert standin.redeem(asked["device_code"]).json()["error_codes"] == [500011]
