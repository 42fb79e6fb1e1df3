"""The claims: the table `leadclaims`, one row a fingerprint. An insert wins or it does not, also when two run at once.

A: insert fp -> 201, holds            B: insert fp -> 409, reads A: a duplicate of A
A: insert fp -> reply lost            A: insert fp -> 409, reads A: holds
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from azure.data.tables import UpdateMode

from leadpipe.model.claim import Claim
from leadpipe.model.errors import StorageFailed
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.rows import utc
from leadpipe.storage.tables import insert, row_at, rows_of, update

TABLE = "leadclaims"
# So often in a row nobody deletes a claim by hand between the two requests.
TRIES = 5


class AzureClaims:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def take(self, mine: Claim) -> Claim:
        for _ in range(TRIES):
            with failures_of("claims"):
                if insert(self._table, _row(mine)) is not None:
                    return mine
            held = self.read(mine.fingerprint)
            if held is not None:
                return held
        raise StorageFailed("storage_error", f"the claims: a claim that exists could not be read {TRIES} times")

    def take_over(self, holder: Claim, mine: Claim) -> bool:
        with failures_of("claims"):
            return update(self._table, _row(mine), UpdateMode.REPLACE, version=holder.version) is not None

    def read(self, fingerprint: str) -> Claim | None:
        with failures_of("claims"):
            held = row_at(self._table, *_keys(fingerprint))
            return None if held is None else _claim(held, held.metadata["etag"] or "")

    def of_leads_received(self, since: datetime, before: datetime) -> Iterator[Claim]:
        query = "ReceivedAt ge @since and ReceivedAt lt @before"
        with failures_of("claims"):
            for row in rows_of(self._table, query, {"since": since, "before": before}):
                yield _claim(row, row.metadata["etag"] or "")


def _keys(fingerprint: str) -> tuple[str, str]:
    return fingerprint[:2], fingerprint


def _row(claim: Claim) -> dict[str, Any]:
    partition_key, row_key = _keys(claim.fingerprint)
    return {
        "PartitionKey": partition_key,
        "RowKey": row_key,
        "LeadId": claim.lead_id,
        "ReceivedAt": claim.received_at,
    }


def _claim(row: dict[str, Any], version: str) -> Claim:
    return Claim(fingerprint=row["RowKey"], lead_id=row["LeadId"], received_at=utc(row["ReceivedAt"]), version=version)
