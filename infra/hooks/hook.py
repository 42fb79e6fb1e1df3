"""What the hooks of `azd` share: values of the environment, other programs, waiting, and how a hook ends.

azd hands a hook the values of its environment as variables, those that the template gave out too. No hook prints a
secret: programs that answer with one are asked with their output captured, and it is handed on by the environment.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON = (3, 11)
WAIT_SETTING = "LEADPIPE_DEPLOY_WAIT"
_WAIT_SECONDS = 600.0
_LONGEST_PAUSE = 10.0
_SHOWN_EVERY = 60.0
_LONGEST_ANSWER = 300


class Stop(Exception):
    """The hook cannot go on; the text says why, and what to do before it is run again."""


class Refused(Exception):
    """A program ended with an error. `complaint` is all that it wrote to stderr, the text its beginning."""

    def __init__(self, complaint: str) -> None:
        super().__init__(" ".join(complaint.removeprefix("ERROR:").split())[:_LONGEST_ANSWER])
        self.complaint = complaint


def run(name: str, steps: Callable[[], None]) -> NoReturn:
    """Runs the hook and ends the process: 0 done, 1 stopped, 130 by Ctrl-C."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # a pipe on Windows has another one, without ✓
    try:
        require_python()
        steps()
    except Stop as stop:
        say(f"✗ {stop}")
        say(f"{name}: stopped. What is done stays done: `azd hooks run {name}`, or `azd up`, goes on from there")
        sys.exit(1)
    except KeyboardInterrupt:
        say(f"{name}: stopped by Ctrl-C; what is done stays done")
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - a traceback could quote what a program answered
        say(f"✗ {name}: {type(error).__name__} at {_where(error)}: a program answers in another form than it did")
        sys.exit(1)
    sys.exit(0)


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a hook speaks to a terminal


def require_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        raise Stop(f"this is Python {sys.version.split()[0]}: leadpipe's commands need 3.11 or newer")


def value(name: str) -> str:
    """A value that the template gave out."""
    found = os.environ.get(name, "").strip()
    if not found:
        raise Stop(f"azd's environment has no {name}: run `azd provision` first")
    return found


def ask(program: str, *arguments: str) -> str:
    """What another program answers. Raises Refused with its complaint, and Stop if it is not there."""
    found = shutil.which(program)  # on Windows it is az.cmd
    if found is None:
        raise Stop(
            f"{program} is not installed, or not on the PATH: docs/setup.md, section Azure, says where it is from"
        )
    done = subprocess.run([found, *arguments], capture_output=True, encoding="utf-8", errors="replace", check=False)  # noqa: S603
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def az(*arguments: str) -> Any:
    """The Azure CLI's answer, in the subscription of azd's environment. Raises Refused."""
    chosen = os.environ.get("AZURE_SUBSCRIPTION_ID", "").strip()
    subscription = ("--subscription", chosen) if chosen else ()
    answer = ask("az", *arguments, *subscription, "--output", "json")
    try:
        return json.loads(answer) if answer.strip() else None
    except ValueError:
        raise Refused("its answer is not JSON") from None  # which could quote a secret


def az_or_stop(what: str, *arguments: str) -> Any:
    try:
        answer = az(*arguments)
    except Refused as refused:
        raise Stop(f"{what}: the Azure CLI says: {refused}") from refused
    if answer is None:
        raise Stop(f"{what}: the Azure CLI answers nothing")
    return answer


def keep(name: str, text: str) -> None:
    """Keeps a value in azd's environment, so that no later run asks for it."""
    try:
        ask("azd", "env", "set", name, text, "--cwd", str(ROOT))
    except Refused as refused:
        raise Stop(f"azd could not keep {name}: {refused}") from refused
    os.environ[name] = text


def is_interactive() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and not os.environ.get("CI")


def longest_wait() -> float:
    try:
        return float(os.environ.get(WAIT_SETTING) or _WAIT_SECONDS)
    except ValueError:
        raise Stop(f"{WAIT_SETTING} is not a number of seconds") from None


def wait_until(why_not: Callable[[], str], what: str) -> None:
    """Waits until `why_not` has nothing to say. Shows what it says when that changes, and once a minute.

    Raises Stop in the end.
    """
    started, pause, shown, shown_at = time.monotonic(), 1.0, "", 0.0
    longest = longest_wait()
    while reason := why_not():
        waited = time.monotonic() - started
        if waited >= longest:
            raise Stop(f"{what}: still not so after {waited:.0f} s ({reason}); {WAIT_SETTING} sets how long to wait")
        if reason != shown or waited - shown_at >= _SHOWN_EVERY:
            passed = f"{waited:.0f} s have passed" if reason == shown else f"waiting for at most {longest:.0f} s"
            say(f"… {what}: {reason}; {passed}")
            shown, shown_at = reason, waited
        time.sleep(min(pause, longest - waited + 0.01))
        pause = min(pause * 2, _LONGEST_PAUSE)
    say(f"✓ {what}, after {time.monotonic() - started:.0f} s")


def leadpipe(*arguments: str, settings: Mapping[str, str]) -> int:
    """Runs one of leadpipe's commands with these settings and no others, and shows what it says; its exit code."""
    say(f"\n$ leadpipe {' '.join(arguments)}")
    return subprocess.call(_command(arguments), cwd=ROOT, env=_environment(settings))  # noqa: S603


def leadpipe_answer(*arguments: str, settings: Mapping[str, str]) -> tuple[str, str]:
    """What one of leadpipe's commands writes to stdout and to stderr, whatever its exit code."""
    done = subprocess.run(  # noqa: S603
        _command(arguments), cwd=ROOT, env=_environment(settings), capture_output=True, encoding="utf-8", check=False
    )
    return done.stdout, done.stderr


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "leadpipe", *arguments]


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    ours = ("AzureWebJobs", "DATAVERSE_", "LEADPIPE_")
    rest = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**rest, **settings, "PYTHONPATH": path, "PYTHONUTF8": "1"}


def _where(error: Exception) -> str:
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{Path(last.filename).name}:{last.lineno}"
