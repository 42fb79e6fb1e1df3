"""What is kept of posts with a wrong key: enough to replay them, and never more than the bound."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count

import pytest

from leadpipe import wrong_keys
from leadpipe.model.errors import InvalidLead, NotKept, StorageFailed
from leadpipe.model.keys import Presented
from leadpipe.model.lead import MAX_PAYLOAD_BYTES
from leadpipe.model.record import Record, State
from leadpipe.wrong_keys import AT_A_TIME, MOST_A_DAY, WrongKeys, refuse
from tests.factories import payload
from tests.fakes import NOW, World

BODY = payload().encode()
AWAY = StorageFailed("storage_unreachable")
_numbers = count()


def post(
    world: World, kept: WrongKeys, body: bytes = BODY, *, at: datetime = NOW, presented: Presented | None = None
) -> InvalidLead:
    """The refusal that the post is answered with."""
    entropy = next(_numbers).to_bytes(10, "big")
    with pytest.raises(InvalidLead) as refused:
        refuse(body, presented or Presented(header="x"), at=at, entropy=entropy, ledger=world.ledger, kept=kept)
    return refused.value


def rejected(world: World) -> list[Record]:
    return [record for record in world.ledger.rows.values() if record.state is State.REJECTED]


def test_the_start_of_the_post_is_kept_as_bytes_with_its_reason() -> None:
    world = World()
    assert post(world, WrongKeys(), b"x" * 40_000).slug == "wrong_key"
    (record,) = rejected(world)
    assert (record.reason, record.payload, record.key_name) == ("wrong_key", b"x" * MAX_PAYLOAD_BYTES, "")


@pytest.mark.parametrize(
    ("presented", "said"),
    [
        (Presented(header="x"), "not one of LEADPIPE_KEYS"),
        (Presented(code="x"), "not one of"),
        (Presented(), "has no key"),
    ],
)
def test_the_answer_says_whether_there_was_a_key_and_not_which(presented: Presented, said: str) -> None:
    assert said in post(World(), WrongKeys(), presented=presented).detail


def test_an_empty_post_is_refused_and_the_ledger_not_asked() -> None:
    world = World()
    post(world, WrongKeys(), b"")
    assert world.journal == []


def test_a_hundred_a_day_are_kept_and_then_the_ledger_is_left_alone() -> None:
    world, kept = World(), WrongKeys()
    for _ in range(150):
        post(world, kept)
    assert len(rejected(world)) == MOST_A_DAY
    # `between` lists the days, `records` each of them.
    assert world.journal.count("ledger.between") == MOST_A_DAY // AT_A_TIME + 1
    before = len(world.journal)
    post(world, kept)
    assert len(world.journal) == before


def test_the_next_utc_day_has_a_hundred_of_its_own() -> None:
    world, kept = World(), WrongKeys()
    for day in range(2):
        for _ in range(MOST_A_DAY + 5):
            post(world, kept, at=NOW + timedelta(days=day))
    assert len(rejected(world)) == 2 * MOST_A_DAY


def test_what_other_processes_kept_counts_and_other_refusals_do_not() -> None:
    world = World()
    for _ in range(MOST_A_DAY - 3):
        post(world, WrongKeys())
    for number in range(20):
        other = Record.rejected(rejected(world)[0].lead_id[:-2] + f"{number + 10}", InvalidLead("not_json", ""), b"{")
        world.ledger.insert(other)
    fresh = WrongKeys()
    for _ in range(10):
        post(world, fresh)
    assert sum(record.reason == "wrong_key" for record in rejected(world)) == MOST_A_DAY


def test_processes_at_the_same_time_keep_at_most_ten_more_each() -> None:
    world, processes = World(), [WrongKeys() for _ in range(4)]
    for _ in range(60):
        for kept in processes:
            post(world, kept)
    assert MOST_A_DAY <= len(rejected(world)) <= MOST_A_DAY + (len(processes) - 1) * AT_A_TIME


def test_many_threads_of_one_process_keep_a_hundred() -> None:
    world, kept = World(), WrongKeys()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: post(world, kept), range(300)))
    assert len(rejected(world)) == MOST_A_DAY


def test_a_post_that_should_be_kept_and_cannot_is_not_answered_as_if_it_was() -> None:
    world, kept = World(), WrongKeys()
    post(world, kept)
    world.ledger.failing = [AWAY]
    with pytest.raises(NotKept):
        refuse(BODY, Presented(), at=NOW, entropy=b"\xff" * 10, ledger=world.ledger, kept=kept)
    for _ in range(150):
        post(world, kept)
    assert len(rejected(world)) == MOST_A_DAY  # the failed one took nobody's place


def test_while_the_ledger_cannot_be_counted_nothing_is_answered_with_401() -> None:
    world, kept = World(), WrongKeys()
    world.ledger.down = True
    with pytest.raises(StorageFailed):
        refuse(BODY, Presented(), at=NOW, entropy=bytes(10), ledger=world.ledger, kept=kept)
    world.ledger.down = False
    post(world, kept)
    assert len(rejected(world)) == 1


def test_one_that_is_being_kept_over_midnight_does_not_count_for_the_new_day() -> None:
    world, kept = World(), WrongKeys()
    assert kept.reserve(NOW.date() - timedelta(days=1), world.ledger)
    post(world, kept)
    kept.release(NOW.date() - timedelta(days=1))
    for _ in range(150):
        post(world, kept)
    assert len(rejected(world)) == MOST_A_DAY


def test_a_late_post_of_yesterday_makes_no_room_for_more() -> None:
    world, kept = World(), WrongKeys()
    yesterday = NOW - timedelta(days=1)
    for _ in range(5):
        post(world, WrongKeys(), at=yesterday)
    assert kept.reserve(yesterday.date(), world.ledger)
    post(world, kept)
    post(world, kept, at=yesterday)  # counts yesterday from the start again
    kept.release(yesterday.date())
    for _ in range(150):
        post(world, kept, at=yesterday)
    assert sum(record.received_at.date() == yesterday.date() for record in rejected(world)) == MOST_A_DAY


def test_no_post_waits_long_for_another_one_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_keys, "PATIENCE_SECONDS", 0.01)
    world, kept = World(), WrongKeys()
    counting, go_on = threading.Event(), threading.Event()

    def slow_between(*_: object, **__: object) -> list[Record]:
        counting.set()
        assert go_on.wait(10)
        return []

    monkeypatch.setattr(world.ledger, "between", slow_between)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, world, kept)
        assert counting.wait(10)
        with pytest.raises(NotKept):
            refuse(BODY, Presented(), at=NOW, entropy=b"\x01" * 10, ledger=world.ledger, kept=kept)
        go_on.set()
        assert first.result().slug == "wrong_key"


def test_nothing_of_the_post_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    post(World(), WrongKeys(), presented=Presented(header="s3cret-key", code="s3cret-code"))
    assert "reason=wrong_key" in caplog.text
    assert "s3cret" not in caplog.text
    assert "Jane" not in caplog.text
