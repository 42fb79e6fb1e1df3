"""The reads that only the command line makes, on a real account."""

from datetime import timedelta

from azure.storage.queue import QueueClient

from leadpipe.model.record import State
from leadpipe.storage.connection import Storage
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.poison_queue import AzurePoisonQueue
from tests.factories import RECEIVED_AT, lead_id, record

DAY = timedelta(days=1)


def test_the_first_day_is_that_of_the_oldest_record(ledger: AzureLedger) -> None:
    assert ledger.first_day() is None
    for days in (0, -40, 3):
        ledger.insert(record(lead_id(days * DAY)))
    assert ledger.first_day() == (RECEIVED_AT - 40 * DAY).date()


def test_an_account_without_queues_has_no_messages(storage: Storage) -> None:
    assert AzureLeadQueue(storage.queues).depth() == 0
    assert AzurePoisonQueue(storage.queues).depth() == 0


def test_the_depth_counts_delayed_messages_too(storage: Storage) -> None:
    queue = AzureLeadQueue(storage.queues)
    queue.put("now")
    queue.put("later", delay=timedelta(hours=1))
    assert queue.depth() == 2


def test_the_depth_of_the_poison_queue_is_its_own(storage: Storage, storage_account: str) -> None:
    AzureLeadQueue(storage.queues).put("text")
    poison = QueueClient.from_connection_string(storage_account, "leads-poison")
    poison.create_queue()
    poison.send_message("text")
    poison.send_message("text")
    assert AzurePoisonQueue(storage.queues).depth() == 2


def test_a_message_that_is_no_base64_hides_no_other(storage: Storage, storage_account: str) -> None:
    queue = AzureLeadQueue(storage.queues)
    queue.put("text")
    QueueClient.from_connection_string(storage_account, "leads").send_message("\u2603 no base64")
    assert [message.text for message in queue.peek()] == ["text", "\u2603 no base64"]


def test_a_next_try_that_is_days_ahead_is_due(ledger: AzureLedger) -> None:
    for number, state in enumerate((State.ACCEPTED, State.FALLBACK, State.WRITTEN)):
        ledger.insert(record(lead_id(number=number), state=state, next_try_at=RECEIVED_AT + 1000 * DAY))
    queued, resting = frozenset({State.ACCEPTED}), frozenset({State.FALLBACK})
    (found,) = ledger.due(RECEIVED_AT.date(), RECEIVED_AT, states=queued)
    assert (found.lead_id, found.next_try_at) == (lead_id(number=0), None)
    (found,) = ledger.due(RECEIVED_AT.date(), RECEIVED_AT, states=resting)
    assert (found.lead_id, found.next_try_at) == (lead_id(number=1), RECEIVED_AT)
