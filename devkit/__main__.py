"""`python3 -m devkit run|check|test|chaos`: the commands of the README, started by whatever Python is on the machine.

Everything here runs on Python 3.6 as well, so that an old Python gets a sentence to act on and no SyntaxError.
"""

import os
import shutil
import subprocess
import sys

COMMANDS = {"run": "devkit.run", "check": "devkit.check", "test": "devkit.test", "chaos": "devkit.chaos"}
NEEDED = (3, 11)
NEWER = ("python3.13", "python3.12", "python3.11")


def main() -> int:
    arguments = sys.argv[1:]
    if sys.version_info[:2] < NEEDED:
        return hand_over(arguments)
    if not arguments or arguments[0] not in COMMANDS:
        print("usage: python3 -m devkit run|check|test|chaos [options]   (run --help lists its own)", file=sys.stderr)
        return 2
    from devkit import bootstrap

    try:
        python = prepare(arguments)
    except bootstrap.BootstrapError as reason:
        print(f"devkit: {reason}", file=sys.stderr)
        return reason.exit_code
    except KeyboardInterrupt:
        print("\ndevkit: stopped; the next start goes on from here", file=sys.stderr)
        return 130
    return replace_this_process([python, "-m", COMMANDS[arguments[0]], *arguments[1:]])


def prepare(arguments: "list[str]") -> str:
    """Gives the Python to go on with. What `test` needs besides installs at the same time, and ends if this fails."""
    from devkit import bootstrap, python313

    ahead = python313.install_ahead(os.environ) if arguments == ["test"] else None
    try:
        return bootstrap.prepare(arguments[0])
    except BaseException:
        if ahead:
            ahead.terminate()
        raise


def hand_over(arguments: "list[str]") -> int:
    """Continues in a newer Python if there is one; this one is too old for the rest of devkit."""
    old = "Python {}.{}".format(*sys.version_info[:2])
    for name in NEWER:
        path = shutil.which(name)
        if path and is_new_enough(path):
            print(f"devkit: {old} is too old; going on with {path}", file=sys.stderr)
            return replace_this_process([path, "-m", "devkit", *arguments])
    print(
        f"devkit: {old} is too old: install Python 3.11 or newer, or name one: make run PYTHON=/path/to/python3",
        file=sys.stderr,
    )
    return 1


def is_new_enough(path: str) -> bool:
    """Runs the Python to see its version: version managers leave stubs on PATH that only print an error."""
    question = f"import sys; sys.exit(sys.version_info[:2] < {NEEDED!r})"
    try:
        return subprocess.call([path, "-c", question], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def replace_this_process(command: "list[str]") -> int:
    if os.name != "nt":
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606  the program is this project's own Python, without a shell
    # On Windows execv returns to the prompt at once, so this process waits. Ctrl-C is for the child.
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main())
