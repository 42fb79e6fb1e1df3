"""What a command works on: one storage account and at most one organisation, said before anything is done."""

import logging
import os
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import typer

import leadpipe
from leadpipe.model.errors import SettingsError
from leadpipe.model.ports import Ports
from leadpipe.model.reference import unresolved
from leadpipe.model.settings import Area, Settings, StorageByIdentity, StorageByKey
from leadpipe.ops.settings_source import DEFAULT_PORT, ENVIRONMENT, Source, find_source
from leadpipe.ops.words import damage_reporter, say
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.marks import AzureMarks
from leadpipe.storage.poison_queue import AzurePoisonQueue
from leadpipe.wiring import Wiring, quiet_libraries

RETRIES = 2
_APP = Path(leadpipe.__file__).resolve().parents[1]


class Target:
    """Adapters for what the settings name; built when first asked for. `local_port`: of the app on this machine."""

    def __init__(self, settings: Settings, *, local_port: int = DEFAULT_PORT) -> None:
        self.settings = settings
        self.local_url = f"http://127.0.0.1:{local_port}"

    @cached_property
    def storage(self) -> Storage:
        if self.settings.storage is None:
            raise SettingsError("storage_settings", self.settings.faults_of(Area.STORAGE))
        return connect(self.settings.storage, retries=RETRIES)

    @cached_property
    def ledger(self) -> AzureLedger:
        return AzureLedger(self.storage, report=damage_reporter())

    @cached_property
    def queue(self) -> AzureLeadQueue:
        return AzureLeadQueue(self.storage.queues)

    @cached_property
    def claims(self) -> AzureClaims:
        return AzureClaims(self.storage)

    @cached_property
    def fallback(self) -> AzureFallback:
        return AzureFallback(self.storage)

    @cached_property
    def marks(self) -> AzureMarks:
        return AzureMarks(self.storage)

    @cached_property
    def ports(self) -> Ports:
        """What delivery works with, Dynamics included. Its gate is this command's own."""
        return Wiring(self.settings).delivery()

    @cached_property
    def poison_queue(self) -> AzurePoisonQueue:
        return AzurePoisonQueue(self.storage.queues)


def reach(context: typer.Context, settings_file: Path | None, *, with_faults: bool = False) -> Target:
    """The target that this command line names, after saying on stderr which one that is. Raises SettingsError.

    `--settings` may stand before the command, where the context has it, or after it. `with_faults`: also where the
    storage settings cannot be used, for a command that itself says what is wrong with them.
    """
    source = find_source(settings_file or context.obj, environment=dict(os.environ), folders=_folders())
    source.take_effect(os.environ)
    _require_bundle(source)
    _quiet_logs()
    target = Target(Settings.from_environment(source.environment), local_port=source.local_port)
    if target.settings.storage is not None or not with_faults:
        _announce(target, source)
    return target


def settings_alone(context: typer.Context, settings_file: Path | None) -> Settings:
    """The settings that this command line names, for a command that needs no storage account of them.

    Where no place names one, the environment counts. Raises SettingsError for a file that is unreadable.
    """
    environment = dict(os.environ)
    try:
        source = find_source(settings_file or context.obj, environment=environment, folders=_folders())
    except SettingsError as error:
        if error.slug != "no_settings":
            raise
        source = Source(where=ENVIRONMENT, environment=environment)
    source.take_effect(os.environ)
    _require_bundle(source)
    _quiet_logs()
    return Settings.from_environment(source.environment)


def account_of(storage: StorageByKey | StorageByIdentity) -> str:
    """The account's name, with its host where that does not follow from it; never a key."""
    if isinstance(storage, StorageByIdentity):
        host = _host(storage.table_url)
        name, table, _ = host.partition(".table.")
        return name if table else host
    pairs = (part.partition("=") for part in storage.connection_string.split(";"))
    parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
    name, host = parts.get("accountname", ""), _host(parts.get("tableendpoint") or parts.get("queueendpoint") or "")
    if not name or not host or host.startswith(f"{name}."):
        return name or host
    return f"{name} at {host}"


def _announce(target: Target, source: Source) -> None:
    if target.settings.storage is None:
        raise SettingsError("storage_settings", f"{target.settings.faults_of(Area.STORAGE)} (in {source.where})")
    try:
        account = account_of(target.settings.storage)
    except ValueError as error:
        raise _unusable() from error
    say(f"storage account {account}, {_organisation(target.settings)}; settings from {source.where}")
    for fault in target.settings.faults:
        say(f"setting {fault}")


def _require_bundle(source: Source) -> None:
    """Without this, requests would raise an error of its own at the first call."""
    bundle = source.environment.get("REQUESTS_CA_BUNDLE", "")
    if problem := unresolved(bundle):
        raise SettingsError("ca_bundle", f"REQUESTS_CA_BUNDLE {problem} (in {source.where})")
    if bundle and not Path(bundle).exists():
        raise SettingsError("ca_bundle", f"REQUESTS_CA_BUNDLE names {bundle}, which does not exist (in {source.where})")


def _organisation(settings: Settings) -> str:
    if settings.dataverse is not None:
        return f"organisation {_host(settings.dataverse.url)}"
    faulty = any(fault.area is Area.DYNAMICS and "DATAVERSE_" in fault.setting for fault in settings.faults)
    return "an organisation whose settings cannot be used" if faulty else "no organisation"


def _unusable() -> SettingsError:
    detail = "AzureWebJobsStorage cannot be used: copy it whole from the storage account's Access keys"
    return SettingsError("storage_settings", detail)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _folders() -> list[Path]:
    """The current folder, said as it is meant, then the app's own."""
    return [Path()] if Path.cwd() == _APP else [Path(), _APP]


def _quiet_logs() -> None:
    """A command says itself what happened; without a handler Python would print log lines among its words."""
    quiet_libraries()
    logging.getLogger().addHandler(logging.NullHandler())
