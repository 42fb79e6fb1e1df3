"""A Python that is too old says so in one line, or hands over to one that is not."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
AS_PYTHON_3_8 = """
import runpy, sys
sys.version_info = (3, 8, 18, "final", 0)
sys.argv = ["devkit", "run", "--port", "23456"]
runpy.run_module("devkit", run_name="__main__", alter_sys=True)
"""


def start_as_python_3_8(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", AS_PYTHON_3_8],
        cwd=ROOT,
        env={**os.environ, "PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def put_program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("module", ["__init__.py", "__main__.py", "bootstrap.py"])
def test_what_an_old_python_reads_parses_on_python_3_6(module: str) -> None:
    ast.parse((ROOT / "devkit" / module).read_text(), feature_version=(3, 6))


def test_an_old_python_alone_gets_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    ended = start_as_python_3_8(tmp_path)

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "devkit: Python 3.8 is too old: install Python 3.11 or newer, or name one: make run PYTHON=/path/to/python3"
    ]


def test_an_old_python_hands_over_to_a_newer_one_and_says_so(tmp_path: Path) -> None:
    put_program(tmp_path, "python3.12", 'if [ "$1" = -c ]; then exit 0; fi; echo "12 got $*"')

    ended = start_as_python_3_8(tmp_path)

    assert ended.returncode == 0
    assert ended.stdout == "12 got -m devkit run --port 23456\n"
    assert ended.stderr == f"devkit: Python 3.8 is too old; going on with {tmp_path}/python3.12\n"


def test_a_name_on_the_path_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    put_program(tmp_path, "python3.13", "echo 'no such version is installed' >&2; exit 127")
    put_program(tmp_path, "python3.11", 'if [ "$1" = -c ]; then exit 0; fi; echo 11')

    assert start_as_python_3_8(tmp_path).stdout == "11\n"


def test_an_unknown_command_is_a_usage_error() -> None:
    ended = subprocess.run([sys.executable, "-m", "devkit", "walk"], cwd=ROOT, capture_output=True, check=False)

    assert ended.returncode == 2
    assert ended.stderr.startswith(b"usage: ")
