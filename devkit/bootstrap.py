"""Makes `.venv/` and installs what a command needs, so that a fresh clone needs only a Python.

Uses the standard library only, since it runs before anything is installed. A stamp, written last, says what is
installed: with it a start costs nothing; without it `.venv` is incomplete or not ours, and is made again.
"""

import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from devkit.launcher.lock import FileLock

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = {
    "run": ("ops", "devkit"),
    "check": ("ops", "devkit", "dev"),
    "test": ("ops", "devkit", "dev"),
    "chaos": ("ops", "devkit"),
}
NO_NETWORK = (
    "Failed to establish a new connection",
    "Name or service not known",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "nodename nor servname",
    "getaddrinfo failed",
    "ProxyError",
    "Connection refused",
    "timed out",
    "CERTIFICATE_VERIFY_FAILED",
)
DISK_FULL = "the disk is full: make room, then run again"


class BootstrapError(Exception):
    """`.venv` cannot be made; the text says why and what to do, in one line if the cause is known."""

    exit_code = 1


class LinkedVenvError(BootstrapError):
    """`.venv` leads to another folder, which making it anew would empty."""

    exit_code = 2


def prepare(command: str, root: Path = ROOT, folder: str = ".venv") -> str:
    """Installs what is missing into `folder`, one process at a time, and gives the Python to run `command` with.

    Two folders may be installed into side by side.
    """
    venv = root / folder
    try:
        if not is_ready(venv, command, root):
            with FileLock(lock_of(venv), while_waiting=partial(_say_waiting, venv), shared_with_children=True):
                if not is_ready(venv, command, root):
                    install(venv, command, root)
    except OSError as error:
        raise BootstrapError(explain(error, root)) from error
    return str(python_of(venv))


def install(venv: Path, command: str, root: Path) -> None:
    started = time.monotonic()
    log = root / ".devkit" / "logs" / f"{venv.name.lstrip('.')}-install.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    before = read_stamp(venv)
    if before and before["python"] == fingerprint(root)["python"] and before["root"] == str(root) and works(venv):
        print(f"installing into {venv.name} what {command} needs", flush=True)
        stamp_of(venv).unlink()
    else:
        require_own_folder(venv)
        print(f"first run: installing into {venv.name}, about a minute", flush=True)
        make_venv(venv, log)
    # First what is deployed, in those versions, which the rest then uses.
    locked = ["--require-hashes", "--requirement", root / "requirements.txt"]
    own = ["--editable", f"{root}[{','.join(EXTRAS[command])}]"]
    for what in (locked, own):
        if call([python_of(venv), "-m", "pip", "install", "--retries", "2", *what], log):
            raise BootstrapError(reason_in(log, "pip could not install what is needed"))
    write_stamp(venv, command, root)
    print(f"{venv.name} is ready after {time.monotonic() - started:.0f} s", flush=True)


def require_own_folder(venv: Path) -> None:
    leads_to = venv.resolve()
    if leads_to != venv.parent.resolve() / venv.name:
        raise LinkedVenvError(
            f"{venv} is a link to {leads_to}, which was not made for this clone, and making it anew would empty it: "
            "remove the link (not the folder), then run again"
        )


def make_venv(venv: Path, log: Path) -> None:
    # An interpreter inside .venv cannot replace .venv; the one that made it can.
    base = getattr(sys, "_base_executable", None) or sys.executable
    if call([base, "-c", "import venv, ensurepip"], log):
        version = "{}.{}".format(*sys.version_info[:2])
        raise BootstrapError(
            f"this Python cannot make a venv: apt-get install python{version}-venv (Debian, Ubuntu), then run again"
        )
    if call([base, "-m", "venv", "--clear", venv], log):
        raise BootstrapError(reason_in(log, f"python -m venv could not make {venv.name}"))


def call(command: list[str | Path], log: Path) -> int:
    # With inherited descriptors the child holds the install lock too: if this process is killed, a second
    # start waits until pip has really ended instead of interfering with it.
    with log.open("a", encoding="utf-8") as output:
        return subprocess.call(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, close_fds=False
        )


def reason_in(log: Path, what: str) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    if "No space left on device" in text:
        return DISK_FULL
    if "Permission denied" in text:
        return f"{what}: permission denied (details: {log})"
    if any(sign in text for sign in NO_NETWORK):
        return (
            "the Python package index cannot be reached: connect this machine, or set HTTPS_PROXY or PIP_INDEX_URL, "
            f"then run again (details: {log})"
        )
    tail = "\n".join("  " + line for line in text.splitlines()[-15:])
    return f"{what}; the end of {log}:\n{tail}"


def explain(error: OSError, root: Path) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DISK_FULL
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{error.filename or root} cannot be written: use a clone in a folder of your own"
    return str(error)


def is_ready(venv: Path, command: str, root: Path) -> bool:
    stamp, wanted = read_stamp(venv), fingerprint(root)
    return (
        stamp is not None
        and {key: stamp[key] for key in wanted} == wanted
        and set(EXTRAS[command]) <= set(stamp["extras"])
        and python_of(venv).exists()
    )


def works(venv: Path) -> bool:
    try:
        return subprocess.call([python_of(venv), "-c", "import pip"], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def fingerprint(root: Path) -> dict[str, str]:
    """Hashes what an installation depends on. The scripts in .venv contain the folder's absolute path."""
    inputs = b"\0".join((root / name).read_bytes() for name in ("pyproject.toml", "requirements.txt"))
    return {
        "inputs": hashlib.sha256(inputs).hexdigest(),
        "python": "{}.{}".format(*sys.version_info[:2]),
        "root": str(root),
    }


def lock_of(venv: Path) -> Path:
    return venv.parent / ".devkit" / f"{venv.name.lstrip('.')}.lock"


def stamp_of(venv: Path) -> Path:
    return venv / "devkit-stamp.json"


def read_stamp(venv: Path) -> dict[str, Any] | None:
    try:
        stamp = json.loads(stamp_of(venv).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) and stamp.keys() >= {"inputs", "python", "root", "extras"} else None


def write_stamp(venv: Path, command: str, root: Path) -> None:
    new = stamp_of(venv).with_suffix(".new")
    new.write_text(json.dumps({**fingerprint(root), "extras": EXTRAS[command]}), encoding="utf-8")
    new.replace(stamp_of(venv))


def python_of(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _say_waiting(venv: Path) -> None:
    print(f"another start is installing into {venv.name}: waiting for it", flush=True)
