"""Holds one program on a leash, so that it never outlives the launcher: `python -m … SECONDS PROGRAM ARGUMENT…`.

Standard input is the leash: the launcher holds the other end of the pipe and writes nothing. When that end
closes, on purpose or because the launcher was killed, the program and all that it started are ended, gently first. A
pipe works on Linux, macOS and Windows, and reaches grandchildren; Linux' PR_SET_PDEATHSIG does neither.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main(grace: float, command: list[str]) -> int:
    # Signals to the group are for the program. Its exec resets handlers, but not ignored signals.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=end_when_let_go, args=(program, grace), daemon=True).start()
    return exit_status(program.wait())


def end_when_let_go(program: subprocess.Popen[bytes], grace: float) -> None:
    os.read(sys.stdin.fileno(), 1)
    terminate(program)
    try:
        program.wait(grace)
    finally:
        kill_group(program)


def terminate(program: subprocess.Popen[bytes]) -> None:
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGTERM)
    else:
        program.terminate()


def kill_group(program: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        subprocess.call(["taskkill", "/F", "/T", "/PID", str(program.pid)], stderr=subprocess.DEVNULL)
    elif os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    else:
        program.kill()


def exit_status(code: int) -> int:
    """Gives the exit status; for a signal it is 128 + its number, as in a shell."""
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
