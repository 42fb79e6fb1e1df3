"""Azurite alone: `python -m devkit.azurite [--data DIR | --memory] [--blob-port N …] [--accounts N]`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.azurite.install import InstallError
from devkit.azurite.server import Azurite
from devkit.bootstrap import ROOT
from devkit.launcher.part import PartError, describe

if TYPE_CHECKING:
    from types import FrameType


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    signal.signal(signal.SIGTERM, interrupt)
    azurite = Azurite(
        data=None if options.memory else options.data,
        accounts=account_names(options.accounts),
        ports=(options.blob_port, options.queue_port, options.table_port),
        log=ROOT / ".devkit" / "logs" / "azurite.log",
        say=lambda text: print(text, file=sys.stderr),
    )
    try:
        with azurite:
            print(f"listening {azurite.part.address}", flush=True)
            for name in account_names(options.accounts)[:1]:
                print(f"account {name}: {azurite.connection_string(name)}", file=sys.stderr)
            code = azurite.part.wait()
    except KeyboardInterrupt:
        return 0
    except (InstallError, PartError) as reason:
        print(f"azurite: {reason}", file=sys.stderr)
        return 1
    print(f"azurite: ended with {describe(code)}", file=sys.stderr)
    return 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devkit.azurite", description="Microsoft's storage emulator.")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--data", type=Path, default=ROOT / ".devkit" / "azurite", metavar="DIR", help="%(default)s")
    where.add_argument("--memory", action="store_true", help="keep nothing on disk")
    for number, service in enumerate(("blob", "queue", "table"), start=10000):
        parser.add_argument(f"--{service}-port", type=int, default=number, help="%(default)s; 0 is any free one")
    parser.add_argument("--accounts", type=int, default=1, metavar="N", help="storage accounts (%(default)s)")
    return parser.parse_args(arguments)


def account_names(count: int) -> list[str]:
    """leadpipe, leadpipe2, leadpipe3 …"""
    return ["leadpipe", *(f"leadpipe{number}" for number in range(2, count + 1))]


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
