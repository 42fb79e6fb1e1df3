from __future__ import annotations

import threading
from typing import Any

import pytest

from devkit.standin.organisation.config import Config
from devkit.standin.organisation.throttle import Throttle
from devkit.standin.refusal import Refusal


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock)


def ask(throttle: Throttle, config: Config, *, server: str = "a") -> Refusal | dict[str, str]:
    try:
        with throttle.admitted(server, config) as headers:
            return headers
    except Refusal as refusal:
        return refusal


def test_the_documented_limits_are_the_defaults() -> None:
    config = Config()

    assert (config.requests_per_window, config.execution_seconds_per_window) == (6000, 1200)
    assert (config.concurrent_requests, config.window_seconds) == (52, 300)


def test_one_request_too_many_waits_until_the_first_has_left_the_window(throttle: Throttle, clock: Clock) -> None:
    config = Config(requests_per_window=2)
    for moment in (1000.0, 1010.0):
        clock.now = moment
        assert isinstance(ask(throttle, config), dict)

    clock.now = 1020.0
    refusal = ask(throttle, config)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (429, "0x80072322")
    assert "limit of 2 over time window of 300 seconds" in refusal.message
    # The refused request counts as well, so two must leave before the next comes in.
    assert refusal.retry_after == 290
    clock.now += refusal.retry_after
    assert isinstance(ask(throttle, config), dict)


def test_asking_on_during_a_penalty_makes_it_longer(throttle: Throttle) -> None:
    config = Config(requests_per_window=1)
    ask(throttle, config)

    waits = [refusal.retry_after for refusal in (ask(throttle, config), ask(throttle, config)) if refusal]

    assert waits == [300, 300]
    assert isinstance(ask(throttle, config, server="b"), dict)


def test_execution_time_is_limited_over_all_requests(throttle: Throttle, clock: Clock) -> None:
    config = Config(execution_seconds_per_window=60)
    with throttle.admitted("a", config):
        clock.now += 60

    refusal = ask(throttle, config)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code, refusal.retry_after) == (429, "0x80072321", 300)
    clock.now += 300
    assert isinstance(ask(throttle, config), dict)


def test_too_many_at_once_are_refused_on_the_spot(throttle: Throttle) -> None:
    config = Config(concurrent_requests=1)
    with throttle.admitted("a", config):
        refusal = ask(throttle, config)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code, refusal.retry_after) == (429, "0x80072326", 1)
    assert isinstance(ask(throttle, config), dict)


def test_what_is_left_is_told_in_headers(standin: Any) -> None:
    headers = standin.create(lastname="Ito").headers

    assert headers["x-ms-dop-hint"] == "4"
    assert headers["x-ms-ratelimit-time-remaining-xrm-requests"].startswith("1,")
    assert int(headers["x-ms-ratelimit-burst-remaining-xrm-requests"]) < 6000


def test_a_429_has_a_code_and_whole_seconds_to_wait(standin: Any) -> None:
    standin.configure(requests_per_window=1, window_seconds=30)

    answers = [standin.create(lastname="Ito") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 429]
    assert answers[1].json()["error"]["code"] == "0x80072322"
    assert 1 <= int(answers[1].headers["Retry-After"]) <= 30


def test_a_hanging_request_takes_one_of_the_places_at_once(standin: Any) -> None:
    standin.configure(concurrent_requests=1)
    standin.fault("hang", count=1)
    hanging = threading.Thread(target=standin.create)
    hanging.start()
    while not standin.control("GET", "faults")[0]["fired"]:
        pass

    answer = standin.api("GET", "WhoAmI")
    standin.control("DELETE", "faults")
    hanging.join()

    assert answer.json()["error"]["code"] == "0x80072326"
    assert standin.api("GET", "WhoAmI").status_code == 200


def test_a_client_that_keeps_the_cookie_stays_on_its_server(standin: Any) -> None:
    standin.configure(servers=3, requests_per_window=4)

    statuses = [standin.api("GET", "WhoAmI").status_code for _ in range(5)]

    assert "ARRAffinity" in standin.session.cookies
    assert statuses == [200, 200, 200, 200, 429]


def test_a_client_that_refuses_cookies_is_spread_over_the_servers(standin: Any) -> None:
    standin.configure(servers=3, requests_per_window=4)

    statuses = []
    for _ in range(13):
        statuses.append(standin.api("GET", "WhoAmI").status_code)
        standin.session.cookies.clear()

    assert statuses == [200] * 12 + [429]


def test_sign_in_uses_up_no_limit(standin: Any) -> None:
    standin.configure(requests_per_window=1)

    assert [standin.sign_in().status_code for _ in range(3)] == [200, 200, 200]
