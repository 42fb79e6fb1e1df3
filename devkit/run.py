"""`make run`: storage, a stand-in for Dynamics and the functions on this machine, and a test lead through them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from devkit.azurite import Azurite
from devkit.azurite.install import InstallError
from devkit.bootstrap import ROOT
from devkit.launcher import ports, stack
from devkit.launcher.keeper import Keeper
from devkit.launcher.lock import FileLock, Held
from devkit.launcher.part import PartError
from devkit.launcher.private import make_private
from devkit.launcher.screen import Screen
from devkit.launcher.settings import (
    THREADS,
    Given,
    Settings,
    SettingsFileError,
    reach_this_machine_directly,
    write_file,
)
from devkit.launcher.tour import Tour

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

DATA = ROOT / ".devkit" / "data"
# The files that a run keeps in its folder.
KEPT = ("azurite", "standin", "host", "logs", "lock", "settings.json*")
DEFAULT_PORT = 7071
STANDIN_SECONDS = 30.0
HOST_SECONDS = 60.0
CONSOLE_SECONDS = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    screen = Screen()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)
    try:
        with FileLock(options.data / "lock"):
            make_private(options.data, KEPT)
            check_port(options)
            return run(options, screen)
    except KeyboardInterrupt:
        screen.note("stopped")
        return 0
    except Held:
        screen.fail(f"{options.data} is in use by another `make run`: stop that one, or choose --data DIR")
    except OSError as error:
        screen.fail(f"{options.data} cannot be used: {error}")
    except (InstallError, PartError, PortTaken, SettingsFileError) as reason:
        screen.fail(str(reason))
    return 1


class PortTaken(Exception):
    pass


def check_port(options: argparse.Namespace) -> None:
    """Checks the port before anything is started."""
    if not options.no_host and options.port and not ports.is_free(options.port):
        raise PortTaken(f"port {options.port} is in use; choose another: make run ARGS='--port {options.port + 1}'")


def run(options: argparse.Namespace, screen: Screen) -> int:
    given = Given.read(options.app, os.environ)
    screen.heading(f"leadpipe on this machine, data in {shown(options.data)}")
    with Keeper(screen) as keeper:
        azurite = start_backends(keeper, options, given, screen)
        settings = settings_of(options, given, azurite)
        settings_file = settings_file_for(options.data)
        write_file(settings_file, settings.file, port=options.port or DEFAULT_PORT)
        tour = Tour(options, given, settings, screen, settings_file)
        if not options.no_host:
            tour.host_url = start_host(keeper, options, settings, screen)
            write_file(settings_file, settings.file, port=urlsplit(tour.host_url).port or DEFAULT_PORT)
        if not options.no_console:
            tour.console_url = start_console(keeper, options, settings, screen, tour.host_url)
        # In a thread: a host that ends before the lead is written has to be restarted.
        threading.Thread(target=tour.show, daemon=True).start()
        keeper.keep()
    return 0


def start_backends(keeper: Keeper, options: argparse.Namespace, given: Given, screen: Screen) -> Azurite | None:
    """Starts the parts that are not set, at the same time, and reports what is used for the others."""
    azurite, waits = None, []
    if where := given.where_storage_is_set():
        screen.note(f"storage: AzureWebJobsStorage as {where} has it")
    else:
        azurite = stack.azurite(options.data, screen)
        waits.append(keeper.start(azurite.part, timeout=Azurite.START_SECONDS))
    if where := given.where_dynamics_is_set():
        screen.note(f"Dynamics: {given.dynamics_url()} as {where} has it")
    else:
        waits.append(keeper.start(stack.standin(options.data, empty=options.empty), timeout=STANDIN_SECONDS))
    for wait in waits:
        wait()
    return azurite


def settings_of(options: argparse.Namespace, given: Given, azurite: Azurite | None) -> Settings:
    storage = azurite.connection_string(stack.ACCOUNT) if azurite else None
    dynamics = {} if given.where_dynamics_is_set() else stack.standin_settings(options.data)
    return given.with_started(storage, dynamics)


def settings_file_for(data: Path) -> Path:
    """Gives the file where the tools look by default, or one in --data."""
    return (DATA.parent if data == DATA else data) / "settings.json"


def start_host(keeper: Keeper, options: argparse.Namespace, settings: Settings, screen: Screen) -> str:
    arguments = ["--app", str(options.app), "--port", str(options.port)]
    arguments += ["--enable-auth"] if options.enable_auth else []
    arguments += ["--lease", str(options.lease)] if options.lease else []
    environment = THREADS | dict(settings.process)
    reach_this_machine_directly(environment)
    part = stack.functions_host(options.data, arguments, environment, screen)
    keeper.start(part, timeout=HOST_SECONDS, endless=True, meaning=stack.meaning_of_host_exit)()
    return part.address


def start_console(
    keeper: Keeper, options: argparse.Namespace, settings: Settings, screen: Screen, host_url: str
) -> str:
    """`host_url`: where its test leads go."""
    environment = {**os.environ, **settings.process, **({"LEADPIPE_URL": host_url} if host_url else {})}
    reach_this_machine_directly(environment)
    part = stack.console(options.data, environment, screen)
    keeper.start(part, timeout=CONSOLE_SECONDS)()
    return part.address


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    option = parser.add_argument
    option("--port", type=int, default=DEFAULT_PORT, help="of the functions (%(default)s)")
    option("--no-sample", action="store_true", help="send no test lead")
    option(
        "--empty", action="store_true", help="Dynamics without application user and role: try `leadpipe setup` on it"
    )
    option("--data", type=Path, default=DATA, metavar="DIR", help="what is kept, for its owner alone (.devkit/data)")
    option("--app", type=Path, default=ROOT, metavar="DIR", help="folder of the function app (this one)")
    option("--no-host", action="store_true", help="everything but the functions, for `func start`")
    option("--no-console", action="store_true", help="everything but the operators' pages")
    option("--enable-auth", action="store_true", help="ask for function keys, as Azure does")
    option("--lease", type=float, metavar="SECONDS", help="how long a message taken by a dead host stays hidden (600)")
    options = parser.parse_args(arguments)
    options.data, options.app = options.data.resolve(), options.app.resolve()
    return options


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
