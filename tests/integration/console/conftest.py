import pytest

from leadpipe.model.settings import StorageByKey
from leadpipe.operations.target import Target
from leadpipe.storage.connection import connect
from leadpipe.storage.ledger import AzureLedger
from leadpipe.wiring import now
from tests.console_browser import Browser, console_on
from tests.factories import settings


@pytest.fixture
def ledger(storage_account: str) -> AzureLedger:
    return AzureLedger(connect(StorageByKey(connection_string=storage_account), retries=1))


@pytest.fixture
def browser(storage_account: str) -> Browser:
    """The console on a real storage account and without an organisation."""
    chosen = settings(storage=StorageByKey(connection_string=storage_account), dataverse=None)
    return Browser(console_on(Target(chosen), now))
