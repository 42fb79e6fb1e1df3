"""What the error codes of the storage service mean.

Only the code counts, never the status: a proxy's page and a wrong host answer with 404, 409 and 403 too, and a 409 of
the service itself can mean that a table is being deleted.
https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes
https://learn.microsoft.com/rest/api/storageservices/queue-service-error-codes
"""

import json
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
    """A successful answer that is not what was asked for; the text says what is missing, and quotes nothing."""


def code_of(error: HttpResponseError) -> str:
    """The service's own code; empty where the answer has none, as every page of a proxy."""
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
    """Deleted, or received by somebody else since: the receipt does not fit any more."""
    return code_of(error) in {"MessageNotFound", "PopReceiptMismatch", "QueueNotFound"}


def row_changed(error: HttpResponseError) -> bool:
    """The row is not what was read: written since, or deleted."""
    return row_missing(error) or code_of(error) in {"ConditionNotMet", "UpdateConditionNotSatisfied"}


def is_about_the_row(error: HttpResponseError) -> bool:
    """The service works, and will not take this row or message, however often it is sent."""
    return _is_413_in_a_batch(error) or (error.status_code in {400, 413} and code_of(error) in _ABOUT_THE_ROW)


def in_words(error: HttpResponseError) -> str:
    """The status and the code, as in `409 TableBeingDeleted`."""
    if _is_413_in_a_batch(error):
        return "413 to a change in a batch"
    return f"{error.status_code} {code_of(error) or 'no code'}"


def _is_413_in_a_batch(error: HttpResponseError) -> bool:
    """Of the answer to one change, the SDK then keeps neither status nor code, but the 202 of the whole."""
    return isinstance(error, RequestTooLargeError) and error.status_code == 202


def _code_in(answer: Any) -> object:
    """For errors that the SDK raises without having read the answer, as those of an insert."""
    if answer is None:
        return None
    try:
        return json.loads(answer.text())["odata.error"]["code"]
    except Exception:  # noqa: BLE001 - whatever cannot be read has no code there
        return answer.headers.get("x-ms-error-code")
