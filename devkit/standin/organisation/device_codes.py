"""Keeps device codes: who asked for one, and whether a person has signed in with it."""

import secrets
import string
import threading
from dataclasses import dataclass

from devkit.standin.sign_in.refusal import SignInRefusal


@dataclass(slots=True, kw_only=True)
class _Asked:
    user_code: str
    scope: str
    confirmed: bool = False


class DeviceCodes:
    """Thread-safe. Keeps a code until it is exchanged for a token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}

    def ask(self, scope: str) -> tuple[str, str]:
        """Gives a device code and its user code."""
        device_code = secrets.token_urlsafe(30)
        user_code = "".join(secrets.choice(string.ascii_uppercase) for _ in range(9))
        with self._lock:
            self._asked[device_code] = _Asked(user_code=user_code, scope=scope)
        return device_code, user_code

    def confirm(self, user_code: str) -> bool:
        with self._lock:
            found = [asked for asked in self._asked.values() if asked.user_code == user_code.strip().upper()]
            for asked in found:
                asked.confirmed = True
        return bool(found)

    def trade(self, device_code: str, how: str) -> str:
        """Gives the scope that was asked for. Raises the sign-in error if the code cannot be exchanged (yet)."""
        with self._lock:
            asked = self._asked.get(device_code)
            if asked is None:
                raise _error("bad_verification_code", 70016, "The device code is not known.")
            if how == "declined":
                raise _error("authorization_declined", 70018, "The person declined.")
            if how == "expired":
                raise _error("expired_token", 70020, "The device code has expired.")
            if how == "on_the_page" and not asked.confirmed:
                raise _error("authorization_pending", 70016, "The code has not been confirmed yet.")
            return self._asked.pop(device_code).scope


def _error(error: str, number: int, text: str) -> SignInRefusal:
    return SignInRefusal(400, error, number, text, None)
