"""When a process stops asking Dynamics, and how it begins again."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from leadpipe.model.errors import Blocked, Refused, Transient
from leadpipe.model.gate import (
    ANSWERED_LATELY,
    BEHIND_THE_SWEEP,
    FAILURES_IN_A_ROW,
    FIRST_PAUSE,
    LONGEST_BREATHER,
    LONGEST_PAUSE,
    PROBE_LOST,
    PROBE_WAIT,
    SLACK,
    WORTH_A_PAUSE,
    Gate,
    Shut,
    Ticket,
)
from tests.factories import RECEIVED_AT as NOW

AWAY = Transient("dynamics_unreachable", "ConnectTimeout")
NO_ROLE = Blocked("no_role")


NUMBERS = count()


def entered(gate: Gate, at: timedelta = timedelta(0), lead_id: str | None = None) -> Ticket:
    """The ticket of that lead, or else of one that has not been there before."""
    ticket = gate.enter(lead_id or f"lead {next(NUMBERS)}", NOW + at)
    assert isinstance(ticket, Ticket)
    return ticket


def shut_until(gate: Gate, at: timedelta = timedelta(0)) -> timedelta:
    shut = gate.enter("lead", NOW + at)
    assert isinstance(shut, Shut)
    return shut.until - NOW


def test_an_open_gate_lets_everyone_through() -> None:
    gate = Gate()
    assert not any(entered(gate).probe for _ in range(20))


def test_a_throttle_shuts_it_for_as_long_as_dynamics_asked() -> None:
    gate = Gate()
    gate.failed(entered(gate), Transient("throttled", retry_after=timedelta(seconds=77)), NOW)
    assert shut_until(gate) == timedelta(seconds=77)
    assert gate.is_shut(NOW)


def test_a_throttle_without_a_time_shuts_it_for_a_first_pause() -> None:
    gate = Gate()
    gate.failed(entered(gate), Transient("throttled"), NOW)
    assert shut_until(gate) == FIRST_PAUSE


def test_a_connection_that_somebody_has_to_mend_shuts_it_at_once_and_says_why() -> None:
    gate = Gate()
    gate.failed(entered(gate), NO_ROLE, NOW)
    shut = gate.enter("lead", NOW)
    assert isinstance(shut, Shut)
    assert (shut.until, shut.reason) == (NOW + FIRST_PAUSE, "no_role")


def test_a_single_transport_failure_does_not_shut_it() -> None:
    gate = Gate()
    for _ in range(FAILURES_IN_A_ROW - 1):
        gate.failed(entered(gate), AWAY, NOW)
    assert not gate.is_shut(NOW)


def test_transport_failures_in_a_row_do() -> None:
    gate = Gate()
    for _ in range(FAILURES_IN_A_ROW):
        gate.failed(entered(gate), AWAY, NOW)
    assert gate.is_shut(NOW)


def test_an_answer_in_between_begins_the_count_anew() -> None:
    gate = Gate()
    for _ in range(5):
        for _ in range(FAILURES_IN_A_ROW - 1):
            gate.failed(entered(gate), AWAY, NOW)
        gate.answered(entered(gate))
    assert not gate.is_shut(NOW)


def test_when_the_time_is_over_one_goes_through_as_probe_and_others_wait() -> None:
    gate = Gate()
    gate.failed(entered(gate), NO_ROLE, NOW)
    assert entered(gate, FIRST_PAUSE).probe
    assert shut_until(gate, FIRST_PAUSE) == FIRST_PAUSE + PROBE_WAIT
    assert gate.is_shut(NOW + FIRST_PAUSE)


def test_a_probe_that_is_answered_opens_it() -> None:
    gate = Gate()
    gate.failed(entered(gate), NO_ROLE, NOW)
    gate.answered(entered(gate, FIRST_PAUSE))
    assert not gate.is_shut(NOW + FIRST_PAUSE)
    assert not entered(gate, FIRST_PAUSE).probe


def test_a_probe_whose_lead_is_refused_opens_it_too() -> None:
    gate = Gate()
    gate.failed(entered(gate), NO_ROLE, NOW)
    gate.failed(entered(gate, FIRST_PAUSE), Refused("too_long"), NOW + FIRST_PAUSE)
    assert not gate.is_shut(NOW + FIRST_PAUSE)


@pytest.mark.parametrize(
    "failure",
    [Transient("plugin_crashed"), Transient("plugin_timeout"), Blocked("owner_lacks_privilege", lead_only=True)],
)
def test_what_concerns_one_lead_alone_does_not_shut_it(failure: Transient | Blocked) -> None:
    gate = Gate()
    for _ in range(10):
        gate.failed(entered(gate), failure, NOW)
    assert not gate.is_shut(NOW)


def test_each_probe_that_fails_doubles_the_pause_up_to_five_minutes() -> None:
    gate, at = Gate(), timedelta(0)
    gate.failed(entered(gate), NO_ROLE, NOW)
    pauses = []
    for _ in range(7):
        at = shut_until(gate, at)
        gate.failed(entered(gate, at), AWAY, NOW + at)
        pauses.append(shut_until(gate, at) - at)
    assert pauses == [timedelta(seconds=s) for s in (20, 40, 80, 160, 300, 300, 300)]
    assert pauses[-1] == LONGEST_PAUSE


def test_failures_of_leads_already_on_the_way_count_once() -> None:
    gate = Gate()
    tickets = [entered(gate) for _ in range(12)]
    for ticket in tickets:
        gate.failed(ticket, NO_ROLE, NOW)
    assert shut_until(gate) == FIRST_PAUSE


def test_an_answer_to_a_lead_already_under_way_does_not_lift_a_throttle() -> None:
    gate = Gate()
    early, late = entered(gate), entered(gate)
    gate.failed(early, Transient("throttled", retry_after=timedelta(seconds=60)), NOW)
    gate.answered(late)
    assert gate.is_shut(NOW)


def test_a_server_error_with_a_time_is_given_that_time() -> None:
    gate = Gate()
    for _ in range(FAILURES_IN_A_ROW):
        gate.failed(entered(gate), Transient("dynamics_error", retry_after=timedelta(minutes=9)), NOW)
    assert shut_until(gate) == timedelta(minutes=9)


def test_a_probe_that_never_tells_is_given_up_and_another_goes_through() -> None:
    gate = Gate()
    gate.failed(entered(gate), NO_ROLE, NOW)
    entered(gate, FIRST_PAUSE)
    assert entered(gate, FIRST_PAUSE + PROBE_LOST).probe


def test_failures_of_one_and_the_same_lead_do_not_shut_it() -> None:
    gate = Gate()
    for _ in range(10 * FAILURES_IN_A_ROW):
        gate.failed(entered(gate, lead_id="bad"), AWAY, NOW)
    assert not gate.is_shut(NOW)


def test_a_second_lead_that_fails_shuts_it_at_once_after_many_first_failures() -> None:
    gate = Gate()
    for _ in range(FAILURES_IN_A_ROW - 1):
        gate.failed(entered(gate, lead_id="first"), AWAY, NOW)
    gate.failed(entered(gate, lead_id="second"), AWAY, NOW)
    assert gate.is_shut(NOW)


def test_a_failure_that_may_concern_all_leads_puts_it_in_doubt_until_an_answer_comes() -> None:
    gate = Gate()
    assert not gate.in_doubt(NOW)
    gate.failed(entered(gate), AWAY, NOW)
    assert gate.in_doubt(NOW)
    gate.answered(entered(gate))
    assert not gate.in_doubt(NOW)


def test_a_shut_gate_is_in_doubt_and_a_leads_own_trouble_raises_no_doubt() -> None:
    gate = Gate()
    gate.failed(entered(gate), Transient("plugin_crashed"), NOW)
    assert not gate.in_doubt(NOW)
    gate.failed(entered(gate), Transient("throttled"), NOW)
    assert gate.in_doubt(NOW)


def test_what_nobody_foresaw_puts_it_in_doubt_once_a_second_lead_meets_it() -> None:
    gate = Gate()
    gate.failed(entered(gate), Transient("unforeseen", "TypeError"), NOW)
    assert not gate.in_doubt(NOW)
    gate.failed(entered(gate), Transient("unforeseen", "TypeError"), NOW)
    assert gate.in_doubt(NOW)


def test_the_longer_a_probe_is_silent_the_less_often_the_others_come_to_look() -> None:
    gate = Gate()
    gate.failed(entered(gate), NO_ROLE, NOW)
    entered(gate, FIRST_PAUSE)
    silent = timedelta(seconds=20)
    assert shut_until(gate, FIRST_PAUSE + silent) == FIRST_PAUSE + 2 * silent


def throttled(gate: Gate, at: timedelta, *, answers: int) -> timedelta:
    """The pause after so many answers and then a 429 that asks for a second."""
    for _ in range(answers):
        gate.answered(entered(gate, at))
    gate.failed(entered(gate, at), Transient("throttled", retry_after=timedelta(seconds=1)), NOW + at)
    return shut_until(gate, at) - at


def test_a_throttle_that_comes_back_after_few_answers_gets_ever_longer_pauses() -> None:
    gate, at, pauses = Gate(), timedelta(0), []
    for _ in range(7):
        pauses.append(throttled(gate, at, answers=5))
        at += pauses[-1]
    assert pauses == [timedelta(seconds=s) for s in (1, 2, 4, 8, 16, 30, 30)]
    assert pauses[-1] == LONGEST_BREATHER


def test_a_pause_that_was_worth_it_stays_and_many_answers_end_it() -> None:
    gate, at, pauses = Gate(), timedelta(0), []
    for answers in (5, 5, WORTH_A_PAUSE, 2 * WORTH_A_PAUSE, 11 * WORTH_A_PAUSE, WORTH_A_PAUSE):
        pauses.append(throttled(gate, at, answers=answers))
        at += pauses[-1]
    assert pauses == [timedelta(seconds=s) for s in (1, 2, 2, 2, 1, 1)]


# The pause is counted from when the probe began


def long_shut() -> Gate:
    """A gate whose pause has grown to its longest; the last probe began, and failed, at NOW."""
    gate = Gate()
    for _ in range(9):
        at = gate._shut.until if gate._shut else NOW - timedelta(days=1)
        ticket = gate.enter("lead", at)
        assert isinstance(ticket, Ticket)
        gate.failed(ticket, NO_ROLE, at)
    assert gate._shut is not None
    ticket = gate.enter("lead", gate._shut.until)
    assert isinstance(ticket, Ticket)
    gate.failed(replace(ticket, at=NOW), NO_ROLE, NOW)
    return gate


@pytest.mark.parametrize("hung", [0, 30, 70])
def test_a_probe_that_hangs_makes_the_pause_no_longer(hung: int) -> None:
    gate = long_shut()
    gate.failed(entered(gate, LONGEST_PAUSE), AWAY, NOW + LONGEST_PAUSE + timedelta(seconds=hung))
    assert shut_until(gate, LONGEST_PAUSE + timedelta(seconds=hung)) == 2 * LONGEST_PAUSE


def test_after_a_probe_that_hung_the_next_waits_as_long_again() -> None:
    gate = Gate()
    gate.failed(entered(gate), NO_ROLE, NOW)
    hung = timedelta(seconds=60)
    gate.failed(entered(gate, FIRST_PAUSE), AWAY, NOW + FIRST_PAUSE + hung)
    assert shut_until(gate, FIRST_PAUSE + hung) == FIRST_PAUSE + 2 * hung


# Leads that rest, and the sweep that delivers them once a minute


def test_the_sweeps_probe_may_go_a_little_early_and_no_other() -> None:
    gate = long_shut()
    almost = LONGEST_PAUSE - SLACK
    assert gate.is_shut(NOW + almost)
    assert gate.is_shut(NOW + almost - timedelta(seconds=1), resting=True)
    assert not gate.is_shut(NOW + almost, resting=True)


def test_a_place_that_is_reserved_is_the_sweeps_and_the_others_come_after_it() -> None:
    gate = long_shut()
    gate.reserve(NOW + LONGEST_PAUSE + timedelta(seconds=10))
    assert shut_until(gate, LONGEST_PAUSE) == LONGEST_PAUSE + BEHIND_THE_SWEEP
    ticket = gate.enter("resting", NOW + LONGEST_PAUSE, resting=True)
    assert isinstance(ticket, Ticket)
    assert ticket.probe


def test_a_reservation_that_the_sweep_does_not_renew_is_over() -> None:
    gate = long_shut()
    gate.reserve(NOW + LONGEST_PAUSE - timedelta(seconds=1))
    assert entered(gate, LONGEST_PAUSE).probe


def test_an_answer_ends_the_reservation() -> None:
    gate = long_shut()
    gate.reserve(NOW + timedelta(hours=1))
    ticket = gate.enter("resting", NOW + LONGEST_PAUSE, resting=True)
    assert isinstance(ticket, Ticket)
    gate.answered(ticket)
    gate.failed(entered(gate, LONGEST_PAUSE), NO_ROLE, NOW + LONGEST_PAUSE)
    assert shut_until(gate, LONGEST_PAUSE) == LONGEST_PAUSE + FIRST_PAUSE


def test_under_a_throttle_nothing_is_reserved_and_nobody_is_early() -> None:
    gate = Gate()
    gate.failed(entered(gate), Transient("throttled", retry_after=timedelta(seconds=60)), NOW)
    gate.reserve(NOW + timedelta(hours=1))
    assert gate.is_throttled()
    assert gate.is_shut(NOW + timedelta(seconds=59), resting=True)
    gate.answered(entered(gate, timedelta(seconds=60)))
    assert not gate.is_throttled()


def test_the_sweep_keeps_to_a_time_that_dynamics_asks_for() -> None:
    gate = Gate()
    for _ in range(FAILURES_IN_A_ROW):
        gate.failed(entered(gate), Transient("dynamics_error", retry_after=timedelta(minutes=9)), NOW)
    assert gate.is_shut(NOW + timedelta(minutes=9) - timedelta(seconds=1), resting=True)
    assert not gate.is_throttled()


def test_a_failure_just_after_an_answer_puts_nothing_in_doubt_until_a_second_lead_fails() -> None:
    gate = Gate()
    gate.answered(entered(gate))
    gate.failed(entered(gate, ANSWERED_LATELY / 2), AWAY, NOW + ANSWERED_LATELY / 2)
    assert not gate.in_doubt(NOW + ANSWERED_LATELY / 2)
    gate.failed(entered(gate, ANSWERED_LATELY / 2), AWAY, NOW + ANSWERED_LATELY / 2)
    assert gate.in_doubt(NOW + ANSWERED_LATELY / 2)


def test_a_failure_long_after_the_last_answer_puts_it_in_doubt() -> None:
    gate = Gate()
    gate.answered(entered(gate))
    gate.failed(entered(gate, ANSWERED_LATELY), AWAY, NOW + ANSWERED_LATELY)
    assert gate.in_doubt(NOW + ANSWERED_LATELY)
