"""Installs a package from npm into a folder under `.devkit/`, exactly as a `package-lock.json` of ours says."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.bootstrap import DISK_FULL
from devkit.launcher.lock import FileLock
from devkit.node import Node, NodeError, find_node

if TYPE_CHECKING:
    from collections.abc import Callable

NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retry-maxtimeout=10000")
NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "ERR_SOCKET_TIMEOUT")


class InstallError(Exception):
    """The package could not be installed; says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """`source` has `package.json` and `package-lock.json`; `entry` is what Node reads, under `node_modules`.

    `logs_name` names the install's lock and log. `lasts` says to a person how long it takes.
    """

    name: str
    logs_name: str
    source: Path
    entry: str
    lasts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    node: str
    script: str


def ensure(package: Package, say: Callable[[str], None], home: Path) -> Installed:
    """Installs the package into `home` if needed; otherwise reads two files. One process installs, others wait."""
    ready = installed(package, home)
    if ready:
        return ready
    lock = FileLock(
        home / f"{package.logs_name}.lock",
        while_waiting=lambda: say(f"another start is installing {package.name}: waiting for it"),
        shared_with_children=True,
    )
    try:
        with lock:
            return installed(package, home) or install(package, say, home)
    except (NodeError, OSError) as error:
        raise InstallError(str(error)) from error


def installed(package: Package, home: Path) -> Installed | None:
    try:
        stamp = json.loads(stamp_of(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if stamp.get("lock") != lock_digest(package) or not Path(stamp["node"]).exists():
        return None
    return Installed(node=stamp["node"], script=str(home / "node_modules" / package.entry))


def install(package: Package, say: Callable[[str], None], home: Path) -> Installed:
    started = time.monotonic()
    node = find_node(say)
    say(f"first run: installing {package.name} into .devkit, {package.lasts}")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(package.source / name, home / name)
    npm_ci(package, node, home)
    # npm ci empties node_modules first, so the stamp is only in a complete one.
    new = stamp_of(home).with_suffix(".new")
    new.write_text(json.dumps({"lock": lock_digest(package), "node": node.node}), encoding="utf-8")
    new.replace(stamp_of(home))
    say(f"{package.name} is ready after {time.monotonic() - started:.0f} s")
    return Installed(node=node.node, script=str(home / "node_modules" / package.entry))


def npm_ci(package: Package, node: Node, home: Path) -> None:
    log = home / "logs" / f"{package.logs_name}-install.log"
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
        raise InstallError(reason_in(package, log))


def reason_in(package: Package, log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    if "ENOSPC" in text:
        return DISK_FULL
    if any(sign in text for sign in NO_NETWORK):
        return (
            "the npm registry cannot be reached: connect this machine, or set HTTPS_PROXY or npm_config_registry, "
            f"then run again (details: {log})"
        )
    tail = "\n".join("  " + line for line in text.splitlines()[-15:])
    return f"npm could not install {package.name}; the end of {log}:\n{tail}"


def lock_digest(package: Package) -> str:
    return hashlib.sha256((package.source / "package-lock.json").read_bytes()).hexdigest()


def stamp_of(home: Path) -> Path:
    return home / "node_modules" / "devkit-stamp.json"
