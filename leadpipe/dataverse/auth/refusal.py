"""What a sign-in that gave no token means: Entra's error answers, and msal's exceptions.

The number decides; the words around it are never looked at and never told, since they hold ids and may change.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from msal.exceptions import MsalError

from leadpipe.dataverse.no_answer import untrusted, without_answer
from leadpipe.model.errors import Blocked, DeliveryFailed, Transient

_TRANSIENT = frozenset({50033, 50087, 90006, 90012, 90024, 90033, 90055, 90090})
REASONS = {
    7000215: "secret_wrong",
    7000222: "secret_expired",
    7000218: "secret_not_sent",
    700016: "application_unknown",
    7000229: "application_unknown",  # known, and not in this directory
    7000112: "application_disabled",
    90002: "tenant_unknown",
    900023: "tenant_unknown",
    500011: "organisation_unknown",
    50001: "organisation_unknown",
    70011: "scope_refused",
    28002: "scope_refused",
    50012: "certificate_refused",
    50013: "certificate_refused",
    50027: "certificate_refused",
    700027: "certificate_refused",  # it is not registered, or has expired
    7000214: "certificate_refused",  # revoked
    1000502: "certificate_expired",
    700024: "clock_wrong",  # what the certificate signed is outside its time
    50034: "account_unknown",
    50126: "password_wrong",
    50053: "account_locked",
    50055: "password_expired",
    50057: "account_disabled",
    50076: "password_not_enough",
    50079: "password_not_enough",
    50158: "password_not_enough",
    530032: "sign_in_policy",
    53003: "sign_in_policy",
    65001: "consent_missing",
    90094: "consent_missing",
    50196: "sign_in_loop",
}
_LATER = frozenset({"temporarily_unavailable", "server_error"})


def refusal(answer: dict[str, Any]) -> DeliveryFailed:
    """What an error answer of the sign-in host means."""
    error = _word(answer.get("error"))
    numbers = _numbers(str(answer.get("error_description") or ""))
    known = " ".join([*(f"AADSTS{number}" for number in numbers[:1]), error])
    if error in _LATER or _TRANSIENT & {*numbers}:
        return Transient("sign_in_unavailable", known)
    reason = next((REASONS[number] for number in numbers if number in REASONS), "sign_in_refused")
    return Blocked(reason, known)


@contextmanager
def sign_in_failures() -> Iterator[None]:
    """Msal fails in three ways: an answer with `error`, its own exceptions, and whatever requests raises."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise Blocked("tls", untrusted(error, "the sign-in host")) from error
    except requests.HTTPError as error:
        raise Transient("sign_in_unavailable", f"it {_answered(str(error))}") from error
    except requests.RequestException as error:
        raise Transient("sign_in_unavailable", without_answer(error)) from error
    except MsalError as error:
        raise Transient("sign_in_unavailable", f"it {_answered(str(error))}") from error
    except OSError as error:
        raise Blocked("tls", "REQUESTS_CA_BUNDLE names no file of certificates") from error
    except json.JSONDecodeError as error:
        raise Transient("sign_in_unavailable", "the answer is not Entra's") from error
    except ValueError as error:
        raise _no_directory(error) from error
    except (RuntimeError, LookupError, TypeError, AttributeError) as error:
        # A discovery document that is none: msal takes its keys for granted.
        raise Blocked("not_entra", type(error).__name__) from error


def _no_directory(error: ValueError) -> Blocked:
    """Msal raises a bare ValueError when the directory's document cannot be had; the answer is what it came from."""
    numbers = _numbers(f"{error} {error.__context__}")
    if not numbers:
        return Blocked("not_entra", "the sign-in host has no such document")
    return Blocked(REASONS.get(numbers[0], "tenant_unknown"), f"AADSTS{numbers[0]}")


def _answered(text: str) -> str:
    """Msal remembers an error's status, and of requests' own error only that is told."""
    status = re.search(r"\b[45]\d\d\b", text)
    return f"answered {status[0]}" if status else "answered with an error"


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"AADSTS(\d{1,9})", text)]


def _word(error: Any) -> str:
    """OAuth's error is one word; anything else did not come from Entra."""
    text = str(error or "no_error")
    return text if re.fullmatch(r"[a-z_]{1,40}", text) else "unknown_error"
