"""Defines everything that leadpipe raises on purpose.

LeadpipeError
├── SettingsError      the app settings cannot be used; .faults lists all of them
├── InvalidLead        the posted bytes are not a lead worth queueing
├── NotKept            neither store took the lead, so the answer must not be 202
├── NotAnEnvelope      a queue message that leadpipe did not write
├── NewerEnvelope      a queue message that a newer leadpipe wrote
├── NotAllowed         a person asked for a change that the record's state rules out
├── NotifyFailed       LEADPIPE_NOTIFY_URL did not take a notice
├── CanaryFailed       the endpoint did not take a canary
├── Changed            another process wrote the record first: read it and decide again
└── DeliveryFailed     one class per row of the delivery table
    ├── Transient      a later try may succeed
    │   ├── StorageFailed  leadpipe's own storage is away
    │   │   ├── RowRefused   storage answers, but does not take this row as it is
    │   │   └── RecordDamaged  the ledger's row is not in leadpipe's format
    │   └── GateShut       Dynamics is not asked
    ├── Blocked        a person has to fix the connection; the lead waits meanwhile
    └── Refused        this lead, as it is, cannot be written
        └── LeadMissing    the lead that a note is for is not in Dynamics

`slug` is the HTTP answer's `error`, the log's `reason` and the ledger's Reason. `detail` is for people and never holds
a lead's data.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import PurePath


class LeadpipeError(Exception):
    """The base of all these errors."""

    def __init__(self, slug: str, detail: str = "") -> None:
        super().__init__(f"{slug}: {detail}" if detail else slug)
        self.slug = slug
        self.detail = detail


def reason_of(error: BaseException) -> str:
    """The slug; for an exception of another kind its type's name, because its text could quote a lead."""
    return error.slug if isinstance(error, LeadpipeError) else type(error).__name__


class SettingsError(LeadpipeError):
    """The app settings cannot be used. The detail names each of them and how to fix it."""


class InvalidLead(LeadpipeError):
    """The posted bytes are not a lead worth queueing. The sender has to change them."""


class NotKept(LeadpipeError):
    """Neither the ledger nor the queue took the lead. The sender has to post it again."""


class NotAnEnvelope(LeadpipeError):
    """The text of a queue message is not what leadpipe puts there."""


class NewerEnvelope(LeadpipeError):
    """The queue message has a version that only a newer leadpipe can read."""


class NotAllowed(LeadpipeError):
    """A person asked for a change that the record's state rules out."""


class Changed(LeadpipeError):
    """Another process wrote the record since it was read (the store's 412, or 409 for its event)."""


class NotifyFailed(LeadpipeError):
    """LEADPIPE_NOTIFY_URL did not take a notice. The next sweep posts it again."""


class CanaryFailed(LeadpipeError):
    """The endpoint did not take a canary. The slug names the step; a later sweep posts another one."""


class DeliveryFailed(LeadpipeError):
    """A try did not write the lead into Dynamics."""


class Transient(DeliveryFailed):
    """A later try may succeed: throttling, a server error, a time-out. `retry_after`: how long the peer asks for."""

    def __init__(self, slug: str, detail: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(slug, detail)
        self.retry_after = retry_after


class StorageFailed(Transient):
    """A queue or table could not be reached, was too slow, or refused leadpipe."""


class RowRefused(StorageFailed):
    """Storage answers, but does not take this row or message as it is (too large, a value that it cannot hold).

    The same row would be refused again, so this is not an outage.
    """


class RecordDamaged(StorageFailed):
    """The ledger's row is not in leadpipe's format. The detail names the row's keys and what is wrong.

    Only a person can correct the row. After that the lead goes on by itself.
    """

    def __init__(self, detail: str) -> None:
        super().__init__("record_damaged", detail)


class GateShut(Transient):
    """Dynamics is not asked before `opens_at`. Slug and detail are those of the failure that shut the gate."""

    def __init__(self, slug: str, detail: str, *, opens_at: datetime) -> None:
        super().__init__(slug, detail)
        self.opens_at = opens_at


class Blocked(DeliveryFailed):
    """A person has to fix the connection. `lead_only`: this lead's own owner or campaign is the reason."""

    def __init__(self, slug: str, detail: str = "", *, lead_only: bool = False) -> None:
        super().__init__(slug, detail)
        self.lead_only = lead_only


class Refused(DeliveryFailed):
    """Dynamics does not take this lead as it is, however often it is asked."""


class LeadMissing(Refused):
    """Dynamics has no lead for the note any more: a person deleted it. The action becomes a lead of its own."""


@contextmanager
def unforeseen_waits() -> Iterator[None]:
    """Turns any unforeseen error inside into a Transient, so that the lead waits and delivery does not crash.

    Keeps only the error's kind, because its text may hold a lead's data or a token.
    """
    try:
        yield
    except DeliveryFailed:
        raise
    except Exception as error:
        raise Transient("unforeseen", type(error).__name__) from error


def raised_at(error: BaseException | None) -> str:
    """The file and line that raised the error, for a log line; empty for None and for an error never raised."""
    place = error.__traceback__ if error else None
    while place and place.tb_next:
        place = place.tb_next
    return f"{PurePath(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
