"""Measures what a command uses: time, processor time and memory.

`bench/measurer.py` is a process of its own between the benchmark and the command: the kernel counts the memory of the
process that starts another one as the other's, and the benchmark holds a lot.
"""

import json
import subprocess
import sys
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
            [sys.executable, "-m", "bench.measurer", *command],
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
