"""The lead id is a UUIDv7, chosen once at intake. The ledger's keys and the time of receipt follow from it.

https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

ENTROPY_BYTES = 10
ONE_DAY = timedelta(days=1)
# The first and the last time that a lead id can hold.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
# leadpipe did not exist before that year, so nobody received a lead then.
EARLIEST = datetime(2019, 1, 1, tzinfo=UTC)
# How far the clock of the machine that took a lead may be ahead of this one's.
MOST_AHEAD = ONE_DAY
_MILLISECOND = timedelta(milliseconds=1)


def new_lead_id(received_at: datetime, entropy: bytes) -> str:
    """The id of a lead received at that time. `entropy`: at least ten bytes, of which six bits are not used."""
    random = int.from_bytes(entropy[:ENTROPY_BYTES], "big")
    rand_a, rand_b = random >> 62 & 0xFFF, random & (1 << 62) - 1
    return str(UUID(int=milliseconds(received_at) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b))


def is_lead_id(text: str) -> bool:
    """Whether it is a UUIDv7 written as leadpipe writes it."""
    try:
        parsed = UUID(text)
        _time_in(parsed)
    except (ValueError, OverflowError):  # the 48 bits reach beyond the year 9999
        return False
    return str(parsed) == text and parsed.version == 7


def received_at(lead_id: str) -> datetime:
    """The time of receipt, to the millisecond, UTC."""
    return _time_in(UUID(lead_id))


def can_be_received(at: datetime, now: datetime) -> bool:
    """Whether a lead can have been received at that time, as seen from `now`."""
    return EARLIEST <= at <= now + MOST_AHEAD


def milliseconds(at: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (at - EPOCH) // _MILLISECOND


def _time_in(parsed: UUID) -> datetime:
    return EPOCH + (parsed.int >> 80) * _MILLISECOND
