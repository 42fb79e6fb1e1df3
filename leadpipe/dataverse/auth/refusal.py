"""Says what a sign-in without a token means, from Entra's error answers and msal's exceptions.

The error's number decides. The text around it is neither read nor logged: it holds ids, and it may change.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
import urllib3
from msal.exceptions import MsalError

from leadpipe.dataverse.no_answer import untrusted, without_answer
from leadpipe.model.errors import Blocked, DeliveryFailed, Transient


def _by_number(numbers: Mapping[str, tuple[int, ...]]) -> dict[int, str]:
    return {number: reason for reason, those in numbers.items() for number in those}


TRANSIENT_REASONS = _by_number(
    {
        # 40010: the account's own sign-in server; 50166: a claims provider is throttled; 90055: so is the tenant
        "sign_in_unavailable": (
            *(40010, 50000, 50033, 50087, 50166, 70012, 501621),
            *(90006, 90012, 90024, 90033, 90055, 90090, 90091),
        ),
        # The company's own agent, which checks passwords for Entra.
        "agent_unavailable": (80001, 80002, 80005, 80007, 80010, 80013, 80014),
    }
)
REASONS = _by_number(
    {
        # The application. 7000229: known, but not in this directory; 65002: Microsoft's own, which nobody else may use
        "application_unknown": (700016, 7000229, 700011, 70001, 65002),
        "application_disabled": (7000112, 1000031),
        "application_public": (700025,),
        # Its secret
        "secret_wrong": (7000215, 70002),
        "secret_expired": (7000222,),
        "secret_not_sent": (7000218, 7000216),
        # Its certificate. 700026: the application has no credential at all; 700027: it is not registered, or has
        # expired; 700030: its subject is not registered; 7000214: revoked
        "certificate_refused": (50012, 50013, 50017, 50027, 50048, 700021, 700026, 700027, 700030, 7000214, 900384),
        "certificate_weak": (50032,),
        "certificate_expired": (1000502,),
        "clock_wrong": (700024, 500133),  # what the certificate signed is outside its time
        # The directory. 5000225: inactive for too long; 50194: the application is for one directory only
        "tenant_unknown": (90002, 900021, 900023),
        "tenant_blocked": (5000224, 5000225),
        "tenant_missing": (50059, 50128, 50194, 90019, 90124, 90130, 9001023),
        "tenant_restricted": (50002, 500021, 500022),
        "cloud_wrong": (90038, 90043, 90051, 50049, 900382, 900432, 900439, 1000104),
        # The organisation
        "organisation_unknown": (500011, 50001),
        "subscription_lapsed": (500014, 650052, 650054),
        "assignment_required": (50105, 501051),
        "scope_refused": (70011, 28002, 28003, 700022, 700023, 90009, 90102),
        "consent_missing": (65001, 65004, 65005, 650056, 650057, 90008, 90094, 90095, 90099),
        # The account
        "account_unknown": (50034, 51004, 50029, 50197, 90022, 90101, 90125),
        "account_foreign": (16000, 16003, 50014, 50020, 500208, 90072, 90084),
        "password_wrong": (50126, 50056, 50064),
        "account_locked": (50053,),
        "password_expired": (50055, 50144),
        "account_disabled": (50057,),
        "account_at_risk": (50135, 53011, 530034),
        "password_not_enough": (50072, 50074, 50076, 50078, 50079, 50125, 50158, 50161, 500121, 53004, 53010),
        "federation_broken": (20001, 20012, 20033, 40008, 50006, 50008, 5000819, 50107, 50169, 7500514, 90020),
        # Policies of the directory. 50097: a device that Entra knows; 80012: outside the hours that the company allows
        "sign_in_policy": (
            *(50005, 50097, 50127, 50129, 50131, 50155, 50187, 500212, 500213),
            *(53000, 53001, 53002, 53003, 53009, 530032, 530035, 80012),
        ),
        "sign_in_loop": (50196,),
        # The request, on its way
        "tls_outdated": (1002016,),
        "request_changed": (50192, 90004, 90014, 90023, 90100, 90121, 900144, 900561, 9002313),
    }
)
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

    msal returns an answer with `error`, raises its own exceptions, or passes on those of requests. It does not check
    the parts of an answer, so a malformed one can raise anything.
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
        # A malformed document: msal does not check its keys and their types.
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


def _codes(listed: Any) -> list[int]:
    """Gives the error numbers that Entra lists beside its text."""
    return [each for each in listed if type(each) is int and 0 < each < 10**9] if isinstance(listed, list) else []


def _word(error: Any) -> str:
    """Gives OAuth's error, which is one word; anything else did not come from Entra."""
    text = str(error or "no_error")
    return text if re.fullmatch(r"[a-z_]{1,40}", text) else "unknown_error"
