"""The fallback table `marketplaceleads`: leads in the shape that Microsoft's own Azure Table destination has.

Flows that publishers built on that shape keep working; `LeadId` marks the rows that are leadpipe's own.
https://learn.microsoft.com/partner-center/marketplace-offers/lead-management-instructions-azure-table
"""

import json
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import received_at
from leadpipe.model.record import Record
from leadpipe.model.text import without_controls
from leadpipe.storage.connection import Storage, failures_of
from leadpipe.storage.rows import partition
from leadpipe.storage.tables import create_missing

TABLE = "marketplaceleads"


class AzureFallback:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def keep(self, record: Record) -> None:
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
