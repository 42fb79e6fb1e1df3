"""Checks the rights on the storage account by using them: roles are granted in many places, none of them sure."""

from collections.abc import Iterator

from leadpipe.model.errors import SettingsError, StorageFailed
from leadpipe.model.settings import Area, StorageByIdentity
from leadpipe.operations.doctor.finding import Finding, not_looked_at, of_failure, ok, warning
from leadpipe.operations.target import Target
from leadpipe.storage.rights import Store, try_queues, try_tables

QUEUES = "queues"
TABLES = "tables"
POISON_QUEUE = "poison queue"
STORAGE_CHECKS = (QUEUES, POISON_QUEUE, TABLES)


def look_at_storage(target: Target) -> Iterator[Finding]:
    """Checks the queues, then the tables; a failure of the queues is that of the account, and ends the check."""
    if target.settings.faults_of(Area.STORAGE):
        yield from not_looked_at(STORAGE_CHECKS, "the storage settings cannot be used")
        return
    try:
        storage = target.storage
        yield ok(QUEUES, _said(try_queues(storage.queues), f"{target.ports.queue.depth()} messages waiting", target))
        yield of_depth(target.ports.poison_queue.depth())
    except (StorageFailed, SettingsError) as error:
        yield of_failure(QUEUES, error)
        yield from not_looked_at((POISON_QUEUE, TABLES), "see queues")
        return
    try:
        yield ok(TABLES, _said(try_tables(storage), "", target))
    except StorageFailed as error:
        yield of_failure(TABLES, error)


def of_depth(messages: int) -> Finding:
    """Checks the poison queue. The sweep empties it within a minute; messages that stay mean that it does not run."""
    if not messages:
        return ok(POISON_QUEUE, "empty")
    fix = "nothing, if they are gone in two minutes: the sweep takes them; else see whether the function sweep runs"
    return warning(POISON_QUEUE, f"{messages} messages on leads-poison, given up by the host", fix)


def _said(stores: list[Store], more: str, target: Target) -> str:
    missing = [store.name for store in stores if not store.made]
    made = ", ".join(store.name for store in stores if store.made)
    parts = [f"{made}: read and written" if made else "", more]
    if missing:
        parts.append(f"{', '.join(missing)} not made yet: the first lead that needs it will")
    if isinstance(target.settings.storage, StorageByIdentity) and not target.settings.storage.managed:
        parts.append("tried as whom you are signed in here, not as the app")
    return "; ".join(part for part in parts if part)
