"""Keeps the claims in the table `leadclaims`, a row for each fingerprint. Of two inserts at once, exactly one wins.

A: insert fp -> 201, holds            B: insert fp -> 409, reads A: a duplicate of A
A: insert fp -> reply lost            A: insert fp -> 409, reads A: holds

A row that names no lead holds nothing, and the next lead replaces it: a lead written twice is less bad than one that
waits for ever or counts as a duplicate of nothing.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from azure.data.tables import UpdateMode

from leadpipe.model.claim import Claim
from leadpipe.model.errors import StorageFailed
from leadpipe.model.lead_id import is_lead_id, received_at
from leadpipe.model.log_line import log_line
from leadpipe.storage.cells import fitted
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.tables import insert, row_at, rows_of, update

TABLE = "leadclaims"
# A claim that vanishes between the two requests this many times in a row is an error.
TRIES = 5
_COLUMNS = ["PartitionKey", "RowKey", "LeadId", "ReceivedAt"]
_OF_LEADS = "PartitionKey lt '~'"  # `leadpipe doctor` tries its rights behind it
# The ids of leads received from 2004 to 2074 begin with 01 or 02. A LeadId that is missing or not text fails both.
_NOT_LIKE_A_LEAD_ID = "not (LeadId ge '01' and LeadId lt '03')"

log = logging.getLogger(__name__)


class AzureClaims:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def take(self, mine: Claim) -> Claim:
        for _ in range(TRIES):
            with failures_of("claims"):
                if insert(self._table, _row(mine)) is not None:
                    return mine
                held = row_at(self._table, *_keys(mine.fingerprint))
                if held is None:
                    continue  # somebody deleted it between the two requests
                if holder := _claim(held):
                    return holder
                log.error(log_line("claim_damaged", lead_id=mine.lead_id, row=mine.fingerprint))
                if self._replace(_version(held), mine):
                    return mine
        raise StorageFailed("storage_error", f"the claims: a claim that exists could not be read {TRIES} times")

    def take_over(self, holder: Claim, mine: Claim) -> bool:
        with failures_of("claims"):
            return self._replace(holder.version, mine)

    def read(self, fingerprint: str) -> Claim | None:
        with failures_of("claims"):
            held = row_at(self._table, *_keys(fingerprint))
        return None if held is None else _claim(held)

    def of_leads_received(self, since: datetime, before: datetime) -> Iterator[Claim]:
        query = "ReceivedAt ge @since and ReceivedAt lt @before"
        with failures_of("claims"):
            for row in rows_of(self._table, query, {"since": since, "before": before}):
                if claim := _claim(row):
                    yield claim

    def damaged(self, *, at_a_glance: bool = False) -> Iterator[str]:
        query = f"{_OF_LEADS} and {_NOT_LIKE_A_LEAD_ID}" if at_a_glance else _OF_LEADS
        with failures_of("claims"):
            for row in rows_of(self._table, query, {}, select=_COLUMNS):
                if flaw := _flaw(row):
                    yield f"{row['PartitionKey']}/{row['RowKey']}: {flaw}"

    def _replace(self, version: str, mine: Claim) -> bool:
        return update(self._table, _row(mine), UpdateMode.REPLACE, version=version) is not None


def _keys(fingerprint: str) -> tuple[str, str]:
    return fingerprint[:2], fingerprint


def _row(claim: Claim) -> dict[str, Any]:
    partition_key, row_key = _keys(claim.fingerprint)
    row = {
        "PartitionKey": partition_key,
        "RowKey": row_key,
        "LeadId": claim.lead_id,
        "ReceivedAt": claim.received_at,
    }
    return fitted(row)


def _claim(row: Mapping[str, Any]) -> Claim | None:
    """Reads the claim, whose time is its lead's, whatever ReceivedAt says; None if the row names no lead."""
    lead_id = row.get("LeadId")
    if not isinstance(lead_id, str) or not is_lead_id(lead_id):
        return None
    return Claim(fingerprint=row["RowKey"], lead_id=lead_id, received_at=received_at(lead_id), version=_version(row))


def _version(row: Any) -> str:
    return row.metadata["etag"] or ""


def _flaw(row: Mapping[str, Any]) -> str:
    """Says what is wrong with the row; empty if nothing is."""
    claim = _claim(row)
    if claim is None:
        return "LeadId is not a lead id, so that it holds nothing"
    cell = row.get("ReceivedAt")
    is_right = isinstance(cell, datetime) and abs(cell - claim.received_at) < timedelta(seconds=1)
    return "" if is_right else "ReceivedAt is not the time in the lead id, which counts"
