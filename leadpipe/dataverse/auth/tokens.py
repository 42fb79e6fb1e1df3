"""One token for all threads, asked for by one of them, kept until shortly before its end.

msal would keep tokens too, each way of signing in by rules of its own; here is one rule for all, so msal keeps none.
"""

import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from leadpipe.dataverse.auth.refusal import refusal, sign_in_failures
from leadpipe.model.errors import Blocked, DeliveryFailed, Transient

# A refused sign-in, or one without an answer, is not asked for again within this, however many leads come; the pause
# doubles from one failure to the next, and stays below that of the gate, so that a probe always asks.
PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 150.0
RENEW_SECONDS_BEFORE_END = 300.0
LONG_LIVED_SECONDS = 7200.0
# Entra gives at most 28 hours; whatever else is told is not believed.
LONGEST_LIFETIME_SECONDS = 28 * 3600.0
_LIFETIME_WHEN_UNTOLD = 600.0
# What fits into a header, and into the 16 KiB that Dynamics' servers take of one.
_TOKEN = re.compile(r"[ -~]{1,16000}")

Ask = Callable[[], dict[str, Any]]
# Builds what asks for a token, from what the settings say at that moment; it may already speak to the sign-in host.
Prepare = Callable[[], Ask]


class Tokens(Protocol):
    def token(self) -> str:
        """A bearer token for the organisation. Raises Transient or Blocked."""

    def drop(self, token: str) -> None:
        """Forgets that token, if it still is the current one: Dataverse refused it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    text: str = field(repr=False)
    renew_at: float
    ends_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    what: DeliveryFailed
    pause: float
    until: float


class SharedTokens:
    """Thread-safe: whoever comes while a token is asked for waits for that one, or goes on with the one that he has."""

    def __init__(self, prepare: Prepare, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._prepare = prepare
        self._clock = clock
        self._asking = threading.Lock()
        self._ask: Ask | None = None
        self._current: _Token | None = None
        self._failure: _Failure | None = None
        self._keep_until = clock()

    def token(self) -> str:
        current, now = self._current, self._clock()
        if current and now < current.renew_at:
            return current.text
        if current is None or now >= current.ends_at:
            self._asking.acquire()
        elif not self._asking.acquire(blocking=False):
            return current.text  # somebody else is renewing it, and it is still good meanwhile
        try:
            return self._asked().text
        finally:
            self._asking.release()

    def drop(self, token: str) -> None:
        """One that was just put in the place of another is kept: asking again at once would bring the same."""
        with self._asking:
            if self._current and self._current.text == token and self._clock() >= self._keep_until:
                self._current = self._ask = None
                self._keep_until = self._clock() + PAUSE_SECONDS

    def _asked(self) -> _Token:
        """Under the lock. The one before serves on to its end when there is no other to be had."""
        before = self._current
        if before and self._clock() < before.renew_at:
            return before
        try:
            self._current = self._fresh()
        except DeliveryFailed:
            if before is None or self._clock() >= before.ends_at:
                raise
            return before
        return self._current

    def _fresh(self) -> _Token:
        if self._failure and self._clock() < self._failure.until:
            raise _same(self._failure.what)
        try:
            token = self._new()
        except DeliveryFailed as failure:
            # msal remembers answers, some for a day; built anew, it sees what was mended.
            self._ask = None
            self._failure = self._paused(failure)
            raise
        self._failure = None
        return token

    def _paused(self, failure: DeliveryFailed) -> _Failure:
        """At least as long as the sign-in host asks for."""
        pause = min(2 * self._failure.pause, LONGEST_PAUSE_SECONDS) if self._failure else PAUSE_SECONDS
        asked = failure.retry_after if isinstance(failure, Transient) else None
        until = self._clock() + max(pause, asked.total_seconds() if asked else 0.0)
        return _Failure(what=_same(failure), pause=pause, until=until)

    def _new(self) -> _Token:
        with sign_in_failures():
            self._ask = self._ask or self._prepare()
            answer = self._ask()
            if not answer.get("access_token"):
                raise refusal(answer)
            return _token(answer, self._clock())


def _token(answer: dict[str, Any], now: float) -> _Token:
    """Raises Blocked for a token that is none."""
    text = answer["access_token"]
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise Blocked("not_entra", "what it gave is no token")
    lifetime = _lifetime(answer.get("expires_in"))
    # Microsoft's own rule for long-lived ones: at half time, so that an outage of Entra finds a token with hours left.
    long_or_short = lifetime >= LONG_LIVED_SECONDS or lifetime <= 2 * RENEW_SECONDS_BEFORE_END
    renew_after = lifetime / 2 if long_or_short else lifetime - RENEW_SECONDS_BEFORE_END
    return _Token(text=text, renew_at=now + renew_after, ends_at=now + lifetime)


def _lifetime(told: Any) -> float:
    """In seconds; JSON's numbers may be infinite, not a number, or too large for a float."""
    try:
        seconds = float(told)
    except (TypeError, ValueError, OverflowError):
        return _LIFETIME_WHEN_UNTOLD
    return min(max(seconds, 0.0), LONGEST_LIFETIME_SECONDS) if math.isfinite(seconds) else _LIFETIME_WHEN_UNTOLD


def _same(failure: DeliveryFailed) -> DeliveryFailed:
    """An exception for each thread, and one to keep: each collects tracebacks, and with them what was answered."""
    kind = Blocked if isinstance(failure, Blocked) else Transient
    return kind(failure.slug, failure.detail)
