"""How the queue behaves, be it the fake or the real one."""

from datetime import timedelta

import pytest

from leadpipe.model.envelope import Envelope
from tests.factories import lead_id, payload
from tests.ports.conftest import QueueContents

TEXTS = {
    "ascii": '{"v":1}',
    "any script and emoji": '{"v":1,"payload":"Ж 日本 😀"}',
    "a large envelope": Envelope(lead_id=lead_id(), attempt=1, payload=payload(Description="é" * 15000)).to_text(),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=[*TEXTS])
def test_a_text_comes_out_as_it_went_in(lead_queue: QueueContents, text: str) -> None:
    lead_queue.put(text)
    ((found, _),) = lead_queue.contents()
    assert found == text


def test_without_a_delay_a_message_is_seen_at_once(lead_queue: QueueContents) -> None:
    lead_queue.put("x")
    ((_, seconds),) = lead_queue.contents()
    assert seconds <= 0


def test_a_delayed_message_is_seen_after_its_delay(lead_queue: QueueContents) -> None:
    lead_queue.put("x", delay=timedelta(minutes=15))
    ((_, seconds),) = lead_queue.contents()
    assert 890 <= seconds <= 901


def test_a_queue_that_nobody_has_put_anything_on_has_no_messages(lead_queue: QueueContents) -> None:
    assert (lead_queue.peek(), lead_queue.depth()) == ([], 0)


def test_the_head_shows_what_can_be_delivered_now_and_the_depth_counts_the_rest_too(lead_queue: QueueContents) -> None:
    for number in range(40):
        lead_queue.put(f"Ж {number}")
    lead_queue.put("later", delay=timedelta(minutes=15))
    head = lead_queue.peek()
    assert [message.text for message in head] == [f"Ж {number}" for number in range(32)]
    assert len({message.id for message in head}) == 32
    assert lead_queue.depth() == 41
    assert lead_queue.peek() == head
