"""The second Python of `make test`: Microsoft's own Python worker needs 3.13, which is also the newest that Azure has.

`find` looks for one. Started by that one, this module installs what is needed into `.venv-3.13` and runs there the
tests that need it, and those whose subject a newer Python could change; with the word `install` it only installs. Until
then it uses the standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

VERSION = (3, 13)
VENV = ".venv-3.13"
NEEDS_IT = ("tests/integration/runtime", "tests/alerts/test_open_telemetry.py")
ONE_LEAD = "tests/integration/app/test_one_lead.py"
# What reads and writes texts, JSON, times and settings; the functions; and one lead's whole way.
COULD_DIFFER = (
    *(f"tests/unit/model/test_{part}.py" for part in ("envelope", "lead", "lead_id", "log_line", "posted", "record")),
    *(f"tests/unit/model/test_{part}.py" for part in ("schedule", "settings", "source", "text", "unread")),
    "tests/unit/test_function_app.py",
    f"{ONE_LEAD}::test_each_documented_lead_is_found_in_dynamics_with_the_columns_of_the_default_mapping",
)
HOW_TO_GET_IT = (
    "install it (`pyenv install 3.13`, `uv python install 3.13`, or python3.13 with python3.13-venv from your system), "
    "or name one: make test PYTHON313=/path/to/python3.13"
)
QUESTION = "import sys, ensurepip, venv; print(*sys.version_info[:2])"
PATIENCE = 30


def is_this_one() -> bool:
    """Whether the tests for it run anyhow, because this Python is as new."""
    return sys.version_info[:2] >= VERSION


def find(environment: Mapping[str, str]) -> str | None:
    """The first that is a 3.13 and can make a virtual environment. If PYTHON313 names one, it alone is tried."""
    named = environment.get("PYTHON313")
    return next(filter(is_wanted, [named] if named else places(environment)), None)


def places(environment: Mapping[str, str]) -> Iterator[str]:
    """Where a Python 3.13 can be. A name on the PATH can be a stub of pyenv's for a version that is not chosen."""
    if on_path := shutil.which("python3.13", path=environment.get("PATH")):
        yield on_path
    pyenv = Path(environment.get("PYENV_ROOT") or Path.home() / ".pyenv")
    # Pyenv's versions stand side by side, so this Python may be a neighbour.
    for versions in (pyenv / "versions", Path(sys.base_prefix).parent):
        for version in sorted(versions.glob("3.13*"), reverse=True):
            yield str(bootstrap.python_of(version) if os.name != "nt" else version / "python.exe")
    for command in (["uv", "python", "find", "3.13"], ["py", "-3.13", "-c", "import sys; print(sys.executable)"]):
        if (program := shutil.which(command[0], path=environment.get("PATH"))) and (
            said := answer([program, *command[1:]])
        ):
            yield said


def why_there_is_none(environment: Mapping[str, str]) -> str:
    if named := environment.get("PYTHON313"):
        return f"PYTHON313={named} is no Python 3.13 that can make a virtual environment"
    return f"there is no Python 3.13: {HOW_TO_GET_IT}"


def is_wanted(python: str) -> bool:
    return answer([python, "-c", QUESTION]) == "{} {}".format(*VERSION)


def answer(command: list[str]) -> str:
    """What a command prints; nothing where it fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def install_ahead(environment: MutableMapping[str, str]) -> subprocess.Popen[bytes] | None:
    """Has the second Python, if there is one, install beside the first: pip uses one core only.

    Nobody need wait for it: `prepare` waits for the lock when the tests' turn comes, and says what went wrong.
    """
    second = None if is_this_one() else find(environment)
    if second is None:
        return None
    environment["PYTHON313"] = second
    command = [second, "-m", "devkit.python313", "install"]
    return subprocess.Popen(command, cwd=bootstrap.ROOT, stdin=subprocess.DEVNULL)


def main() -> int:
    """Installs what the tests need, and hands over to the Python that has it."""
    if sys.argv[1:] == ["tests"]:
        return run_tests()
    ahead = sys.argv[1:] == ["install"]
    try:
        python = bootstrap.prepare("test", folder=VENV)
    except bootstrap.BootstrapError as reason:
        if not ahead:
            print(f"devkit: {reason}", file=sys.stderr)
        return reason.exit_code
    if ahead:
        return 0
    return subprocess.call([python, "-m", "devkit.python313", "tests"], cwd=bootstrap.ROOT)


def run_tests() -> int:
    from devkit.azurite.install import InstallError, ensure_azurite

    try:
        # Where the machine has no Node, each virtual environment gets one of its own.
        ensure_azurite(print)
    except InstallError as reason:
        print(f"devkit: {reason}", file=sys.stderr)
        return 1
    options = ["-q", "-n", "2", "--dist", "worksteal", "-m", "not slow"]
    return subprocess.call([sys.executable, "-m", "pytest", *options, *NEEDS_IT, *COULD_DIFFER], cwd=bootstrap.ROOT)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
