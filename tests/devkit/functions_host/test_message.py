from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest
from azure.functions.meta import Datum
from azure.storage.queue import QueueMessage

from devkit.functions_host.backoff import Backoff
from devkit.functions_host.message import UndecodableError, body_of, metadata_of
from devkit.functions_host.queue_processor import poison_name
from devkit.functions_host.worker.app import converter

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def received(text: str) -> func.QueueMessage:
    """As the library's converter gives it to a function."""
    message = QueueMessage(id="id-1", pop_receipt="receipt", dequeue_count=2, inserted_on=NOON, expires_on=NOON)
    message.next_visible_on = NOON
    decoded: func.QueueMessage = converter("queueTrigger").decode(
        Datum(text, "string"), trigger_metadata=metadata_of(message, text)
    )
    return decoded


def test_the_function_sees_the_messages_own_metadata() -> None:
    message = received("plain")
    assert (message.id, message.dequeue_count, message.pop_receipt) == ("id-1", 2, "receipt")
    assert message.insertion_time == message.expiration_time == message.time_next_visible == NOON
    assert message.get_body() == b"plain"


def test_a_body_that_is_a_json_object_overrides_the_metadata_whatever_its_case() -> None:
    message = received('{"ID": "mine", "dequeuecount": 7, "popReceipt": true, "other": 1}')
    assert (message.id, message.dequeue_count, message.pop_receipt) == ("mine", 7, "True")


def test_a_date_with_a_time_is_written_as_newtonsoft_writes_it() -> None:
    assert received('{"id": "2026-05-04T14:00:00.1234567+02:00"}').id == "05/04/2026 12:00:00"
    assert [received(f'{{"id": "{text}"}}').id for text in ("2026-05-04", "2026-02-30T14:00:00Z")] == [
        "2026-05-04", "2026-02-30T14:00:00Z",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ['{"id": null}', '{"id": ["a"]}', '["id"]', '{"id": "x"', "id"])
def test_null_arrays_and_what_is_no_object_override_nothing(text: str) -> None:
    assert received(text).id == "id-1"


@pytest.mark.parametrize("text", ['{"expirationTime": "soon"}', '{"dequeueCount": "many"}'])
def test_a_value_that_does_not_fit_raises_in_the_librarys_converter(text: str) -> None:
    with pytest.raises(ValueError, match=r"soon|many"):
        received(text)


def test_base64_may_hold_white_space_and_nothing_else_foreign() -> None:
    assert body_of(" aGVs\r\nbG8= ", base64_encoded=True) == b"hello"
    for text in ("hello!", "aGVsbG8", '{"a": 1}'):
        with pytest.raises(UndecodableError):
            body_of(text, base64_encoded=True)


def test_without_encoding_the_text_is_the_body() -> None:
    assert body_of("aGVsbG8=", base64_encoded=False) == b"aGVsbG8="


def test_the_pauses_grow_as_the_extensions_do_and_start_anew_after_a_find() -> None:
    backoff = Backoff(longest=2, jitter=lambda: 1.0)
    pauses: list[Any] = [round(backoff.next(found=False), 3) for _ in range(8)]
    assert pauses == [0.1, 0.2, 0.3, 0.5, 0.9, 1.7, 2, 2]
    assert backoff.next(found=True) == 0.1
    assert backoff.next(found=False) == pytest.approx(0.2)


def test_a_pause_is_never_longer_than_the_polling_interval() -> None:
    backoff = Backoff(longest=0.3)
    assert max(backoff.next(found=False) for _ in range(20)) == 0.3


@pytest.mark.parametrize(("queue", "name"), [("leads", "leads-poison"), ("leads-poison", None), ("q" * 57, None)])
def test_a_poison_queue_has_none_of_its_own_nor_has_a_name_too_long(queue: str, name: str | None) -> None:
    assert poison_name(queue) == name
