"""What really stands in the queue and the tables, as the host, Microsoft's flows and the operators read it."""

import base64
import json
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.data.tables import TableServiceClient, UpdateMode
from azure.storage.queue import QueueClient

from devkit.chaos.proxy import Mode, Proxy
from leadpipe.model.change import Deferred, transition
from leadpipe.model.envelope import RESERVED_KEYS, Envelope
from leadpipe.model.errors import RowRefused, SettingsError, StorageFailed
from leadpipe.model.record import Record
from leadpipe.model.settings import StorageByIdentity, StorageByKey
from leadpipe.operations.causes import BLOCKED_REASONS
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import connect
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.poison_queue import AzurePoisonQueue
from leadpipe.storage.rows import row_of_event, row_of_record
from leadpipe.storage.tables import insert, update, update_with
from tests.factories import RECEIVED_AT, lead_id, payload


def rows(account: str, table: str) -> list[dict[str, Any]]:
    return [
        dict(row) for row in TableServiceClient.from_connection_string(account).get_table_client(table).list_entities()
    ]


def test_the_message_on_the_wire_is_base64_never_expires_and_leaves_the_hosts_metadata_alone(
    storage_account: str,
) -> None:
    queue = AzureLeadQueue(connect(StorageByKey(connection_string=storage_account), retries=0).queues)
    queue.put(Envelope.for_payload(lead_id(), payload(), attempt=1).to_text())
    (message,) = QueueClient.from_connection_string(storage_account, "leads").receive_messages(max_messages=2)
    envelope = json.loads(base64.b64decode(message.content, validate=True))
    assert envelope["payload"] == payload()
    assert {key.lower() for key in envelope} & RESERVED_KEYS == set()
    assert message.expires_on.year == 9999


@pytest.mark.parametrize("day", ["2026-11-25", "2026-W48-3", "2026", "20261325"])
def test_a_row_of_somebody_elses_leads_past_no_day_of_leads(day: str, storage_account: str) -> None:
    storage = connect(StorageByKey(connection_string=storage_account), retries=0)
    ledger = AzureLedger(storage)
    ledger.insert(Record.accepted(lead_id(), payload()))
    storage.table("leadledger").create_entity({"PartitionKey": day, "RowKey": "r"})
    assert ledger.first_day() == RECEIVED_AT.date()


def test_a_state_that_only_a_newer_version_knows_is_a_failure_with_a_name(storage_account: str) -> None:
    ledger = AzureLedger(connect(StorageByKey(connection_string=storage_account), retries=0))
    ledger.insert(Record.accepted(lead_id(), payload()))
    table = TableServiceClient.from_connection_string(storage_account).get_table_client("leadledger")
    (row,) = table.list_entities()
    table.update_entity({**row, "State": "postponed"})
    with pytest.raises(StorageFailed, match=r"record_damaged: .*'postponed'"):
        ledger.read(lead_id())


def test_a_record_stands_under_the_day_of_receipt_newest_first(storage_account: str) -> None:
    ledger = AzureLedger(connect(StorageByKey(connection_string=storage_account), retries=0))
    older, newer = lead_id(), lead_id(timedelta(milliseconds=1))
    for each in (older, newer):
        ledger.insert(Record.accepted(each, payload()))
    found = rows(storage_account, "leadledger")
    assert [row["LeadId"] for row in found] == [newer, older]
    assert {row["PartitionKey"] for row in found} == {f"{RECEIVED_AT:%Y%m%d}"}
    assert all(
        row["RowKey"] == f"{(1 << 48) - 1 - int(row['LeadId'].replace('-', '')[:12], 16):012x}-{row['LeadId']}"
        for row in found
    )


def test_an_event_stands_right_behind_its_record(storage_account: str) -> None:
    ledger = AzureLedger(connect(StorageByKey(connection_string=storage_account), retries=0))
    record = ledger.insert(Record.accepted(lead_id(), payload()))
    assert record is not None
    after, event = transition(
        record, Deferred(reason="throttled", attempt=2, next_try_at=RECEIVED_AT), at=RECEIVED_AT
    ) or (record, None)
    ledger.write(record, after, event)
    found = {row["Kind"]: row for row in rows(storage_account, "leadledger")}
    milliseconds = round(RECEIVED_AT.timestamp() * 1000)
    assert found["event"]["RowKey"].startswith(f"{found['record']['RowKey']}~{milliseconds:013d}-")
    assert len(found["event"]["RowKey"].rsplit("-", 1)[1]) == 4
    assert found["event"]["State"] == found["record"]["State"] == "deferred"


