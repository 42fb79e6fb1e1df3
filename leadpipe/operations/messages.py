"""Finds leads that exist only as a message on the queue `leads`, so that no list has them.

The queue shows the 32 messages at its head. The others (behind them, delayed, or being delivered) can only be counted.
So each message at the head is read, and the depth is compared with the messages that are expected:

- one for each record that is accepted or deferred. If the head is full, delivery is behind or switched off: then every
  message ever put for the record may still be there, as many as its tries;
- one for each record that changed within the last two minutes: its message may be about to end;
- one for each record that was tried again and changed within the last twenty minutes: an older message of it may still
  be delayed;
- one for each damaged record: its message comes back until a person corrects the row;
- those at the head that are younger than two minutes: their record may come in a moment.

The depth is read before and after the ledger, and the smaller one counts, so a lead named here really has no record.
Under load, deliveries that just ended can hide some; those are named when the load is over.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import NewerEnvelope, NotAnEnvelope, RecordDamaged
from leadpipe.model.ports import LeadQueue, Ledger, MarksStore, SeenMessage
from leadpipe.model.record import QUEUED, Record

YOUNG = timedelta(minutes=2)
# The longest delay between two tries is a quarter of an hour, a fifth more by chance.
STALE_COPIES = timedelta(minutes=20)
FULL_HEAD = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutRecord:
    """`seen`: the lead ids of messages at the head, or the message's own id where it names no lead.

    `unseen`: how many more there are. `depth`: of the whole queue, when the reading began.
    """

    seen: tuple[str, ...] = ()
    unseen: int = 0
    depth: int = field(default=0, compare=False)

    @property
    def total(self) -> int:
        return len(self.seen) + self.unseen


def messages_without_record(*, queue: LeadQueue, ledger: Ledger, marks: MarksStore, at: datetime) -> WithoutRecord:
    """The messages whose lead has no record. Raises StorageFailed."""
    depth = queue.depth()
    head = queue.peek() if depth else []
    old = [message for message in head if message.inserted_at <= at - YOUNG]
    seen = [name for message in old if (name := _name_without_record(message, ledger))]
    unseen = 0
    if depth > len(head):
        expected = _expected(ledger, marks, at, full=len(head) >= FULL_HEAD) + len(head) - len(old)
        unseen = max(0, min(depth, queue.depth()) - expected - len(seen))
    return WithoutRecord(seen=tuple(dict.fromkeys(seen)), unseen=unseen, depth=depth)


def _name_without_record(message: SeenMessage, ledger: Ledger) -> str:
    """The lead id, or the message's own where it is not an envelope; empty where the lead has a record."""
    try:
        lead_id = Envelope.from_text(message.text).lead_id
        return "" if ledger.read(lead_id) else lead_id
    except NotAnEnvelope:
        return f"message {message.id}"
    except (NewerEnvelope, RecordDamaged):
        return ""  # a newer leadpipe's record may be one that this version cannot read


def _expected(ledger: Ledger, marks: MarksStore, at: datetime, *, full: bool) -> int:
    """How many messages to expect of leads that have a record."""
    first = marks.read().watermark or ledger.first_day()
    if first is None:
        return 0
    damage: list[str] = []
    records = list(ledger.moving(first, at - STALE_COPIES, damage=damage))
    return len(damage) + sum(record.attempt if full else _copies(record, at) for record in records)


def _copies(record: Record, at: datetime) -> int:
    """How many messages of the record there may be where delivery keeps up."""
    changed = at - record.updated_at
    own = record.state in QUEUED or changed < YOUNG
    stale = record.attempt > 1 and changed < STALE_COPIES
    return own + stale
