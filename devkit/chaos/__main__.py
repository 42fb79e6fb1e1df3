"""`make chaos`: leads through kills, outages and lost replies, and a count of what became of every one of them."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from devkit.azurite.install import InstallError
from devkit.chaos.options import parse
from devkit.chaos.report import report
from devkit.chaos.run import Chaos
from devkit.launcher.part import PartError
from devkit.launcher.screen import Screen

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import FrameType


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    screen = Screen(Console(stderr=True, highlight=False, soft_wrap=True))
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)
    started = time.monotonic()
    screen.heading(f"seed {options.seed}: {options.leads} leads at {options.pace:g} a second")
    screen.note(f"lease {options.lease:g} s instead of Azure's 600; LEADPIPE_FALLBACK_AFTER={options.fallback_after}s")
    screen.note(
        f"waits between tries divided by {options.hurry:g}; every other sweep by a clock 20 minutes or more ahead"
    )
    folder = Path(tempfile.mkdtemp(prefix="leadpipe-chaos-"))
    screen.note(f"logs in {folder}")
    code = run(options, folder, screen, started)
    tidy(folder, code, screen)
    return code


def run(options: argparse.Namespace, folder: Path, screen: Screen, started: float) -> int:
    try:
        with Chaos(options, folder, screen) as chaos:
            chaos.load()
            in_time = chaos.come_to_rest(started + 60 * options.minutes)
            return report(chaos, in_time=in_time, seconds=time.monotonic() - started)
    except KeyboardInterrupt:
        screen.note("stopped")
        return 130
    except (InstallError, PartError) as reason:
        screen.fail(str(reason))
        return 1


def tidy(folder: Path, code: int, screen: Screen) -> None:
    """Removes the files of a run that went well, and keeps those of any other."""
    if code == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        screen.note(f"kept for a look: {folder}")


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
