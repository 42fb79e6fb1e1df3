"""Shares one token between all threads and renews it shortly before it expires.

msal does not keep the tokens: its rules differ from one kind of sign-in to the next, and here is one rule for all.
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

# After a failed sign-in nobody asks again for this long, however many leads come. The pause doubles with each failure,
# but stays shorter than the gate's, so that a probe always asks.
PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 150.0
RENEW_SECONDS_BEFORE_END = 300.0
LONG_LIVED_SECONDS = 7200.0
# Entra gives at most 28 hours; longer lifetimes are cut to this.
LONGEST_LIFETIME_SECONDS = 28 * 3600.0
_LIFETIME_IF_NONE_GIVEN = 600.0
# A header can hold it, and it is within the 16 KiB that Dynamics' servers accept.
_TOKEN = re.compile(r"[ -~]{1,16000}")

Ask = Callable[[], dict[str, Any]]
# Builds an Ask from the settings of this moment. It may already call the sign-in host.
Prepare = Callable[[], Ask]


class Tokens(Protocol):
    def token(self) -> str:
        """Gives a bearer token for the organisation. Raises Transient or Blocked."""

    def drop(self, token: str) -> None:
        """Forgets a token that Dataverse refused, if it is still the current one."""


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
    """Thread-safe: while one thread asks for a token, others use the current one, or wait if there is none."""

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
            return current.text  # another thread is renewing it, and it is still valid
        try:
            return self._asked().text
        finally:
            self._asking.release()

    def drop(self, token: str) -> None:
        """Keeps a token that has just replaced another: asking again at once would give the same one."""
        with self._asking:
            if self._current and self._current.text == token and self._clock() >= self._keep_until:
                self._current = self._ask = None
                self._keep_until = self._clock() + PAUSE_SECONDS

    def _asked(self) -> _Token:
        """Renews the token, under the lock. If that fails, the old one is used until it expires."""
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
            # msal remembers answers, some for a day; a new one sees what has been corrected.
            self._ask = None
            self._failure = self._paused(failure)
            raise
        self._failure = None
        return token

    def _paused(self, failure: DeliveryFailed) -> _Failure:
        """Pauses at least as long as the sign-in host asks for."""
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
    """Reads the token of an answer. Raises Blocked if it cannot be one."""
    text = answer["access_token"]
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise Blocked("not_entra", "what it gave is not a token")
    lifetime = _lifetime(answer.get("expires_in"))
    # Microsoft's rule for long-lived tokens: renew at half time, so that hours are left when Entra fails.
    long_or_short = lifetime >= LONG_LIVED_SECONDS or lifetime <= 2 * RENEW_SECONDS_BEFORE_END
    renew_after = lifetime / 2 if long_or_short else lifetime - RENEW_SECONDS_BEFORE_END
    return _Token(text=text, renew_at=now + renew_after, ends_at=now + lifetime)


def _lifetime(given: Any) -> float:
    """Reads a lifetime in seconds. JSON's numbers may be infinite, not a number, or too large for a float."""
    try:
        seconds = float(given)
    except (TypeError, ValueError, OverflowError):
        return _LIFETIME_IF_NONE_GIVEN
    return min(max(seconds, 0.0), LONGEST_LIFETIME_SECONDS) if math.isfinite(seconds) else _LIFETIME_IF_NONE_GIVEN


def _same(failure: DeliveryFailed) -> DeliveryFailed:
    """Copies the exception for each thread: each collects tracebacks, which hold on to answers."""
    kind = Blocked if isinstance(failure, Blocked) else Transient
    return kind(failure.slug, failure.detail)
