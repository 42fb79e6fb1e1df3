"""Each port as its fake and as the real adapter on Azurite; one behaviour suite runs for both."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError

from leadpipe.model.ports import (
    Arrival,
    AttentionStore,
    CanaryMarks,
    Claims,
    Fallback,
    LeadQueue,
    Ledger,
    MarksStore,
    PoisonQueue,
)
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.attention import AzureAttention
from leadpipe.storage.canary_marks import AzureCanaryMarks
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.fallback import TABLE as FALLBACK_TABLE
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.marks import AzureMarks
from leadpipe.storage.poison_queue import POISON_QUEUE, AzurePoisonQueue
from leadpipe.storage.queues import decoded as read_as_base64
from leadpipe.storage.tables import create_missing
from tests.factories import payload
from tests.fakes import (
    FakeAttention,
    FakeCanaryMarks,
    FakeClaims,
    FakeFallback,
    FakeLedger,
    FakeMarks,
    FakePoisonQueue,
    FakeQueue,
)


@pytest.fixture(params=["fake", "real"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def storage(storage_account: str) -> Storage:
    return connect(StorageByKey(connection_string=storage_account), retries=1)


@pytest.fixture
def ledger(kind: str, request: pytest.FixtureRequest) -> Ledger:
    return FakeLedger([]) if kind == "fake" else AzureLedger(request.getfixturevalue("storage"))


@pytest.fixture
def claims(kind: str, request: pytest.FixtureRequest) -> Claims:
    return FakeClaims([]) if kind == "fake" else AzureClaims(request.getfixturevalue("storage"))


@pytest.fixture
def marks(kind: str, request: pytest.FixtureRequest) -> MarksStore:
    return FakeMarks([]) if kind == "fake" else AzureMarks(request.getfixturevalue("storage"))


@pytest.fixture
def attention(kind: str, request: pytest.FixtureRequest) -> AttentionStore:
    return FakeAttention([]) if kind == "fake" else AzureAttention(request.getfixturevalue("storage"))


@pytest.fixture
def canary_marks(kind: str, request: pytest.FixtureRequest) -> CanaryMarks:
    return FakeCanaryMarks([]) if kind == "fake" else AzureCanaryMarks(request.getfixturevalue("storage"))


class FallbackRows:
    """The fallback port, a look at the ids in it, and the marketplace's own hand, which writes a row of that name."""

    def __init__(self, port: Fallback, lead_ids: Callable[[], list[str]], arrives: Callable[[str], None]) -> None:
        self.keep, self.remove, self.has, self.listed = port.keep, port.remove, port.has, port.arrivals
        self.lead_ids, self.arrives = lead_ids, arrives

    def arrivals(self, since: timedelta = timedelta(hours=-1)) -> list[Arrival]:
        """Those since then, seen from now."""
        return sorted(self.listed(datetime.now(UTC) + since), key=lambda arrival: arrival.payload)


@pytest.fixture
def fallback(kind: str, request: pytest.FixtureRequest) -> FallbackRows:
    return _fake_fallback() if kind == "fake" else _real_fallback(request.getfixturevalue("storage"))


def _fake_fallback() -> FallbackRows:
    fake = FakeFallback([])

    def arrives(name: str) -> None:
        posted = payload(Company=name)
        key = sha256(name.encode()).hexdigest()
        fake.from_the_marketplace.append(Arrival(key=key, at=datetime.now(UTC), payload=posted))

    return FallbackRows(fake, lambda: [*fake.rows], arrives)


def _real_fallback(storage: Storage) -> FallbackRows:
    rows = storage.table(FALLBACK_TABLE)

    def arrives(name: str) -> None:
        row = {
            "PartitionKey": "20260314",
            "RowKey": name,
            "ProductId": "contoso.widget",
            "CustomerInfo": json.dumps({"LastName": "Doe", "Company": name}),
            "LeadSource": "AzureMarketplace-INS",
            "ActionCode": "INS",
            "PublisherDisplayName": "Contoso",
            "OfferDisplayName": "Contoso Widget",
            "CreatedTime": "03/14/2026 09:26:53",
            "Description": "",
        }
        create_missing(rows, lambda: rows.create_entity(row))

    def lead_ids() -> list[str]:
        return [row["LeadId"] for row in rows.list_entities() if "LeadId" in row]

    return FallbackRows(AzureFallback(storage), lead_ids, arrives)


class PoisonContents:
    """The poison queue's port, and the host's hand, which puts there what it gave up on, just as it was."""

    def __init__(self, port: PoisonQueue, given_up: Callable[[str], None]) -> None:
        self.receive, self.delete, self.given_up = port.receive, port.delete, given_up

    def texts(self) -> list[str]:
        return [message.text for message in self.receive()]


@pytest.fixture
def poison_queue(kind: str, request: pytest.FixtureRequest) -> PoisonContents:
    if kind == "fake":
        fake = FakePoisonQueue([])

        def holding(content: str) -> None:
            fake.holding(read_as_base64(content))

        return PoisonContents(fake, holding)
    queues = request.getfixturevalue("storage").queues
    client = queues.get_queue_client(POISON_QUEUE)

    def send(content: str) -> None:
        with suppress(ResourceExistsError):
            client.create_queue()
        client.send_message(content)

    return PoisonContents(AzurePoisonQueue(queues), send)


class QueueContents:
    """The queue port, and a look at what is on it: each text with the seconds until it is seen."""

    def __init__(self, port: LeadQueue, contents: Callable[[], list[tuple[str, int]]]) -> None:
        self.put, self.peek, self.depth, self.contents = port.put, port.peek, port.depth, contents


@pytest.fixture
def lead_queue(kind: str, request: pytest.FixtureRequest) -> QueueContents:
    if kind == "fake":
        fake = FakeQueue([])
        return QueueContents(fake, lambda: [(m.text, round(m.delay.total_seconds())) for m in fake.messages])
    storage = request.getfixturevalue("storage")
    real, sent = AzureLeadQueue(storage.queues), []
    client: Any = real._client
    send = client.send_message

    def remember(*args: Any, **kwargs: Any) -> Any:
        sent.append(send(*args, **kwargs))
        return sent[-1]

    client.send_message = remember

    def contents() -> list[tuple[str, int]]:
        now = datetime.now(UTC)
        return [(m.content, round((m.next_visible_on - now).total_seconds())) for m in sent]

    return QueueContents(real, contents)
