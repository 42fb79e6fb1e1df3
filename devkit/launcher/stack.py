"""Defines the parts that `make run` starts: the app's host, and those beside it."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from devkit.azurite import Azurite
from devkit.launcher.part import Part, describe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from devkit.launcher.screen import Screen

ACCOUNT = "leadpipe"
ANOTHER_BROWSER = "for another browser"
HOST_EXITS = {0: "exit code 0, its log says why"}


def azurite(data: Path, screen: Screen) -> Azurite:
    return Azurite(data=data / "azurite", accounts=[ACCOUNT], log=log(data, "azurite"), say=screen.note)


def standin(data: Path, *, empty: bool = False) -> Part:
    """`empty`: leadpipe is not set up in it yet."""

    def command() -> list[str]:
        # A restart keeps the address, which is in the functions' settings.
        port = part.address.rpartition(":")[2] or "0"
        arguments = ["--port", port, "--data", str(data / "standin"), *(["--empty"] if empty else [])]
        return [sys.executable, "-m", "devkit.standin", *arguments]

    part = Part("stand-in", command, log=log(data, "standin"), environment=os.environ)
    return part


def standin_settings(data: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((data / "standin" / "settings.json").read_text(encoding="utf-8"))
    return found


def functions_host(data: Path, arguments: list[str], environment: Mapping[str, str], screen: Screen) -> Part:
    command = [sys.executable, "-m", "devkit.functions_host", *arguments, "--data", str(data / "host")]
    part = Part("functions host", lambda: command, log=log(data, "functions-host"), environment=environment)
    part.on_line = screen.host_lines()
    return part


def console(data: Path, environment: Mapping[str, str], screen: Screen) -> Part:
    """The operators' pages, on a free port. Each address that lets a browser in works once; the next one is shown."""
    command = [sys.executable, "-m", "leadpipe", "console", "--no-browser", "--port", "0"]
    part = Part("console", lambda: command, log=log(data, "console"), environment=environment)
    part.on_line = lambda line: screen.note(f"console, {line}") if line.startswith(ANOTHER_BROWSER) else None
    return part


def meaning_of_host_exit(code: int) -> str:
    return HOST_EXITS.get(code, describe(code))


def log(data: Path, name: str) -> Path:
    return data / "logs" / f"{name}.log"
