"""Turns every exception of an SDK call into StorageFailed, in this one place.

The SDKs raise more than their own errors: AttributeError if a credential gives no token, ParseError and
DeserializationError if a proxy answers with a page, ValueError, TypeError and KeyError if an answer lacks a part.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ServiceRequestError

from leadpipe.model.errors import LeadpipeError, RowRefused, StorageFailed
from leadpipe.storage.answers import NotAnAnswerError, code_of, in_words, is_about_the_row

# https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
_REFUSALS = {
    "KeyBasedAuthenticationNotPermitted": "storage_keys_off",
    "AuthorizationFailure": "storage_network_closed",
    "AuthorizationPermissionMismatch": "storage_role_missing",
    "AuthenticationFailed": "storage_not_authenticated",
    "InvalidAuthenticationInfo": "storage_not_authenticated",
    "NoAuthenticationInformation": "storage_not_authenticated",
    "AccountIsDisabled": "storage_account_disabled",
}
# Longer than any chain of an SDK; ends one that is circular.
_CHAIN = 10


@contextmanager
def failures_of(store: str) -> Iterator[None]:
    """Turns every exception into StorageFailed, except leadpipe's own and those that end the process.

    The detail names the store, and the service's code or the exception's type. It never has the exception's text,
    which may quote an address, a key or a lead.
    """
    try:
        yield
    except (LeadpipeError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic in cryptography's Rust is not an Exception
        raise _failure(store, _origin(error)) from error


@contextmanager
def row_refusals(where: str) -> Iterator[None]:
    """Raises RowRefused if the service does not accept the row or message itself. Goes around one send."""
    try:
        yield
    except HttpResponseError as error:
        if not is_about_the_row(error):
            raise
        raise RowRefused("row_refused", f"{where} answered {in_words(error)}") from error


def _failure(store: str, error: BaseException) -> StorageFailed:
    kind = type(error).__name__
    if isinstance(error, HttpResponseError):
        return _of_an_answer(store, error)
    if isinstance(error, NotAnAnswerError):
        return StorageFailed("storage_error", f"the {store} did not answer what was asked: {error}")
    if isinstance(error, AzureError | OSError):  # OSError: REQUESTS_CA_BUNDLE names a missing file
        why = "no connection" if isinstance(error, ServiceRequestError) else "no whole answer in time"
        return StorageFailed("storage_unreachable", f"the {store} did not answer: {why}: {kind}")
    return StorageFailed("storage_error", f"the {store}: what came back cannot be used: {kind}")


def _of_an_answer(store: str, error: HttpResponseError) -> StorageFailed:
    kind = type(error).__name__
    if kind == "AzureSigningError":  # each SDK has its own private one
        return StorageFailed("storage_refused", f"the {store}: the key cannot sign a request: {kind}")
    if _is_of_a_credential(error):
        return StorageFailed("storage_no_token", f"the {store}: no token to sign in with: {kind}")
    if error.status_code is None or error.status_code < 300:
        why = f"{kind} of a {error.status_code}"
        return StorageFailed("storage_error", f"the {store}: what came back cannot be used: {why}")
    otherwise = "storage_refused" if error.status_code in {401, 403} else "storage_error"
    return StorageFailed(_REFUSALS.get(code_of(error), otherwise), f"the {store} answered {in_words(error)}")


def _is_of_a_credential(error: HttpResponseError) -> bool:
    """Says whether a credential failed: it raises the same classes as storage, mostly without an answer."""
    answer: Any = error.response
    if answer is None:
        return isinstance(error, ClientAuthenticationError)
    return "x-ms-version" not in answer.request.headers  # every request to storage has this header


def _origin(error: BaseException) -> BaseException:
    """Gives the SDK's error behind this one, if the SDK failed while handling it; else the error itself.

    A failure of leadpipe's own in the chain belongs to an earlier call, as does all behind it.
    """
    found: BaseException | None = error
    for _ in range(_CHAIN):
        if found is None or isinstance(found, AzureError | LeadpipeError):
            break
        found = found.__cause__ or found.__context__
    return found if isinstance(found, HttpResponseError) and found.response is None else error