def test_a_claim_stands_under_its_fingerprint(storage_account: str) -> None:
    record = Record.accepted(lead_id(), payload())
    claims = AzureClaims(connect(StorageByKey(connection_string=storage_account), retries=0))
    from leadpipe.model.claim import Claim

    claims.take(Claim(fingerprint=record.fingerprint, lead_id=record.lead_id, received_at=record.received_at))
    (row,) = rows(storage_account, "leadclaims")
    assert (row["PartitionKey"], row["RowKey"]) == (record.fingerprint[:2], record.fingerprint)
    assert row["LeadId"] == record.lead_id


def test_a_fallback_row_has_the_shape_of_microsofts_own_table_destination(storage_account: str) -> None:
    fallback = AzureFallback(connect(StorageByKey(connection_string=storage_account), retries=0))
    fallback.keep(Record.accepted(lead_id(), payload()))
    (row,) = rows(storage_account, "marketplaceleads")
    customer = json.loads(row.pop("CustomerInfo"))
    assert customer == {
        "FirstName": "Jane",
        "LastName": "Doe",
        "Email": "jane.doe@fabrikam.com",
        "Phone": "+33 1 23 45 67 89",
        "Country": "FR",
        "Company": "Fabrikam",
        "Title": "CTO",
    }
    assert row == {
        "PartitionKey": "20260314",
        "RowKey": lead_id(),
        "LeadId": lead_id(),
        "ProductId": "contoso.widget",
        "LeadSource": "AzureMarketplace-INS|contoso.widget",
        "ActionCode": "INS",
        "PublisherDisplayName": "contoso",
        "OfferDisplayName": "Contoso Widget",
        "CreatedTime": "03/14/2026 09:26:53",
        "Description": "Please call.",
    }


def test_a_storage_service_that_refuses_connections_is_a_storage_failure_that_tells_no_address(free_port: int) -> None:
    account = broken_account(free_port)
    started = time.monotonic()
    with pytest.raises(StorageFailed) as failure:
        AzureLedger(connect(StorageByKey(connection_string=account), retries=1)).read(lead_id())
    assert failure.value.slug == "storage_unreachable"
    assert str(free_port) not in str(failure.value)
    assert time.monotonic() - started < 3


def test_a_storage_service_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        account = broken_account(silent.getsockname()[1])
        started = time.monotonic()
        with pytest.raises(StorageFailed):
            AzureLeadQueue(connect(StorageByKey(connection_string=account), retries=0).queues).put("x")
        assert time.monotonic() - started < 5


def test_a_key_that_storage_refuses_is_named_as_a_refusal(storage_account: str) -> None:
    storage = connect(
        StorageByKey(connection_string=storage_account.replace("AccountKey=", "AccountKey=AAAA")), retries=0
    )
    with pytest.raises(StorageFailed) as failure:
        AzureLeadQueue(storage.queues).put("x")
    assert failure.value.slug == "storage_not_authenticated"
    with pytest.raises(StorageFailed) as failure:
        AzureLedger(storage).insert(Record.accepted(lead_id(), payload()))
    assert failure.value.slug in BLOCKED_REASONS  # the emulator's tables have another code for it than Azure's
    assert "403 Auth" in failure.value.detail


def test_an_identity_reaches_storage_without_any_key() -> None:
    storage = connect(
        StorageByIdentity(
            queue_url="https://contoso.queue.core.windows.net",
            table_url="https://contoso.table.core.windows.net",
            client_id="00001111-aaaa-2222-bbbb-3333cccc4444",
            managed=True,
        ),
        retries=0,
    )
    assert storage.tables.url == "https://contoso.table.core.windows.net"
    assert type(storage.queues.credential).__name__ == "ManagedIdentityCredential"


