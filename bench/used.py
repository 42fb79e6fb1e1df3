"""Measures what a command uses: time, processor time and memory.

Run as a process of its own, between the benchmark and the command: the kernel counts the memory of the process that
starts another one as the other's, and the benchmark holds a lot.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.app import ROOT, BenchError


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """`megabytes`: the largest resident memory. `processor_seconds` depend less on how busy the machine is."""

    seconds: float
    processor_seconds: float
    megabytes: float


def used_by(command: Sequence[str], *, environment: Mapping[str, str], output: Path) -> tuple[Used, int]:
    """Runs the command and gives what it used, and its exit code. `output` gets all that it prints."""
    with output.open("w") as printed:
        measurer = subprocess.run(
            [sys.executable, "-m", "bench.used", *command],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=printed,
            check=False,
        )
    if measurer.returncode != 0:
        raise BenchError(f"{command} could not be measured:\n{output.read_text()[-2000:]}")
    found = json.loads(measurer.stdout)
    return Used(**found["used"]), found["code"]


def main() -> None:
    begun = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    used = {
        "seconds": time.monotonic() - begun,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "megabytes": usage.ru_maxrss / 1024,
    }
    json.dump({"used": used, "code": process.returncode}, sys.stdout)


if __name__ == "__main__":
    main()
