import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from leadpipe.dataverse.auth.tokens import LONGEST_PAUSE_SECONDS, PAUSE_SECONDS, SharedTokens
from leadpipe.model.errors import Blocked, Transient

REFUSED = {"error": "invalid_client", "error_description": "AADSTS7000222: expired"}
AWAY = {"error": "temporarily_unavailable"}


class SignInHost:
    """Gives tokens by number until it is told to give something else; `prepared` counts what was built anew."""

    def __init__(self, lifetime: Any = 3600) -> None:
        self.lifetime = lifetime
        self.now = 1000.0
        self.prepared = 0
        self.asked = 0
        self.gives: Callable[[], dict[str, Any]] = self.token
        self.tokens = SharedTokens(self.prepare, clock=lambda: self.now)

    def prepare(self) -> Callable[[], dict[str, Any]]:
        self.prepared += 1
        return self.ask

    def ask(self) -> dict[str, Any]:
        self.asked += 1
        return self.gives()

    def token(self) -> dict[str, Any]:
        return {"access_token": f"token {self.asked}", "expires_in": self.lifetime}

    def refuses(self, answer: dict[str, Any]) -> None:
        self.gives = lambda: answer

    def fails(self) -> Blocked | Transient:
        with pytest.raises((Blocked, Transient)) as failed:
            self.tokens.token()
        return failed.value


def raising(error: Exception) -> Callable[[], dict[str, Any]]:
    def ask() -> dict[str, Any]:
        raise error

    return ask


@pytest.fixture
def host() -> SignInHost:
    return SignInHost()


class TestKeeping:
    def test_nothing_is_asked_before_the_first_token(self, host: SignInHost) -> None:
        assert (host.prepared, host.asked) == (0, 0)

    def test_a_token_is_given_out_again(self, host: SignInHost) -> None:
        assert [host.tokens.token() for _ in range(3)] == ["token 1"] * 3

    @pytest.mark.parametrize(
        ("lifetime", "renewed_after"),
        [
            (3600, 3300),
            (86400, 43200),
            (7200, 3600),
            (60, 30),
            ("3600", 3300),
            (None, 300),
            ("soon", 300),
            ("Infinity", 300),
            (float("inf"), 300),
            (float("nan"), 300),
            (10**400, 300),
            ("9" * 5000, 300),
            ([3600], 300),
            (10**12, 50_400),
        ],
    )
    def test_it_is_renewed_in_time(self, lifetime: Any, renewed_after: float) -> None:
        host = SignInHost(lifetime)
        host.tokens.token()

        host.now += renewed_after - 1
        before = host.tokens.token()
        host.now += 1

        assert (before, host.tokens.token()) == ("token 1", "token 2")

    @pytest.mark.parametrize("lifetime", [0, -5])
    def test_one_that_has_no_time_left_is_asked_for_each_time(self, lifetime: int) -> None:
        host = SignInHost(lifetime)

        assert [host.tokens.token(), host.tokens.token()] == ["token 1", "token 2"]

    def test_what_asks_is_built_once(self, host: SignInHost) -> None:
        host.tokens.token()
        host.now += 3600
        host.tokens.token()

        assert (host.prepared, host.asked) == (1, 2)

    @pytest.mark.parametrize("answer", [REFUSED, AWAY])
    def test_the_old_token_serves_to_its_end_when_no_new_one_is_to_be_had(
        self, host: SignInHost, answer: dict[str, Any]
    ) -> None:
        host.tokens.token()
        host.refuses(answer)

        host.now += 3599
        assert host.tokens.token() == "token 1"
        host.now += 1
        host.fails()


