"""The fallback table `marketplaceleads`: leads in the shape that Microsoft's own Azure Table destination has.

Flows that publishers built on that shape keep working; `LeadId` marks the rows that are leadpipe's own.
https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-azure-table
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import received_at
from leadpipe.model.ports import Arrival, always
from leadpipe.model.record import Record
from leadpipe.model.text import without_controls
from leadpipe.storage.connection import Storage, failures_of
from leadpipe.storage.rows import partition, utc
from leadpipe.storage.tables import by_page, create_missing

TABLE = "marketplaceleads"
# Under this key an arrival's payload holds the row as the marketplace wrote it.
_OWN_KEY = "TableRow"


class AzureFallback:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def keep(self, record: Record) -> None:
        if is_marketplace_row(record.payload):
            return  # the row that the marketplace wrote is its fallback row
        row = _row(record)
        with failures_of("fallback"):
            try:
                create_missing(self._table, lambda: self._table.create_entity(row))
            except ResourceExistsError:
                return

    def remove(self, lead_id: str) -> None:
        with failures_of("fallback"):
            try:
                self._table.delete_entity(*_keys(lead_id))
            except ResourceNotFoundError:
                return

    def has(self, record: Record) -> bool:
        keys = _marketplace_keys(record.payload) or _keys(record.lead_id)
        with failures_of("fallback"):
            try:
                self._table.get_entity(*keys, select=["PartitionKey"])
            except ResourceNotFoundError:
                return False
        return True

    def lead_ids(self, first: date, last: date) -> Iterator[str]:
        query = "PartitionKey ge @first and PartitionKey le @last"
        days = {"first": partition(first), "last": partition(last)}
        with failures_of("fallback"):
            try:
                for row in self._table.query_entities(query, parameters=days, select=["LeadId"]):
                    if row.get("LeadId"):  # asked for by name, a row that lacks it may answer with nothing in it
                        yield str(row["LeadId"])
            except ResourceNotFoundError:
                return

    def arrivals(self, since: datetime, *, go_on: Callable[[], bool] = always) -> Iterator[Arrival]:
        rows = self._table.query_entities("Timestamp ge @since", parameters={"since": since})
        with failures_of("fallback"):
            try:
                for row in by_page(rows, go_on):
                    if "LeadId" not in row:
                        yield _arrival(row, row.metadata["timestamp"] or since)
            except ResourceNotFoundError:
                return  # neither we nor the marketplace have written here


def is_marketplace_row(payload: str | bytes | None) -> bool:
    """Whether it is the payload of an arrival: it then says which row it was."""
    return _marketplace_keys(payload) is not None


def _marketplace_keys(payload: str | bytes | None) -> tuple[str, str] | None:
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


def _arrival(row: Mapping[str, Any], at: datetime) -> Arrival:
    """The row in the shape of the HTTPS destination, with its own columns beside it so that nothing is lost."""
    columns = {name: str(cell) for name, cell in row.items()}
    lead_source, product = columns.get("LeadSource", ""), columns.get("ProductId", "")
    customer = _customer(columns.get("CustomerInfo", ""))
    told = {"LeadSource", "ActionCode", "OfferDisplayName", "Description", *(["CustomerInfo"] if customer else [])}
    payload = {
        "UserDetails": customer,
        "LeadSource": f"{lead_source}|{product}" if product and "|" not in lead_source else lead_source,
        "ActionCode": columns.get("ActionCode", ""),
        "OfferTitle": columns.get("OfferDisplayName", ""),
        "Description": columns.get("Description", ""),
        _OWN_KEY: {name: cell for name, cell in columns.items() if name not in told},
    }
    key = sha256(json.dumps([columns["PartitionKey"], columns["RowKey"]]).encode()).hexdigest()
    return Arrival(key=key, at=utc(at), payload=json.dumps(payload, ensure_ascii=False))


def _customer(text: str) -> dict[str, Any]:
    try:
        customer = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return customer if isinstance(customer, dict) else {}


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
