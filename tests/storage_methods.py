"""Every method of every storage adapter, each as one call, for what has to hold of them all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from leadpipe.model.canary import CanaryMark
from leadpipe.model.change import Deferred, transition
from leadpipe.model.claim import Claim
from leadpipe.model.ports import Marks, SeenMessage
from leadpipe.model.record import Event, Record, State
from leadpipe.storage.canary_marks import AzureCanaryMarks
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import Storage
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.marks import AzureMarks
from leadpipe.storage.poison_queue import AzurePoisonQueue
from leadpipe.storage.rights import try_queues, try_tables
from tests.factories import LEAD_ID, RECEIVED_AT, payload

TODAY = RECEIVED_AT.date()
READ = "W/\"datetime'2026-03-14T09%3A26%3A53.589Z'\""
RECORD = Record.accepted(LEAD_ID, payload())
MINE = Claim(fingerprint=RECORD.fingerprint, lead_id=LEAD_ID, received_at=RECEIVED_AT)
HELD = Claim(fingerprint=RECORD.fingerprint, lead_id=LEAD_ID, received_at=RECEIVED_AT, version=READ)
CANARY = CanaryMark().begun(RECEIVED_AT)
MESSAGE = SeenMessage(id="1", inserted_at=RECEIVED_AT, text="text", receipt="receipt")


def decided() -> tuple[Record, Record, Event | None]:
    before = replace(RECORD, version=READ)
    change = Deferred(reason="throttled", attempt=2, next_try_at=RECEIVED_AT)
    after, event = transition(before, change, at=RECEIVED_AT) or (before, None)
    return before, after, event


BEFORE, AFTER, EVENT = decided()
Ask = Callable[[Storage], object]

WRITES_OF_TABLES: dict[str, Ask] = {
    "ledger.insert": lambda storage: AzureLedger(storage).insert(RECORD),
    "ledger.write": lambda storage: AzureLedger(storage).write(BEFORE, AFTER, None),
    "claims.take": lambda storage: AzureClaims(storage).take(MINE),
    "claims.take_over": lambda storage: AzureClaims(storage).take_over(HELD, MINE),
    "fallback.keep": lambda storage: AzureFallback(storage).keep(RECORD),
    "marks.write, the first": lambda storage: AzureMarks(storage).write(Marks(), Marks(watermark=TODAY)),
    "canary_marks.write, the first": lambda storage: AzureCanaryMarks(storage).write(CanaryMark(), CANARY),
    "canary_marks.write": lambda storage: AzureCanaryMarks(storage).write(CanaryMark(version=READ), CANARY),
    "marks.write": lambda storage: AzureMarks(storage).write(Marks(version=READ), Marks(watermark=TODAY)),
}
BATCHES: dict[str, Ask] = {
    "ledger.write with an event": lambda storage: AzureLedger(storage).write(BEFORE, AFTER, EVENT),
}
READS_OF_TABLES: dict[str, Ask] = {
    "ledger.read": lambda storage: AzureLedger(storage).read(LEAD_ID),
    "ledger.events": lambda storage: AzureLedger(storage).events(LEAD_ID),
    "ledger.between": lambda storage: [*AzureLedger(storage).between(TODAY, TODAY, payloads=True)],
    "ledger.decisions": lambda storage: [*AzureLedger(storage).decisions(TODAY, TODAY, damage=[])],
    "ledger.due": lambda storage: [*AzureLedger(storage).due(TODAY, RECEIVED_AT, states=frozenset({State.ACCEPTED}))],
    "ledger.first_day": lambda storage: AzureLedger(storage).first_day(),
    "ledger.forget_details": lambda storage: AzureLedger(storage).forget_details(LEAD_ID),
    "ledger.ping": lambda storage: AzureLedger(storage).ping(),
    "claims.read": lambda storage: AzureClaims(storage).read(RECORD.fingerprint),
    "claims.of_leads_received": lambda storage: [
        *AzureClaims(storage).of_leads_received(RECEIVED_AT, RECEIVED_AT + timedelta(days=1))
    ],
    "fallback.has": lambda storage: AzureFallback(storage).has(RECORD),
    "fallback.lead_ids": lambda storage: [*AzureFallback(storage).lead_ids(TODAY, TODAY)],
    "fallback.arrivals": lambda storage: [*AzureFallback(storage).arrivals(RECEIVED_AT)],
    "canary_marks.read": lambda storage: AzureCanaryMarks(storage).read(),
    "marks.read": lambda storage: AzureMarks(storage).read(),
}
REMOVALS: dict[str, Ask] = {
    "fallback.remove": lambda storage: AzureFallback(storage).remove(LEAD_ID),
    "poison_queue.delete": lambda storage: AzurePoisonQueue(storage.queues).delete(MESSAGE),
}
OF_QUEUES: dict[str, Ask] = {
    "queue.put": lambda storage: AzureLeadQueue(storage.queues).put("text"),
    "queue.ping": lambda storage: AzureLeadQueue(storage.queues).ping(),
    "queue.depth": lambda storage: AzureLeadQueue(storage.queues).depth(),
    "queue.time_there": lambda storage: AzureLeadQueue(storage.queues).time_there(),
    "poison_queue.receive": lambda storage: AzurePoisonQueue(storage.queues).receive(),
    "poison_queue.peek": lambda storage: AzurePoisonQueue(storage.queues).peek(),
    "poison_queue.depth": lambda storage: AzurePoisonQueue(storage.queues).depth(),
}
RIGHTS: dict[str, Ask] = {
    "rights.try_queues": lambda storage: try_queues(storage.queues),
    "rights.try_tables": try_tables,
}
OF_TABLES = WRITES_OF_TABLES | BATCHES | READS_OF_TABLES
EVERY = OF_TABLES | REMOVALS | OF_QUEUES | RIGHTS


def outcome(ask: Ask, storage: Storage) -> object:
    """What the method gave, or the exception it raised, of whatever kind."""
    try:
        return ask(storage)
    except BaseException as error:  # noqa: BLE001 - the kind is what is tested
        return error
