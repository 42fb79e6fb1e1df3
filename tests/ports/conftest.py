"""Each port as its fake and as the real adapter on Azurite; one behaviour suite runs for both."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from leadpipe.model.ports import Claims, Fallback, Ledger
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from tests.fakes import FakeClaims, FakeFallback, FakeLedger, FakeQueue


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


class FallbackRows:
    """The fallback port, and a look at the ids in it."""

    def __init__(self, port: Fallback, lead_ids: Callable[[], list[str]]) -> None:
        self.keep, self.remove, self.lead_ids = port.keep, port.remove, lead_ids


@pytest.fixture
def fallback(kind: str, request: pytest.FixtureRequest) -> FallbackRows:
    if kind == "fake":
        fake = FakeFallback([])
        return FallbackRows(fake, lambda: [*fake.rows])
    storage = request.getfixturevalue("storage")
    rows = storage.table("marketplaceleads")
    return FallbackRows(AzureFallback(storage), lambda: [row["LeadId"] for row in rows.list_entities()])


class QueueContents:
    """The queue port, and a look at what is on it: each text with the seconds until it is seen."""

    def __init__(self, put: Callable[..., None], contents: Callable[[], list[tuple[str, int]]]) -> None:
        self.put, self.contents = put, contents


@pytest.fixture
def lead_queue(kind: str, request: pytest.FixtureRequest) -> QueueContents:
    if kind == "fake":
        fake = FakeQueue([])
        return QueueContents(fake.put, lambda: [(m.text, round(m.delay.total_seconds())) for m in fake.messages])
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

    return QueueContents(real.put, contents)