def test_an_identity_may_be_asked_for_by_its_resource_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """As App Service has it: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint."""
    asked: list[dict[str, list[str]]] = []

    class Platform(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(parse_qs(urlsplit(self.path).query))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"access_token": "made-up", "expires_on": "9999999999", "resource": "x"}')

        def log_message(self, *_: object) -> None: ...

    resource_id = (
        "/subscriptions/0000/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/leads"
    )
    with HTTPServer(("127.0.0.1", 0), Platform) as platform:
        threading.Thread(target=platform.handle_request).start()
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{platform.server_port}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "made-up")
        storage = connect(
            StorageByIdentity(
                queue_url="https://contoso.queue.core.windows.net",
                table_url="https://contoso.table.core.windows.net",
                client_id=None,
                managed=True,
                resource_id=resource_id,
            ),
            retries=0,
        )
        storage.queues.credential.get_token("https://storage.azure.com/.default")
    assert asked[0]["mi_res_id"] == [resource_id]
    assert "client_id" not in asked[0]


def test_tables_and_queue_are_made_by_their_first_user_also_by_many_at_once(storage_account: str) -> None:
    storage = connect(StorageByKey(connection_string=storage_account), retries=1)
    ledger, queue = AzureLedger(storage), AzureLeadQueue(storage.queues)
    failures: list[BaseException] = []

    def first(number: int) -> None:
        try:
            ledger.insert(Record.accepted(lead_id(number=number), payload()))
            queue.put("x")
        except StorageFailed as error:
            failures.append(error)

    threads = [threading.Thread(target=first, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(rows(storage_account, "leadledger")) == 8


@pytest.fixture
def cutting(storage_account: str) -> Iterator[tuple[str, Proxy]]:
    """The account by way of a proxy in front of its queue service."""
    (address,) = re.findall(r"QueueEndpoint=(http://127\.0\.0\.1:\d+)", storage_account)
    proxy = Proxy("Queue", int(address.rpartition(":")[2]), random.Random(1))  # noqa: S311 - repeatable, no secret
    proxy.start()
    yield storage_account.replace(address, f"http://127.0.0.1:{proxy.port}"), proxy
    proxy.stop()


def test_a_connection_that_was_cut_while_it_idled_costs_no_message(cutting: tuple[str, Proxy]) -> None:
    account, proxy = cutting
    queue = AzureLeadQueue(connect(StorageByKey(connection_string=account), retries=0).queues)
    queue.put("the first one makes the queue")
    proxy.one_each = True
    for number in range(3):
        queue.put(f"number {number}")
    assert proxy.injected["Queue down"] == 3
    assert queue.depth() == 4


def test_a_service_that_cuts_every_connection_is_asked_twice_and_given_up_at_once(cutting: tuple[str, Proxy]) -> None:
    account, proxy = cutting
    proxy.mode = Mode.DOWN
    started = time.monotonic()
    with pytest.raises(StorageFailed, match="no whole answer in time"):
        AzureLeadQueue(connect(StorageByKey(connection_string=account), retries=0).queues).put("x")
    assert time.monotonic() - started < 1
    assert proxy.injected["Queue down"] == 2


def broken_account(port: int) -> str:
    address = f"http://127.0.0.1:{port}/contoso"
    return (
        "DefaultEndpointsProtocol=http;AccountName=contoso;AccountKey=bWFkZS11cA==;"
        f"QueueEndpoint={address};TableEndpoint={address}"
    )


def test_times_come_back_to_the_microsecond(storage_account: str) -> None:
    ledger = AzureLedger(connect(StorageByKey(connection_string=storage_account), retries=0))
    record = ledger.insert(Record.accepted(lead_id(), payload()))
    assert record is not None
    at = datetime(2026, 3, 14, 10, 0, 0, 123457, UTC)
    after, event = transition(record, Deferred(reason="x", attempt=2, next_try_at=at), at=at) or (record, None)
    ledger.write(record, after, event)
    found = ledger.read(lead_id())
    assert found is not None
    assert found.next_try_at == at


def test_an_invalid_key_is_a_refusal_and_an_invalid_connection_string_a_fault_of_settings(
    storage_account: str,
) -> None:
    no_key = re.sub("AccountKey=[^;]+", "AccountKey=abc", storage_account)
    with pytest.raises(StorageFailed) as failure:
        AzureLedger(connect(StorageByKey(connection_string=no_key), retries=0)).read(lead_id())
    assert failure.value.slug == "storage_refused"
    with pytest.raises(SettingsError):
        connect(StorageByKey(connection_string="AccountName;AccountKey"), retries=0)


def test_a_bundle_of_certificates_that_is_not_there_is_a_storage_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    account = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=bWFkZS11cA==;TableEndpoint=https://127.0.0.1:1/a"
    with pytest.raises(StorageFailed):
        AzureLedger(
            connect(StorageByKey(connection_string=f"{account};QueueEndpoint=https://127.0.0.1:1/a"), retries=0)
        ).read(lead_id())


TOO_LONG = "x" * 40_000  # a cell holds 32,768 UTF-16 units


def test_a_row_that_tables_do_not_take_is_refused_in_insert_update_and_batch(storage_account: str) -> None:
    ledger = AzureLedger(connect(StorageByKey(connection_string=storage_account), retries=0))
    table = TableServiceClient.from_connection_string(storage_account).get_table_client("leadledger")
    record = ledger.insert(Record.accepted(lead_id(), payload()))
    assert record is not None
    after, event = transition(record, Deferred(reason="x", attempt=2, next_try_at=RECEIVED_AT), at=RECEIVED_AT) or (
        record,
        None,
    )
    assert event is not None
    refused: list[str] = []
    for attempt in (
        lambda: insert(table, {"PartitionKey": "1", "RowKey": "1", "Name": TOO_LONG}),
        lambda: update(
            table, {**row_of_record(after), "Name": TOO_LONG}, UpdateMode.MERGE, version=record.version or ""
        ),
        lambda: update_with(
            table,
            row_of_record(after),
            UpdateMode.MERGE,
            {**row_of_event(event), "Detail": TOO_LONG},
            version=record.version or "",
        ),
    ):
        with pytest.raises(RowRefused) as failure:
            attempt()
        refused.append(failure.value.detail)
    assert refused == ["the table leadledger answered 400 PropertyValueTooLarge"] * 3
    assert ledger.read(record.lead_id) == record


@pytest.mark.parametrize("cell", [2**31, -(2**63), ["x"], {"x": 1}, date(2026, 3, 14), object()])
def test_a_cell_of_a_kind_unknown_to_tables_is_refused_before_anything_is_sent(cell: object, free_port: int) -> None:
    table = connect(StorageByKey(connection_string=broken_account(free_port)), retries=0).table("leadledger")
    row = {"PartitionKey": "1", "RowKey": "1", "Cell": cell}
    for attempt in (
        lambda: insert(table, row),
        lambda: update(table, row, UpdateMode.MERGE, version="1"),
        lambda: update_with(table, row, UpdateMode.MERGE, {"PartitionKey": "1", "RowKey": "2"}, version="1"),
        lambda: update_with(table, {"PartitionKey": "1", "RowKey": "2"}, UpdateMode.MERGE, row, version="1"),
    ):
        with pytest.raises(RowRefused, match="row_refused: a row of the table leadledger: TypeError"):
            attempt()


def test_a_message_that_the_queue_does_not_take_is_refused(storage_account: str) -> None:
    queue = AzureLeadQueue(connect(StorageByKey(connection_string=storage_account), retries=0).queues)
    with pytest.raises(RowRefused, match="the queue leads answered 4"):
        queue.put("x" * 70_000)


def test_a_poisoned_message_that_another_sweep_has_received_since_is_left_to_it(storage_account: str) -> None:
    client = QueueClient.from_connection_string(storage_account, "leads-poison")
    client.create_queue()
    client.send_message("x")
    poison = AzurePoisonQueue(connect(StorageByKey(connection_string=storage_account), retries=0).queues)
    (message,) = poison.receive()
    client.update_message(message.id, message.receipt, visibility_timeout=0)  # its receipt is another from now on
    poison.delete(message)
    (again,) = poison.receive()
    poison.delete(again)
    poison.delete(again)
    assert poison.depth() == 0


def test_an_empty_message_on_the_poison_queue_keeps_nothing_behind_it_up(storage_account: str) -> None:
    client = QueueClient.from_connection_string(storage_account, "leads-poison")
    client.create_queue()
    client.send_message("")
    client.send_message("eA==")
    poison = AzurePoisonQueue(connect(StorageByKey(connection_string=storage_account), retries=0).queues)
    assert sorted(message.text for message in poison.peek()) == ["", "x"]
    assert sorted(message.text for message in poison.receive()) == ["", "x"]
