"""Says what a sign-in without a token means, from Entra's error answers and msal's exceptions.

The number decides. The words around it are neither read nor logged, since they hold ids and may change.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3
from msal.exceptions import MsalError

from leadpipe.model.errors import Blocked, DeliveryFailed, Transient
from leadpipe.transport.no_answer import untrusted, without_answer

_UNAVAILABLE = dict.fromkeys(
    (
        40010,  # the account's own sign-in server
        50000,
        50033,
        50087,
        50166,  # a claims provider is throttled
        70012,
        90006,
        90012,
        90024,
        90033,
        90055,  # the tenant is throttled
        90090,
        90091,
        501621,
    ),
    "sign_in_unavailable",
)
# The company's own agent, which checks passwords for Entra.
_AGENT = dict.fromkeys((80001, 80002, 80005, 80007, 80010, 80013, 80014), "agent_unavailable")
TRANSIENT_REASONS = {**_UNAVAILABLE, **_AGENT}
REASONS = {
    # The application
    700016: "application_unknown",
    7000229: "application_unknown",  # known, and not in this directory
    700011: "application_unknown",
    70001: "application_unknown",
    65002: "application_unknown",  # one of Microsoft's own, which nobody else may use
    7000112: "application_disabled",
    1000031: "application_disabled",
    700025: "application_public",
    # Its secret
    7000215: "secret_wrong",
    70002: "secret_wrong",
    7000222: "secret_expired",
    7000218: "secret_not_sent",
    7000216: "secret_not_sent",
    # Its certificate
    50012: "certificate_refused",
    50013: "certificate_refused",
    50017: "certificate_refused",
    50027: "certificate_refused",
    50048: "certificate_refused",
    700021: "certificate_refused",
    700026: "certificate_refused",  # the application has no credential at all
    700027: "certificate_refused",  # it is not registered, or has expired
    700030: "certificate_refused",  # its subject is not registered
    7000214: "certificate_refused",  # revoked
    900384: "certificate_refused",
    50032: "certificate_weak",
    1000502: "certificate_expired",
    700024: "clock_wrong",  # what the certificate signed is outside its time
    500133: "clock_wrong",
    # The directory
    90002: "tenant_unknown",
    900021: "tenant_unknown",
    900023: "tenant_unknown",
    5000224: "tenant_blocked",
    5000225: "tenant_blocked",  # inactive for too long
    50059: "tenant_missing",
    50128: "tenant_missing",
    50194: "tenant_missing",  # the application is for one directory only
    90019: "tenant_missing",
    90124: "tenant_missing",
    90130: "tenant_missing",
    9001023: "tenant_missing",
    50002: "tenant_restricted",
    500021: "tenant_restricted",
    500022: "tenant_restricted",
    90038: "cloud_wrong",
    90043: "cloud_wrong",
    90051: "cloud_wrong",
    50049: "cloud_wrong",
    900382: "cloud_wrong",
    900432: "cloud_wrong",
    900439: "cloud_wrong",
    1000104: "cloud_wrong",
    # The organisation
    500011: "organisation_unknown",
    50001: "organisation_unknown",
    500014: "subscription_lapsed",
    650052: "subscription_lapsed",
    650054: "subscription_lapsed",
    50105: "assignment_required",
    501051: "assignment_required",
    70011: "scope_refused",
    28002: "scope_refused",
    28003: "scope_refused",
    700022: "scope_refused",
    700023: "scope_refused",
    90009: "scope_refused",
    90102: "scope_refused",
    65001: "consent_missing",
    65004: "consent_missing",
    65005: "consent_missing",
    650056: "consent_missing",
    650057: "consent_missing",
    90008: "consent_missing",
    90094: "consent_missing",
    90095: "consent_missing",
    90099: "consent_missing",
    # The account
    50034: "account_unknown",
    51004: "account_unknown",
    50029: "account_unknown",
    50197: "account_unknown",
    90022: "account_unknown",
    90101: "account_unknown",
    90125: "account_unknown",
    16000: "account_foreign",
    16003: "account_foreign",
    50014: "account_foreign",
    50020: "account_foreign",
    500208: "account_foreign",
    90072: "account_foreign",
    90084: "account_foreign",
    50126: "password_wrong",
    50056: "password_wrong",
    50064: "password_wrong",
    50053: "account_locked",
    50055: "password_expired",
    50144: "password_expired",
    50057: "account_disabled",
    50135: "account_at_risk",
    53011: "account_at_risk",
    530034: "account_at_risk",
    50072: "password_not_enough",
    50074: "password_not_enough",
    50076: "password_not_enough",
    50078: "password_not_enough",
    50079: "password_not_enough",
    50125: "password_not_enough",
    50158: "password_not_enough",
    50161: "password_not_enough",
    500121: "password_not_enough",
    53004: "password_not_enough",
    53010: "password_not_enough",
    20001: "federation_broken",
    20012: "federation_broken",
    20033: "federation_broken",
    40008: "federation_broken",
    50006: "federation_broken",
    50008: "federation_broken",
    5000819: "federation_broken",
    50107: "federation_broken",
    50169: "federation_broken",
    7500514: "federation_broken",
    90020: "federation_broken",
    # Policies of the directory
    50005: "sign_in_policy",
    50097: "sign_in_policy",  # a device that Entra knows
    50127: "sign_in_policy",
    50129: "sign_in_policy",
    50131: "sign_in_policy",
    50155: "sign_in_policy",
    50187: "sign_in_policy",
    500212: "sign_in_policy",
    500213: "sign_in_policy",
    53000: "sign_in_policy",
    53001: "sign_in_policy",
    53002: "sign_in_policy",
    53003: "sign_in_policy",
    53009: "sign_in_policy",
    530032: "sign_in_policy",
    530035: "sign_in_policy",
    80012: "sign_in_policy",  # outside the hours that the company's directory allows
    50196: "sign_in_loop",
    # The request, on its way
    1002016: "tls_outdated",
    50192: "request_changed",
    90004: "request_changed",
    90014: "request_changed",
    90023: "request_changed",
    90100: "request_changed",
    90121: "request_changed",
    900144: "request_changed",
    900561: "request_changed",
    9002313: "request_changed",
}
_LATER = frozenset({"temporarily_unavailable", "server_error"})


def refusal(answer: dict[str, Any]) -> DeliveryFailed:
    """Gives the failure that an error answer of the sign-in host means."""
    error = _word(answer.get("error"))
    numbers = _numbers(str(answer.get("error_description") or "")) or _codes(answer.get("error_codes"))
    known = " ".join([*(f"AADSTS{number}" for number in numbers[:1]), error])
    later = next((TRANSIENT_REASONS[number] for number in numbers if number in TRANSIENT_REASONS), None)
    if later or error in _LATER:
        return Transient(later or "sign_in_unavailable", known)
    reason = next((REASONS[number] for number in numbers if number in REASONS), "sign_in_refused")
    return Blocked(reason, known)


@contextmanager
def sign_in_failures() -> Iterator[None]:
    """Turns any exception of a sign-in into one of our failures, which quote neither answers nor addresses.

    msal gives an answer with `error`, raises its own exceptions, or passes on those of requests. It also takes an
    answer's parts for granted, so an odd answer can raise anything.
    """
    try:
        yield
    except DeliveryFailed:
        raise
    except requests.exceptions.SSLError as error:
        raise Blocked("tls", untrusted(error, "the sign-in host")) from error
    except (requests.HTTPError, MsalError) as error:
        raise Transient("sign_in_unavailable", f"it {_answered(str(error))}") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Transient("sign_in_unavailable", without_answer(error)) from error
    except OSError as error:
        raise Blocked("tls", "REQUESTS_CA_BUNDLE names no file of certificates") from error
    except json.JSONDecodeError as error:
        raise Transient("sign_in_unavailable", "the answer is not Entra's") from error
    except ValueError as error:
        raise _no_directory(error) from error
    except (RuntimeError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        # A broken document: msal takes its keys and their types for granted.
        raise Blocked("not_entra", type(error).__name__) from error
    except Exception as error:
        raise Transient("unforeseen", type(error).__name__) from error


def _no_directory(error: ValueError) -> DeliveryFailed:
    """Reads why the directory's document is missing. msal raises a plain ValueError, whose cause has the answer."""
    numbers = _numbers(f"{error} {error.__context__}")
    if numbers and numbers[0] in TRANSIENT_REASONS:
        return Transient(TRANSIENT_REASONS[numbers[0]], f"AADSTS{numbers[0]}")
    if numbers:
        return Blocked(REASONS.get(numbers[0], "tenant_unknown"), f"AADSTS{numbers[0]}")
    no_document = str(error).startswith("Unable to get")
    return Blocked("not_entra", "the sign-in host has no such document" if no_document else type(error).__name__)


def _answered(text: str) -> str:
    """Reports only the HTTP status."""
    status = re.search(r"\b[45]\d\d\b", text)
    return f"answered {status[0]}" if status else "answered with an error"


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"AADSTS(\d{1,9})", text)]


def _codes(told: Any) -> list[int]:
    """Gives the error numbers that Entra lists beside its text."""
    return [each for each in told if type(each) is int and 0 < each < 10**9] if isinstance(told, list) else []


def _word(error: Any) -> str:
    """Gives OAuth's error, which is one word; anything else did not come from Entra."""
    text = str(error or "no_error")
    return text if re.fullmatch(r"[a-z_]{1,40}", text) else "unknown_error"
