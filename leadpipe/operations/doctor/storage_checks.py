"""Checks the rights on the storage account by using them: roles come from too many places to read them."""

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
    """Checks the queues, then the tables. Where the queues fail, the account does, so the check ends."""
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
    fix = "wait two minutes for the sweep to take them; if they stay, see whether the function sweep runs"
    return warning(POISON_QUEUE, f"{messages} messages on leads-poison, given up by the host", fix)


def _said(stores: list[Store], more: str, target: Target) -> str:
    missing = [store.name for store in stores if not store.made]
    made = ", ".join(store.name for store in stores if store.made)
    parts = [f"{made}: read and written" if made else "", more]
    if missing:
        parts.append(f"{', '.join(missing)} not made yet: the first lead that needs them makes them")
    if isinstance(target.settings.storage, StorageByIdentity) and not target.settings.storage.managed:
        parts.append("tried with your own account, not the app's")
    return "; ".join(part for part in parts if part)
