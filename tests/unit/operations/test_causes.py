import pytest

from leadpipe.operations.causes import CAUSES


@pytest.mark.parametrize("reason", CAUSES)
def test_every_cause_says_what_is_wrong_and_what_mends_it(reason: str) -> None:
    assert CAUSES[reason].says
    assert CAUSES[reason].fix


@pytest.mark.parametrize(
    "reason",
    ["not_utf8", "not_json", "not_an_object", "nothing_in_it", "too_large", "payload_missing"],
)
def test_whatever_is_no_lead_has_a_cause(reason: str) -> None:
    assert reason in CAUSES


@pytest.mark.parametrize("reason", ["assumed", "no_dynamics", "test_lead", "do_not_contact", "discarded"])
def test_whatever_rests_has_a_cause(reason: str) -> None:
    assert reason in CAUSES


@pytest.mark.parametrize("reason", CAUSES)
def test_a_reason_is_one_word_that_a_log_line_need_not_quote(reason: str) -> None:
    assert reason.replace("_", "a").isalnum()
