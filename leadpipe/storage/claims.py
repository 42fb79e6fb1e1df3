"""The claims: the table `leadclaims`, one row a fingerprint. An insert wins or it does not, also when two run at once.

A: insert fp -> 201, holds            B: insert fp -> 409, reads A: a duplicate of A
A: insert fp -> reply lost            A: insert fp -> 409, reads A: holds
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import UpdateMode

from leadpipe.model.claim import Claim
from leadpipe.storage.connection import Storage, failures_of
from leadpipe.storage.rows import utc
from leadpipe.storage.tables import create_missing

TABLE = "leadclaims"


class AzureClaims:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def take(self, mine: Claim) -> Claim:
        row = _row(mine)
        with failures_of("claims"):
            while True:
                try:
                    create_missing(self._table, lambda: self._table.create_entity(row))
                except ResourceExistsError:
                    try:
                        held = self._table.get_entity(row["PartitionKey"], row["RowKey"])
                    except ResourceNotFoundError:
                        continue  # deleted by hand between the two requests
                    return _claim(held, held.metadata["etag"] or "")
                return mine

    def take_over(self, holder: Claim, mine: Claim) -> bool:
        with failures_of("claims"):
            try:
                self._table.update_entity(
                    _row(mine),
                    mode=UpdateMode.REPLACE,
                    etag=holder.version,
                    match_condition=MatchConditions.IfNotModified,
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                return False
        return True

    def read(self, fingerprint: str) -> Claim | None:
        with failures_of("claims"):
            try:
                held = self._table.get_entity(*_keys(fingerprint))
            except ResourceNotFoundError:
                return None
        return _claim(held, held.metadata["etag"] or "")

    def of_leads_received(self, since: datetime, before: datetime) -> Iterator[Claim]:
        query = "ReceivedAt ge @since and ReceivedAt lt @before"
        with failures_of("claims"):
            try:
                for row in self._table.query_entities(query, parameters={"since": since, "before": before}):
                    yield _claim(row, row.metadata["etag"] or "")
            except ResourceNotFoundError:
                return  # no lead has been claimed yet, so there is no table


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
