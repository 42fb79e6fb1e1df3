"""Installs Azurite from npm into `.devkit/node_modules`, exactly as in the `package-lock.json` beside this file.

Azurite 3.35.0, not a newer one: it also runs on Node 20, the oldest in use, is half as large, and starts in one
second; 3.37.0 takes two and a half. Both gave the same answers on tables and queues with the SDKs of
requirements.txt.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.azurite.node import Node, NodeError, find_node
from devkit.bootstrap import DISK_FULL, ROOT
from devkit.launcher.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retry-maxtimeout=10000")
NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "ERR_SOCKET_TIMEOUT")


class InstallError(Exception):
    """Azurite could not be installed; says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    node: str
    script: str


def ensure_azurite(say: Callable[[str], None], home: Path = ROOT / ".devkit") -> Installed:
    """Installs Azurite if needed; otherwise reads two files. One process installs, others wait."""
    ready = installed(home)
    if ready:
        return ready
    lock = FileLock(
        home / "azurite.lock",
        while_waiting=lambda: say("another start is installing Azurite: waiting for it"),
        shared_with_children=True,
    )
    try:
        with lock:
            return installed(home) or install(say, home)
    except (NodeError, OSError) as error:
        raise InstallError(str(error)) from error


def installed(home: Path) -> Installed | None:
    try:
        stamp = json.loads(stamp_of(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if stamp.get("lock") != lock_digest() or not Path(stamp["node"]).exists():
        return None
    return Installed(node=stamp["node"], script=str(script_of(home)))


def install(say: Callable[[str], None], home: Path) -> Installed:
    started = time.monotonic()
    node = find_node(say)
    say("first run: installing Azurite into .devkit, about half a minute")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, home / name)
    npm_ci(node, home)
    # npm ci empties node_modules first, so the stamp is only in a complete one.
    new = stamp_of(home).with_suffix(".new")
    new.write_text(json.dumps({"lock": lock_digest(), "node": node.node}), encoding="utf-8")
    new.replace(stamp_of(home))
    say(f"installed in {time.monotonic() - started:.0f} s")
    return Installed(node=node.node, script=str(script_of(home)))


def npm_ci(node: Node, home: Path) -> None:
    log = home / "logs" / "azurite-install.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        code = subprocess.call(
            [*node.npm, "ci", *NPM_OPTIONS],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # The child holds the install lock too: see devkit.bootstrap.call.
            close_fds=False,
        )
    if code:
        raise InstallError(reason_in(log))


def reason_in(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    if "ENOSPC" in text:
        return DISK_FULL
    if any(sign in text for sign in NO_NETWORK):
        return (
            "the npm registry cannot be reached: connect this machine, or set HTTPS_PROXY or npm_config_registry, "
            f"then run again (details: {log})"
        )
    tail = "\n".join("  " + line for line in text.splitlines()[-15:])
    return f"npm could not install Azurite; the end of {log}:\n{tail}"


def lock_digest() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


def stamp_of(home: Path) -> Path:
    return home / "node_modules" / "devkit-stamp.json"


def script_of(home: Path) -> Path:
    return home / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
