"""Builds clients for the storage account, with time-outs short enough to answer the marketplace in time.

With the SDKs' defaults one send can take 84 seconds, and a silent peer can block a call for 300.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient, TableServiceClient
from azure.storage.queue import QueueServiceClient
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError
from urllib3.util.retry import RequestHistory, Retry

from leadpipe.model.errors import SettingsError
from leadpipe.model.settings import StorageByIdentity, StorageByKey
from leadpipe.storage.failures import failures_of

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

CONNECT_SECONDS = 2
READ_SECONDS = 3
# One for each thread of the worker, so that none waits for a connection or discards one.
CONNECTIONS = 32
_PAUSES = ("Retry-After", "retry-after-ms", "x-ms-retry-after-ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The two services of one account. Thread-safe."""

    tables: TableServiceClient
    queues: QueueServiceClient

    def table(self, name: str) -> TableClient:
        with failures_of("storage account"):
            return self.tables.get_table_client(name)


def connect(settings: StorageByKey | StorageByIdentity, *, retries: int) -> Storage:
    """Builds the clients without sending anything.

    Raises SettingsError for a malformed connection string or address, StorageFailed for anything else.
    """
    with failures_of("storage account"):
        try:
            return _clients(settings, _options(retries))
        except ValueError as error:
            raise SettingsError("storage_settings", _unusable(settings)) from error


def _clients(settings: StorageByKey | StorageByIdentity, options: dict[str, Any]) -> Storage:
    if isinstance(settings, StorageByKey):
        return Storage(
            tables=TableServiceClient.from_connection_string(settings.connection_string, **options),
            queues=QueueServiceClient.from_connection_string(settings.connection_string, **options),
        )
    credential = _credential(settings)
    return Storage(
        tables=TableServiceClient(settings.table_url, credential=credential, **options),
        queues=QueueServiceClient(settings.queue_url, credential=credential, **options),
    )


def _options(retries: int) -> dict[str, Any]:
    return {
        "transport": _transport(),
        "retry_total": retries,
        "retry_backoff_factor": 0.3,  # tables
        "initial_backoff": 0.3,  # queues
        "increment_base": 2,
        "random_jitter_range": 0,
        "permit_redirects": False,  # a redirect would take the token or the signature to another host
    }


def _unusable(settings: StorageByKey | StorageByIdentity) -> str:
    if isinstance(settings, StorageByKey):
        return "AzureWebJobsStorage cannot be used: copy it whole from the storage account's Access keys"
    return (
        "AzureWebJobsStorage__accountName, the addresses or AzureWebJobsStorage__clientId cannot be used: correct them"
    )


class _Session(requests.Session):
    """Reads proxies and certificates from the environment once for each host, and hides Retry-After.

    requests would read them for every request, a tenth of its cost. The tables' SDK would sleep as long as Retry-After
    says, even a day.
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, Any] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        host = urlsplit(url).netloc
        if host not in self._found:
            self._found[host] = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return {**self._found[host], "stream": stream}

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = super().send(request, **options)
        for name in _PAUSES:
            answer.headers.pop(name, None)
        return answer


class _OnceMoreIfCut(Retry):
    """Repeats a request at once if the service closed the connection before answering anything.

    Services close idle connections, sometimes just as the next request is sent. At intake that would leave a lead
    without its message until the sweep finds it. Sending twice does no harm: an insert finds its own row, a merge has
    its ETag, and the second of two messages for one lead is stale.
    """

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        *rest: Any,
        **named: Any,
    ) -> Self:
        if isinstance(error, ProtocolError) and not self.history:
            return self.new(history=(RequestHistory(method, url, error, None, None),))
        return super().increment(method, url, response, error, *rest, **named)


def _transport() -> RequestsTransport:
    session = _Session()
    adapter = HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=_OnceMoreIfCut(0, read=False))
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return RequestsTransport(session=session, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)


def _credential(settings: StorageByIdentity) -> "TokenCredential":
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415 - half a second

    if settings.resource_id is not None:
        return ManagedIdentityCredential(identity_config={"resource_id": settings.resource_id})
    if settings.managed:
        return ManagedIdentityCredential(client_id=settings.client_id)
    return DefaultAzureCredential()
