"""How the host's poison queue behaves, be it the fake or the real one."""

from base64 import b64encode

import pytest

from tests.ports.conftest import PoisonContents


def as_the_host_reads_it(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_a_queue_that_the_host_has_not_made_yet_is_empty(poison_queue: PoisonContents) -> None:
    assert poison_queue.receive() == []


@pytest.mark.parametrize("text", ['{"v":1}', "Ж 日本 😀", ""])
def test_a_text_comes_out_as_it_was_sent(poison_queue: PoisonContents, text: str) -> None:
    poison_queue.given_up(as_the_host_reads_it(text))
    assert poison_queue.texts() == [text]


@pytest.mark.parametrize("content", ["rubbish", "{}", "/w=="])
def test_what_was_no_base64_of_a_text_comes_out_as_it_is(poison_queue: PoisonContents, content: str) -> None:
    poison_queue.given_up(content)
    assert poison_queue.texts() == [content]


def test_a_message_says_when_it_came_here(poison_queue: PoisonContents) -> None:
    poison_queue.given_up(as_the_host_reads_it("x"))
    (message,) = poison_queue.receive()
    assert message.inserted_at.tzinfo is not None
    assert message.id


def test_a_deleted_message_is_gone_and_may_be_deleted_again(poison_queue: PoisonContents) -> None:
    poison_queue.given_up(as_the_host_reads_it("x"))
    (message,) = poison_queue.receive()
    poison_queue.delete(message)
    poison_queue.delete(message)
    assert poison_queue.receive() == []


def test_deleting_one_leaves_the_others(poison_queue: PoisonContents) -> None:
    for text in ("a", "b", "c"):
        poison_queue.given_up(as_the_host_reads_it(text))
    first, *others = poison_queue.receive()
    poison_queue.delete(first)
    assert len({message.id for message in (first, *others)}) == 3
    assert {message.text for message in others} == {"a", "b", "c"} - {first.text}


def test_a_batch_is_handed_out_until_the_queue_is_empty(poison_queue: PoisonContents) -> None:
    texts = {str(number) for number in range(40)}
    for text in texts:
        poison_queue.given_up(as_the_host_reads_it(text))
    seen = set()
    while batch := poison_queue.receive():
        for message in batch:
            seen.add(message.text)
            poison_queue.delete(message)
    assert seen == texts


def test_what_one_sweep_received_another_does_not_see_for_a_while(poison_queue: PoisonContents) -> None:
    poison_queue.given_up(as_the_host_reads_it("x"))
    poison_queue.receive()
    assert poison_queue.receive() == []