class TestManyThreads:
    def test_those_who_come_together_share_one_token(self, host: SignInHost) -> None:
        together = threading.Barrier(16)

        def come(_: int) -> str:
            together.wait()
            return host.tokens.token()

        with ThreadPoolExecutor(16) as pool:
            assert [*pool.map(come, range(16))] == ["token 1"] * 16
        assert host.asked == 1

    def test_those_who_come_together_share_one_failure(self, host: SignInHost) -> None:
        together = threading.Barrier(16)
        host.refuses(REFUSED)

        def come(_: int) -> str:
            together.wait()
            return host.fails().slug

        with ThreadPoolExecutor(16) as pool:
            assert [*pool.map(come, range(16))] == ["secret_expired"] * 16
        assert host.asked == 1

    def test_who_has_a_good_token_does_not_wait_for_the_one_who_renews_it(self, host: SignInHost) -> None:
        host.tokens.token()
        asking, answered = threading.Event(), threading.Event()

        def slowly() -> dict[str, Any]:
            asking.set()
            assert answered.wait(20)
            return host.token()

        host.gives = slowly
        host.now += 3400
        with ThreadPoolExecutor(1) as pool:
            renewed = pool.submit(host.tokens.token)
            assert asking.wait(20)
            meanwhile = host.tokens.token()
            answered.set()

            assert (meanwhile, renewed.result(20)) == ("token 1", "token 2")


class TestDropping:
    def test_a_dropped_token_is_replaced(self, host: SignInHost) -> None:
        host.tokens.drop(host.tokens.token())

        assert host.tokens.token() == "token 2"

    def test_only_the_current_one_can_be_dropped(self, host: SignInHost) -> None:
        first = host.tokens.token()
        host.tokens.drop(first)
        host.tokens.token()
        host.now += 60
        host.tokens.drop(first)

        assert host.tokens.token() == "token 2"

    def test_one_that_was_just_replaced_is_not_replaced_again(self, host: SignInHost) -> None:
        for _ in range(10):
            host.tokens.drop(host.tokens.token())

        assert host.asked == 2

    def test_later_it_is(self, host: SignInHost) -> None:
        host.tokens.drop(host.tokens.token())
        host.now += PAUSE_SECONDS
        host.tokens.drop(host.tokens.token())

        assert host.tokens.token() == "token 3"

    def test_dropping_before_there_was_one_is_harmless(self, host: SignInHost) -> None:
        host.tokens.drop("token 1")

        assert host.tokens.token() == "token 1"


