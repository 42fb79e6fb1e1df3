"""The fallback table `marketplaceleads`: leads in the shape that Microsoft's own Azure Table destination has.

Flows that publishers built on that shape keep working; `LeadId` marks the rows that are leadpipe's own.
https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-azure-table
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import new_lead_id, received_at
from leadpipe.model.ports import Arrival
from leadpipe.model.record import Record
from leadpipe.model.text import without_controls
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.rows import partition, utc
from leadpipe.storage.tables import delete, insert, row_at, rows_of

TABLE = "marketplaceleads"
# Under this key an arrival's payload holds what else the marketplace wrote into the row.
_OWN_KEY = "TableRow"


class AzureFallback:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def keep(self, record: Record) -> None:
        if _marketplace_keys(record):
            return  # the row that the marketplace wrote is its fallback row
        with failures_of("fallback"):
            insert(self._table, _row(record))

    def remove(self, lead_id: str) -> None:
        with failures_of("fallback"):
            delete(self._table, *_keys(lead_id))

    def has(self, record: Record) -> bool:
        keys = _marketplace_keys(record) or _keys(record.lead_id)
        with failures_of("fallback"):
            return row_at(self._table, *keys, keys_only=True) is not None

    def lead_ids(self, first: date, last: date) -> Iterator[str]:
        query = "PartitionKey ge @first and PartitionKey le @last"
        days = {"first": partition(first), "last": partition(last)}
        with failures_of("fallback"):
            for row in rows_of(self._table, query, days, select=["LeadId"]):
                if row.get("LeadId"):  # asked for by name, a row that lacks it may answer with nothing in it
                    yield str(row["LeadId"])

    def arrivals(self, since: datetime) -> Iterator[Arrival]:
        with failures_of("fallback"):
            for row in rows_of(self._table, "Timestamp ge @since", {"since": since}):
                if "LeadId" not in row:
                    yield _arrival(row, row.metadata["timestamp"] or since)


def _marketplace_keys(record: Record) -> tuple[str, str] | None:
    """The keys of the row that the lead was taken in from; None for a lead that was posted.

    The payload alone proves nothing, because anyone may post such keys. The lead id does: the sweep makes it from a
    hash of the keys, and nobody who posts a lead can choose its id.
    """
    keys = _said_keys(record.payload)
    made_from_them = keys and new_lead_id(received_at(record.lead_id), bytes.fromhex(_hash(*keys))) == record.lead_id
    return keys if made_from_them else None


def _said_keys(payload: str | bytes | None) -> tuple[str, str] | None:
    if not isinstance(payload, str) or _OWN_KEY not in payload:
        return None
    try:
        posted = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    row = posted.get(_OWN_KEY) if isinstance(posted, dict) else None
    if not isinstance(row, dict) or not {"PartitionKey", "RowKey"} <= row.keys():
        return None
    return str(row["PartitionKey"]), str(row["RowKey"])


def _hash(partition_key: str, row_key: str) -> str:
    return sha256(json.dumps([partition_key, row_key]).encode()).hexdigest()


def _arrival(row: Mapping[str, Any], at: datetime) -> Arrival:
    """The row in the shape of the HTTPS destination, with its other columns beside it so that nothing is lost."""
    columns = {name: str(cell) for name, cell in row.items()}
    lead_source, product = columns.get("LeadSource", ""), columns.get("ProductId", "")
    told = {"LeadSource", "ActionCode", "OfferDisplayName", "Description", "CustomerInfo"}
    payload = {
        "CustomerInfo": columns.get("CustomerInfo", ""),
        "LeadSource": f"{lead_source}|{product}" if product and "|" not in lead_source else lead_source,
        "ActionCode": columns.get("ActionCode", ""),
        "OfferTitle": columns.get("OfferDisplayName", ""),
        "Description": columns.get("Description", ""),
        _OWN_KEY: {name: cell for name, cell in columns.items() if name not in told},
    }
    key = _hash(columns["PartitionKey"], columns["RowKey"])
    return Arrival(key=key, at=utc(at), payload=json.dumps(payload, ensure_ascii=False))


def _keys(lead_id: str) -> tuple[str, str]:
    return partition(received_at(lead_id).date()), lead_id


def _row(record: Record) -> dict[str, Any]:
    lead = Lead.from_payload(record.payload) if isinstance(record.payload, str) else Lead()
    partition_key, row_key = _keys(record.lead_id)
    customer = {
        "FirstName": lead.first_name,
        "LastName": lead.last_name,
        "Email": lead.email,
        "Phone": lead.phone,
        "Country": lead.country,
        "Company": lead.company,
        "Title": lead.title,
    }
    return {
        "PartitionKey": partition_key,
        "RowKey": row_key,
        "LeadId": record.lead_id,
        "ProductId": without_controls(lead.offer),
        "CustomerInfo": json.dumps(customer, ensure_ascii=False),
        "LeadSource": without_controls(lead.lead_source),
        "ActionCode": without_controls(lead.action),
        "PublisherDisplayName": without_controls(lead.offer.partition(".")[0]),
        "OfferDisplayName": without_controls(lead.offer_title),
        "CreatedTime": f"{record.received_at:%m/%d/%Y %H:%M:%S}",
        "Description": without_controls(lead.description),
    }
