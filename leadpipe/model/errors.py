"""Everything that leadpipe raises on purpose.

LeadpipeError
├── SettingsError      the app settings cannot be used; .faults lists all of them
├── InvalidLead        the posted bytes are no lead worth queueing
├── NotKept            neither store took the lead, so nobody may be told that it is safe
├── NotAnEnvelope      a queue message that leadpipe did not write
├── NewerEnvelope      a queue message that a newer leadpipe wrote
├── NotAllowed         a person asked for a change that the record's state rules out
├── Changed            somebody else wrote the record first: read it and decide again
└── DeliveryFailed     one class per row of the delivery table
    ├── Transient      time heals it
    │   ├── StorageFailed  ... and it is our own storage that is away
    │   │   ├── RowRefused   ... or that answers, and will not take this row as it is
    │   │   └── RecordDamaged  ... or that gave a row which leadpipe did not write so
    │   └── GateShut       ... and Dynamics is not even asked
    ├── Blocked        somebody has to mend the connection; the lead waits meanwhile
    └── Refused        this lead, as it is, cannot be written

`slug` is at once the HTTP answer's `error`, the log's `reason` and the ledger's Reason; `detail` is for people and
never holds a lead's data.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import PurePath


class LeadpipeError(Exception):
    """The base of all of them."""

    def __init__(self, slug: str, detail: str = "") -> None:
        super().__init__(f"{slug}: {detail}" if detail else slug)
        self.slug = slug
        self.detail = detail


class SettingsError(LeadpipeError):
    """The app settings cannot be used; the detail names each and how to mend it."""


class InvalidLead(LeadpipeError):
    """The posted bytes are no lead worth queueing. The sender has to change them."""


class NotKept(LeadpipeError):
    """Neither the ledger nor the queue took the lead: the sender has to try again."""


class NotAnEnvelope(LeadpipeError):
    """The text of a queue message is not what leadpipe puts there."""


class NewerEnvelope(LeadpipeError):
    """The queue message has a version that only a newer leadpipe can read."""


class NotAllowed(LeadpipeError):
    """A person asked for a change that the record's state rules out."""


class Changed(LeadpipeError):
    """The record was written by somebody else since it was read (the store's 412, or 409 for its event)."""


class DeliveryFailed(LeadpipeError):
    """The lead was not written into Dynamics this time."""


class Transient(DeliveryFailed):
    """Time heals it: throttling, a server error, a time-out. `retry_after` is what the peer asked for, if it did."""

    def __init__(self, slug: str, detail: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(slug, detail)
        self.retry_after = retry_after


class StorageFailed(Transient):
    """A queue or table could not be reached, was too slow, or refused us."""


class RowRefused(StorageFailed):
    """Storage answers, and will not take this row or message as it is (too large, a value it cannot hold).

    Trying again with the same row fails again, so this is not an outage.
    """


class RecordDamaged(StorageFailed):
    """The ledger's row is not as leadpipe writes it. The detail names the row by its keys, and what is wrong.

    Only a person can correct the row, and then the lead goes on by itself.
    """

    def __init__(self, detail: str) -> None:
        super().__init__("record_damaged", detail)


class GateShut(Transient):
    """Dynamics is not asked before `opens_at`; the slug is that of what shut the gate, the detail quotes it."""

    def __init__(self, slug: str, detail: str, *, opens_at: datetime) -> None:
        super().__init__(slug, detail)
        self.opens_at = opens_at


class Blocked(DeliveryFailed):
    """Somebody has to mend the connection. `lead_only`: this lead's own owner or campaign explains it."""

    def __init__(self, slug: str, detail: str = "", *, lead_only: bool = False) -> None:
        super().__init__(slug, detail)
        self.lead_only = lead_only


class Refused(DeliveryFailed):
    """Dynamics will not take this lead as it is, however often it is asked."""


@contextmanager
def unforeseen_waits() -> Iterator[None]:
    """Makes whatever goes wrong inside a DeliveryFailed, so that the lead waits and no delivery crashes.

    Only the kind of an error that nobody foresaw is told: its text may hold a lead's data, or a token.
    """
    try:
        yield
    except DeliveryFailed:
        raise
    except Exception as error:
        raise Transient("unforeseen", type(error).__name__) from error


def raised_at(error: BaseException | None) -> str:
    """The file and line where it was raised, for a log line; empty for None, and where it never was."""
    frames = [*traceback.walk_tb(error.__traceback__)] if error else []
    return f"{PurePath(frames[-1][0].f_code.co_filename).name}:{frames[-1][1]}" if frames else ""