class TestRefusals:
    @pytest.mark.parametrize(("answer", "slug"), [(REFUSED, "secret_expired"), (AWAY, "sign_in_unavailable")])
    def test_within_the_pause_nobody_asks_again(self, host: SignInHost, answer: dict[str, Any], slug: str) -> None:
        host.refuses(answer)

        assert {host.fails().slug for _ in range(100)} == {slug}
        assert host.asked == 1

    def test_a_failure_told_again_is_another_exception_of_the_same_kind(self, host: SignInHost) -> None:
        host.refuses(REFUSED)
        first, second = host.fails(), host.fails()

        assert first is not second
        assert (type(first), str(first)) == (type(second), str(second))

    def test_after_the_pause_it_is_asked_again_and_can_have_been_mended(self, host: SignInHost) -> None:
        host.refuses(REFUSED)
        host.fails()
        host.gives = host.token
        host.now += PAUSE_SECONDS

        assert host.tokens.token() == "token 2"

    def test_the_pause_doubles_up_to_its_longest(self, host: SignInHost) -> None:
        host.refuses(REFUSED)
        asked_at = []
        for _ in range(1000):
            asked = host.asked
            host.fails()
            asked_at += [host.now] if host.asked > asked else []
            host.now += 1

        pauses = [later - earlier for earlier, later in pairwise(asked_at)]
        assert pauses[:6] == [5, 10, 20, 40, 80, 150]
        assert {*pauses[5:]} == {LONGEST_PAUSE_SECONDS}

    def test_a_success_makes_the_pause_short_again(self, host: SignInHost) -> None:
        host.refuses(REFUSED)
        for pause in (5, 10, 20):
            host.fails()
            host.now += pause
        host.gives = host.token
        host.tokens.drop(host.tokens.token())
        host.refuses(REFUSED)
        host.fails()
        host.now += PAUSE_SECONDS
        asked = host.asked
        host.fails()

        assert host.asked == asked + 1

    @pytest.mark.parametrize("answer", [REFUSED, AWAY])
    def test_after_a_failure_what_asks_is_built_anew_since_msal_remembers_answers(
        self, host: SignInHost, answer: dict[str, Any]
    ) -> None:
        host.refuses(answer)
        host.fails()
        host.now += PAUSE_SECONDS
        host.fails()

        assert host.prepared == 2

    def test_so_it_is_after_a_token_that_dynamics_refused(self, host: SignInHost) -> None:
        host.tokens.drop(host.tokens.token())
        host.tokens.token()

        assert host.prepared == 2

    @pytest.mark.parametrize(("asked", "pause"), [(2, 5), (60, 60), (300, 300)])
    def test_the_pause_is_at_least_what_the_sign_in_host_asks_for(
        self, host: SignInHost, asked: int, pause: int
    ) -> None:
        def away() -> dict[str, Any]:
            raise Transient("sign_in_unavailable", "it answered 503", retry_after=timedelta(seconds=asked))

        host.gives = away
        host.fails()
        host.now += pause - 1
        host.fails()
        assert host.asked == 1
        host.now += 1
        host.fails()
        assert host.asked == 2

    @pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": None}])
    def test_an_answer_without_a_token_is_a_refusal(self, host: SignInHost, answer: dict[str, Any]) -> None:
        host.refuses(answer)

        assert host.fails().slug == "sign_in_refused"

    @pytest.mark.parametrize(
        "token",
        [
            7,
            1.5,
            True,
            ["token"],
            {"token": 1},
            "to\nken",
            "to\r\nX-Header: 1",
            "t\u00f6ken",
            "\u2028",
            "\x00",
            "t" * 20_000,
        ],
    )
    def test_a_token_that_no_header_can_carry_is_none(self, host: SignInHost, token: Any) -> None:
        host.refuses({"access_token": token, "expires_in": 3600})

        failure = host.fails()
        assert (type(failure), failure.slug, failure.detail) == (Blocked, "not_entra", "what it gave is not a token")

    @pytest.mark.parametrize("error", [KeyError("a"), OverflowError("b"), RecursionError("c"), UnicodeError("d")])
    def test_an_odd_answer_that_makes_the_library_fail_is_not_entras(self, host: SignInHost, error: Exception) -> None:
        host.gives = raising(error)

        assert (type(host.fails()), host.fails().slug) == (Blocked, "not_entra")

    @pytest.mark.parametrize("error", [MemoryError("t0ken"), BufferError("t0ken"), StopIteration("t0ken")])
    def test_what_nobody_foresaw_waits_with_its_kind_alone(self, host: SignInHost, error: Exception) -> None:
        host.gives = raising(error)
        failure = host.fails()

        assert (type(failure), failure.slug, failure.detail) == (Transient, "unforeseen", type(error).__name__)
        host.now += PAUSE_SECONDS
        host.gives = host.token
        assert host.tokens.token() == "token 2"

    def test_a_failure_that_is_kept_holds_nothing_of_the_answer(self, host: SignInHost) -> None:
        host.gives = raising(KeyError("t0ken"))
        host.fails()
        again = host.fails()

        assert (again.__cause__, again.__context__) == (None, None)

    def test_a_way_that_cannot_even_be_prepared_is_one_too(self) -> None:
        def prepare() -> Callable[[], dict[str, Any]]:
            raise Blocked("certificate_unreadable", "it holds no private key")

        with pytest.raises(Blocked, match="certificate_unreadable"):
            SharedTokens(prepare).token()

    def test_no_token_is_in_what_a_debugger_would_show(self, host: SignInHost) -> None:
        host.tokens.token()

        assert "token 1" not in repr(vars(host.tokens))
