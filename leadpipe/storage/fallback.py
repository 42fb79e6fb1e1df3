"""Keeps leads in the fallback table `marketplaceleads`, in the shape of Microsoft's own Azure Table destination.

Flows that publishers built on that shape keep working. leadpipe's own rows have `LeadId`, and keys made of the lead's
day of receipt and its id; where the two differ, the keys count.
https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-azure-table
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from leadpipe.model.always import always
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import EPOCH, is_lead_id, new_lead_id, received_at
from leadpipe.model.ports import Arrival, FallbackRow
from leadpipe.model.record import LONGEST_TEXT, Record
from leadpipe.model.text import shortened, utf16_length, without_controls
from leadpipe.storage.cells import fitted
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.rows import partition, utc
from leadpipe.storage.tables import delete, insert, row_at, rows_of

TABLE = "marketplaceleads"
# The key, in an arrival's payload, of the row's other columns.
_OWN_KEY = "TableRow"
_IDS = ["PartitionKey", "RowKey", "LeadId"]


class AzureFallback:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def keep(self, record: Record) -> None:
        if _marketplace_keys(record):
            return  # the marketplace's own row is its fallback row
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
        yield from filter(None, map(_lead_id, self._ids(first, last)))

    def damaged(self, first: date, last: date) -> Iterator[str]:
        for row in self._ids(first, last):
            if flaw := _flaw(row):
                yield f"{row['PartitionKey']}/{row['RowKey']}: {flaw}"

    def all_rows(self) -> Iterator[FallbackRow]:
        with failures_of("fallback"):
            for row in rows_of(self._table, "PartitionKey ge @first", {"first": ""}):
                said = arrival_of(row, EPOCH, "")
                yield FallbackRow(lead_id=_lead_id(row), name=said.name, payload=said.payload)

    def _ids(self, first: date, last: date) -> Iterator[Mapping[str, Any]]:
        query = "PartitionKey ge @first and PartitionKey le @last"
        days = {"first": partition(first), "last": partition(last)}
        with failures_of("fallback"):
            yield from rows_of(self._table, query, days, select=_IDS)

    def arrivals(self, since: datetime, *, go_on: Callable[[], bool] = always) -> Iterator[Arrival]:
        with failures_of("fallback"):
            for row in rows_of(self._table, "Timestamp ge @since", {"since": since}, go_on=go_on):
                if not _lead_id(row) and not _is_copy(row):
                    yield arrival_of(row, row.metadata["timestamp"] or since, _hash(row["PartitionKey"], row["RowKey"]))


def _marketplace_keys(record: Record) -> tuple[str, str] | None:
    """Gives the keys of the row that the lead was taken in from; None for a posted lead.

    The payload alone proves nothing, because anyone may post such keys. The lead id does: the sweep makes it from a
    hash of the keys, and a sender cannot choose the id of a lead.
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


def arrival_of(row: Mapping[str, Any], at: datetime, key: str) -> Arrival:
    """Reads the row in the shape of the HTTPS destination. Its other columns are kept beside it."""
    columns = {name: str(cell) for name, cell in row.items()}
    lead_source, product = columns.get("LeadSource", ""), columns.get("ProductId", "")
    documented = {"LeadSource", "ActionCode", "OfferDisplayName", "Description", "CustomerInfo"}
    payload = {
        "CustomerInfo": columns.get("CustomerInfo", ""),
        "LeadSource": f"{lead_source}|{product}" if product and "|" not in lead_source else lead_source,
        "ActionCode": columns.get("ActionCode", ""),
        "OfferTitle": columns.get("OfferDisplayName", ""),
        "Description": columns.get("Description", ""),
        _OWN_KEY: {name: cell for name, cell in columns.items() if name not in documented},
    }
    name = f"{columns['PartitionKey']}/{columns['RowKey']}"
    return Arrival(key=key, at=utc(at), payload=json.dumps(payload, ensure_ascii=False), name=name)


def _lead_id(row: Mapping[str, Any]) -> str:
    """Reads the lead id from the row's keys; empty for the marketplace's own rows."""
    lead_id = row["RowKey"]
    return lead_id if is_lead_id(lead_id) and _keys(lead_id) == (row["PartitionKey"], lead_id) else ""


def _is_copy(row: Mapping[str, Any]) -> bool:
    """Whether it is a row of leadpipe's own under other keys. Any other LeadId is not leadpipe's."""
    lead_id = row.get("LeadId")
    return not _lead_id(row) and isinstance(lead_id, str) and is_lead_id(lead_id)


def _flaw(row: Mapping[str, Any]) -> str:
    """Gives what is wrong with the row; empty if nothing is."""
    if _is_copy(row):
        return "its keys do not belong to a lead"
    return "LeadId does not match its keys, which count" if row.get("LeadId") != (own := _lead_id(row)) and own else ""


def _keys(lead_id: str) -> tuple[str, str]:
    return partition(received_at(lead_id).date()), lead_id


def _row(record: Record) -> dict[str, Any]:
    lead = Lead.from_payload(record.text) if record.text else Lead()
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
    row = {
        "PartitionKey": partition_key,
        "RowKey": row_key,
        "LeadId": record.lead_id,
        "ProductId": without_controls(lead.offer),
        "CustomerInfo": _customer_info(customer),
        "LeadSource": without_controls(lead.lead_source),
        "ActionCode": without_controls(lead.action),
        "PublisherDisplayName": without_controls(lead.offer.partition(".")[0]),
        "OfferDisplayName": without_controls(lead.offer_title),
        "CreatedTime": f"{record.received_at:%m/%d/%Y %H:%M:%S}",
        "Description": without_controls(lead.description),
    }
    return fitted(row)


def _customer_info(customer: dict[str, str]) -> str:
    """Writes the customer as JSON that fits a cell. The longest values are cut, so that the JSON stays whole."""
    shorter = dict(customer)
    while utf16_length(text := json.dumps(shorter, ensure_ascii=False)) > LONGEST_TEXT:
        longest = max(shorter, key=lambda name: len(shorter[name]))
        shorter[longest] = shortened(shorter[longest], utf16_length(shorter[longest]) * 9 // 10)
    return text
