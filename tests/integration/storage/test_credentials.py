"""A credential that gives no token, under the real clients: the other store is tried, and the cause has a name."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.data.tables import TableServiceClient
from azure.identity import CredentialUnavailableError
from azure.storage.queue import QueueClient, QueueServiceClient

from leadpipe.intake import take
from leadpipe.model.errors import InvalidLead, NotKept, SettingsError, StorageFailed
from leadpipe.model.settings import StorageByIdentity, StorageByKey
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from tests.answering import Answer, Server, answering, json_of, page, queue_error
from tests.factories import RECEIVED_AT, payload
from tests.storage_methods import EVERY, OF_QUEUES, OF_TABLES, outcome

NO_TOKEN = ClientAuthenticationError("Token request error: 500")


class Panic(BaseException):
    """As a library that is written in Rust panics."""


FAILURES: list[BaseException] = [
    NO_TOKEN,
    Panic("panicked at src/lib.rs"),
    CredentialUnavailableError("No managed identity endpoint found"),
    HttpResponseError("no response"),
    ServiceRequestError("refused"),
    AttributeError("'NoneType' object has no attribute 'headers'"),
    ValueError("secret-text"),
    KeyError("access_token"),
    OSError("cryptography"),
    RecursionError("deep"),
    ImportError("msal"),
]


class Credential:
    """Raises what it is given; never asked for anything else."""

    def __init__(self, failure: BaseException) -> None:
        self._failure = failure

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        raise self._failure


def storage_with(failure: BaseException) -> Storage:
    credential = Credential(failure)
    return Storage(
        tables=TableServiceClient("https://127.0.0.1:9", credential=credential, retry_total=0),
        queues=QueueServiceClient("https://127.0.0.1:9", credential=credential, retry_total=0),
    )


def posted(ledger: AzureLedger, queue: AzureLeadQueue) -> str:
    return take(payload().encode(), at=RECEIVED_AT, entropy=bytes(10), ledger=ledger, queue=queue)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize("method", EVERY)
def test_whatever_a_credential_raises_is_a_storage_failure(method: str, failure: BaseException) -> None:
    got = outcome(EVERY[method], storage_with(failure))
    assert type(got) is StorageFailed
    assert "secret-text" not in got.detail


@pytest.mark.parametrize("answer", [queue_error(403, "AccountIsDisabled"), json_of(201, "[]"), Answer(status=201)])
def test_a_failure_that_is_met_while_another_one_is_handled_is_named_as_itself(answer: Answer) -> None:
    with answering() as server:
        server.answer = answer
        healthy = connect(StorageByKey(connection_string=server.account), retries=0)
        for method in ("queue.put", "ledger.insert", "ledger.read"):
            alone = outcome(EVERY[method], healthy)
            try:
                EVERY["ledger.read"](storage_with(NO_TOKEN))
            except StorageFailed:
                got = outcome(EVERY[method], healthy)
            assert (type(got), str(got)) == (StorageFailed, str(alone))


@pytest.mark.parametrize("method", OF_TABLES)
def test_an_error_that_looks_like_the_end_of_a_list_is_a_failure_too(method: str) -> None:
    assert type(outcome(EVERY[method], storage_with(StopIteration("secret-text")))) is StorageFailed


def test_what_ends_the_process_passes() -> None:
    for end in (KeyboardInterrupt(), SystemExit(1)):
        with pytest.raises(type(end)):
            EVERY["ledger.read"](storage_with(end))


@pytest.mark.parametrize("method", [*OF_TABLES, *OF_QUEUES])
def test_a_credential_without_a_token_is_named_as_such(method: str) -> None:
    got = outcome(EVERY[method], storage_with(NO_TOKEN))
    assert isinstance(got, StorageFailed)
    assert got.slug == "storage_no_token"
    assert "ClientAuthenticationError" in got.detail


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_a_lead_whose_record_cannot_be_written_without_a_token_goes_on_the_queue(
    failure: BaseException, storage_account: str
) -> None:
    healthy = connect(StorageByKey(connection_string=storage_account), retries=0)
    lead_id = posted(AzureLedger(storage_with(failure)), AzureLeadQueue(healthy.queues))
    (message,) = QueueClient.from_connection_string(storage_account, "leads").receive_messages()
    assert lead_id
    assert message.content


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_a_lead_whose_message_cannot_be_put_without_a_token_is_in_the_ledger(
    failure: BaseException, storage_account: str
) -> None:
    ledger = AzureLedger(connect(StorageByKey(connection_string=storage_account), retries=0))
    lead_id = posted(ledger, AzureLeadQueue(storage_with(failure).queues))
    assert ledger.read(lead_id) is not None


def test_without_a_token_for_either_store_nobody_is_told_that_the_lead_is_safe() -> None:
    storage = storage_with(NO_TOKEN)
    with pytest.raises(NotKept):
        posted(AzureLedger(storage), AzureLeadQueue(storage.queues))
    with pytest.raises((NotKept, InvalidLead)) as raised:
        take(
            b"[]",
            at=RECEIVED_AT,
            entropy=bytes(10),
            ledger=AzureLedger(storage),
            queue=AzureLeadQueue(storage.queues),
        )
    assert type(raised.value) is NotKept


# The platform's own endpoint


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The place where an app asks the platform for its identity's tokens."""
    with answering() as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "made-up")
        yield server


def by_identity() -> Storage:
    address = "https://127.0.0.1:9"
    settings = StorageByIdentity(queue_url=address, table_url=address, client_id=None, managed=True)
    return connect(settings, retries=0)


@pytest.mark.parametrize("method", ["ledger.insert", "ledger.read", "queue.put"])
@pytest.mark.parametrize(
    "answer",
    [
        json_of(400, '{"statusCode": 400, "message": "no identity"}'),
        json_of(403, "{}"),
        page(401),
        page(404),
        page(200),
        json_of(200, "{}"),
        json_of(200, "[]"),
        Answer(status=200),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:10]!r}",
)
def test_whatever_the_platform_answers_is_a_storage_failure(method: str, answer: Answer, endpoint: Server) -> None:
    endpoint.answer = answer
    got = outcome(EVERY[method], by_identity())
    assert type(got) is StorageFailed
    assert len(endpoint.requests) > 0


def test_a_redirect_of_the_platforms_endpoint_is_not_followed(endpoint: Server) -> None:
    with answering() as elsewhere:
        elsewhere.answer = json_of(200, '{"access_token": "x", "expires_on": "9999999999", "resource": "r"}')
        for status in (301, 302, 303, 307, 308):
            endpoint.answer = Answer(status=status, headers={"Location": elsewhere.url})
            assert type(outcome(EVERY["ledger.read"], by_identity())) is StorageFailed
        assert elsewhere.requests == []


def test_an_identity_whose_settings_fit_nothing_is_a_fault_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match="AzureWebJobsStorage__"):
        connect(
            StorageByIdentity(queue_url="http://127.0.0.1:9", table_url="http://", client_id=None, managed=True),
            retries=0,
        )


def test_a_credential_that_cannot_be_built_is_a_storage_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)  # as where it cannot be imported
    with pytest.raises(StorageFailed, match="ModuleNotFoundError"):
        by_identity()
