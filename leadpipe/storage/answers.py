"""Decides what the error codes of the storage service mean.

Only the code counts, never the status: a proxy or a wrong host answers 404, 409 and 403 too, and a 409 of the service
itself can mean that a table is being deleted.
https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes
https://learn.microsoft.com/rest/api/storageservices/queue-service-error-codes
"""

import json
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.data.tables import RequestTooLargeError

LONGEST_CODE = 64

_ABOUT_THE_ROW = frozenset(
    {
        "DuplicateKeyPropertySpecified",
        "DuplicatePropertiesSpecified",
        "ContentLengthExceeded",
        "EntityTooLarge",
        "InvalidInput",
        "InvalidValueType",
        "KeyValueTooLarge",
        "MessageTooLarge",
        "OutOfRangeInput",
        "PropertiesNeedValue",
        "PropertyNameInvalid",
        "PropertyNameTooLong",
        "PropertyValueTooLarge",
        "RequestBodyTooLarge",
        "TooManyProperties",
    }
)


class NotAnAnswerError(Exception):
    """A successful answer lacks what was asked for. The text names what is missing, and quotes nothing."""


class Ignoring:
    """Ends its block without an error at a refusal that one of these recognizes, and passes on any other exception."""

    def __init__(self, *expected: Callable[[HttpResponseError], bool]) -> None:
        self._expected = expected

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        return isinstance(error, HttpResponseError) and any(is_so(error) for is_so in self._expected)


def code_of(error: HttpResponseError) -> str:
    """Gives the service's own code; empty if the answer has none, such as a proxy's page."""
    found = getattr(error, "error_code", None) or _code_in(error.response)
    code = getattr(found, "value", found)
    return code if isinstance(code, str) and code.isascii() and code.isalnum() and len(code) <= LONGEST_CODE else ""


def row_exists(error: HttpResponseError) -> bool:
    return code_of(error) == "EntityAlreadyExists"


def table_exists(error: HttpResponseError) -> bool:
    return code_of(error) == "TableAlreadyExists"


def queue_exists(error: HttpResponseError) -> bool:
    return code_of(error) == "QueueAlreadyExists"


def row_missing(error: HttpResponseError) -> bool:
    return code_of(error) in {"ResourceNotFound", "EntityNotFound"}


def table_missing(error: HttpResponseError) -> bool:
    return code_of(error) == "TableNotFound"


def queue_missing(error: HttpResponseError) -> bool:
    return code_of(error) == "QueueNotFound"


def message_gone(error: HttpResponseError) -> bool:
    """Whether the receipt is no longer valid: the message was deleted, or another process received it."""
    return code_of(error) in {"MessageNotFound", "PopReceiptMismatch", "QueueNotFound"}


def row_changed(error: HttpResponseError) -> bool:
    """Whether the row was written or deleted since it was read."""
    return row_missing(error) or code_of(error) in {"ConditionNotMet", "UpdateConditionNotSatisfied"}


def is_about_the_row(error: HttpResponseError) -> bool:
    """Whether the service works, but will never accept this row or message."""
    return _is_413_in_a_batch(error) or (error.status_code in {400, 413} and code_of(error) in _ABOUT_THE_ROW)


def in_words(error: HttpResponseError) -> str:
    """Gives the status and the code, such as `409 TableBeingDeleted`."""
    if _is_413_in_a_batch(error):
        return "413 to a change in a batch"
    return f"{error.status_code} {code_of(error) or 'no code'}"


def _is_413_in_a_batch(error: HttpResponseError) -> bool:
    """Whether a change in a batch was too large. The SDK then keeps only the 202 of the whole batch."""
    return isinstance(error, RequestTooLargeError) and error.status_code == 202


def _code_in(answer: Any) -> object:
    """Reads the code of errors that the SDK raises without reading the answer, such as an insert's."""
    if answer is None:
        return None
    try:
        return json.loads(answer.text())["odata.error"]["code"]
    except Exception:  # noqa: BLE001 - whatever cannot be read has no code there
        return answer.headers.get("x-ms-error-code")
