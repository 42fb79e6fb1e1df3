"""Opens the account, the table, the queue or the file that leads are moved in from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from leadpipe.model.errors import LeadpipeError, SettingsError
from leadpipe.model.ports import SeenMessage
from leadpipe.model.settings import Area, Settings, StorageByIdentity, StorageByKey
from leadpipe.operations.moving.files import items_in
from leadpipe.operations.moving.found import leads_in
from leadpipe.operations.settings_source import read_values
from leadpipe.operations.take_in import Item, own_row
from leadpipe.operations.target import RETRIES, Target
from leadpipe.storage import claims, fallback, ledger
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.foreign import AzureForeignQueue, AzureForeignTable, poison_queues
from leadpipe.storage.lead_queue import QUEUE
from leadpipe.storage.poison_queue import POISON_QUEUE

_STORAGE = "AzureWebJobsStorage"
_OWN_TABLES = frozenset({ledger.TABLE, claims.TABLE})
OWN_QUEUES = frozenset({QUEUE, POISON_QUEUE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The storage account of the earlier app. `name`: what an operator calls it; never a key."""

    storage: Storage
    name: str
    is_own: bool


def account_of(source: str, target: Target, environment: Mapping[str, str]) -> Account:
    """The account that `--from` names; leadpipe's own without it. Raises SettingsError, which quotes no value."""
    own = target.settings.storage.account if target.settings.storage else ""
    if not source:
        return Account(storage=target.storage, name=own, is_own=True)
    found = _settings_of(source, environment)
    if found.storage is None:
        raise SettingsError("storage_settings", f"what {source} holds cannot be used: {found.faults_of(Area.STORAGE)}")
    name = _name_of(found.storage, source)
    is_own = name == own
    return Account(
        storage=target.storage if is_own else connect(found.storage, retries=RETRIES), name=name, is_own=is_own
    )


def rows_in(account: Account, table: str, since: datetime, target: Target) -> Iterator[Item]:
    """The table's rows. Raises LeadpipeError if there is no such table, or if it is leadpipe's own."""
    if account.is_own and table.lower() == fallback.TABLE:
        yield from map(own_row, target.ports.fallback.arrivals(since))
        return
    if account.is_own and table.lower() in _OWN_TABLES:
        raise LeadpipeError("own_table", f"{table} is a table of leadpipe's own: its leads are here")
    for row in AzureForeignTable(account.storage, account.name, table).arrivals(since):
        yield Item.of_row(row, leads_in(row.payload))


def queue_in(account: Account, name: str) -> AzureForeignQueue:
    """Raises LeadpipeError if it is leadpipe's own."""
    if account.is_own and name in OWN_QUEUES:
        what = "the sweep empties it" if name == POISON_QUEUE else "deliveries empty it"
        raise LeadpipeError("own_queue", f"{name} is a queue of leadpipe's own: {what} by itself")
    return AzureForeignQueue(account.storage, account.name, name)


def head_of(queue: AzureForeignQueue) -> list[Item]:
    """The first messages, which stay as they are."""
    return [Item.of_message(message, queue.key_of(message)) for message in queue.peek()]


def received_from(queue: AzureForeignQueue) -> Iterator[Item]:
    """The messages, until there are none but those that this has given already."""
    given: set[str] = set()
    while fresh := [message for message in queue.receive() if message.id not in given]:
        for message in fresh:
            given.add(message.id)
            yield Item.of_message(message, queue.key_of(message))


def poison_peeks(target: Target) -> dict[str, Callable[[], list[SeenMessage]]]:
    """How to look at the head of each poison queue in leadpipe's own account, by its name."""
    account = account_of("", target, {})
    names = poison_queues(account.storage)
    return {name: AzureForeignQueue(account.storage, account.name, name).peek for name in names}


def parts_of(file: Path) -> list[Item]:
    """Raises LeadpipeError for a file that cannot be read."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise LeadpipeError("no_items", f"{file} cannot be read: {error.strerror}") from error
    try:
        return [Item.of_text(f"{file.name}, {part.where}", part.key, part.text) for part in items_in(data)]
    except LeadpipeError as error:
        raise LeadpipeError(error.slug, f"{file}: {error.detail}") from error


def _settings_of(source: str, environment: Mapping[str, str]) -> Settings:
    if source in environment:
        return Settings.from_environment({_STORAGE: environment[source]})
    file = Path(source)
    if not file.is_file():
        raise SettingsError("no_settings", f"{source} is neither an environment variable nor a file")
    try:
        text = file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("settings_file", f"{source} cannot be read: {type(error).__name__}") from error
    return Settings.from_environment(read_values(file) if text.startswith("{") else {_STORAGE: text})


def _name_of(storage: StorageByKey | StorageByIdentity, source: str) -> str:
    try:
        return storage.account
    except ValueError as error:
        raise SettingsError("storage_settings", f"what {source} holds names no account") from error
