"""Finds the storage account and the organisation that a command works on, and names them before anything is done."""

import logging
import os
from pathlib import Path

import typer

import leadpipe
from leadpipe.cli.say import damage_reporter, say
from leadpipe.model.errors import SettingsError
from leadpipe.model.reference import unresolved
from leadpipe.model.settings import Area, Settings
from leadpipe.operations.settings_source import ENVIRONMENT, Source, find_source
from leadpipe.operations.target import Target, account_of, host_of
from leadpipe.wiring import quiet_libraries

_APP = Path(leadpipe.__file__).resolve().parents[1]


def reach(context: typer.Context, settings_file: Path | None, *, with_faults: bool = False) -> Target:
    """Names on stderr the target that the settings choose, and returns it. Raises SettingsError.

    `--settings` may be given before the command, where the context has it, or after it. `with_faults`: do not raise
    for storage settings that cannot be used: the command itself says what is wrong with them.
    """
    source = find_source(settings_file or context.obj, environment=dict(os.environ), folders=_folders())
    target = Target(_settings_of(source), local_port=source.local_port, report=damage_reporter())
    if target.settings.storage is not None or not with_faults:
        _announce(target, source)
    return target


def settings_alone(context: typer.Context, settings_file: Path | None) -> Settings:
    """The settings, for a command that needs no storage account.

    Where no place names a storage account, the environment counts. Raises SettingsError for an unreadable file.
    """
    try:
        source = find_source(settings_file or context.obj, environment=dict(os.environ), folders=_folders())
    except SettingsError as error:
        if error.slug != "no_settings":
            raise
        source = Source(where=ENVIRONMENT, environment=dict(os.environ))
    return _settings_of(source)


def _settings_of(source: Source) -> Settings:
    """The source's settings, once they count for the libraries too. Drops log lines: the command says what happened."""
    source.take_effect(os.environ)
    _require_bundle(source)
    quiet_libraries()
    logging.getLogger().addHandler(logging.NullHandler())
    return Settings.from_environment(source.environment)


def _announce(target: Target, source: Source) -> None:
    if target.settings.storage is None:
        raise SettingsError("storage_settings", f"{target.settings.faults_of(Area.STORAGE)} (in {source.where})")
    try:
        account = account_of(target.settings.storage)
    except ValueError as error:
        detail = "AzureWebJobsStorage cannot be used: copy it whole from the storage account's Access keys"
        raise SettingsError("storage_settings", detail) from error
    say(f"storage account {account}, {_organisation(target.settings)}; settings from {source.where}")
    for fault in target.settings.faults:
        say(f"setting {fault}")


def _require_bundle(source: Source) -> None:
    """Raises SettingsError for a bundle at which requests would raise an error of its own at the first call."""
    bundle = source.environment.get("REQUESTS_CA_BUNDLE", "")
    if problem := unresolved(bundle):
        raise SettingsError("ca_bundle", f"REQUESTS_CA_BUNDLE {problem} (in {source.where})")
    if bundle and not Path(bundle).exists():
        raise SettingsError("ca_bundle", f"REQUESTS_CA_BUNDLE names {bundle}, which does not exist (in {source.where})")


def _organisation(settings: Settings) -> str:
    if settings.dataverse is not None:
        return f"organisation {host_of(settings.dataverse.url)}"
    faulty = any(fault.area is Area.DYNAMICS and "DATAVERSE_" in fault.setting for fault in settings.faults)
    return "an organisation whose settings cannot be used" if faulty else "no organisation"


def _folders() -> list[Path]:
    """The current folder, then the app's own."""
    return [Path()] if Path.cwd() == _APP else [Path(), _APP]
