"""A run starts its functions again whatever their exit code, and counts the ends by the reason in their log."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from devkit.chaos.options import parse
from devkit.chaos.run import Chaos
from devkit.launcher.screen import Screen

if TYPE_CHECKING:
    from devkit.launcher.part import Part

CRITICAL = "[2026-11-26T05:46:25.191Z] CRITICAL Host: An unhandled exception has occurred. Host is shutting down."
REASON = CRITICAL.partition(": ")[2]


class StartedPart:
    starts = 0
    struck = 0

    def start(self) -> None:
        self.starts += 1

    def strike(self) -> None:
        self.struck += 1


@pytest.fixture
def host() -> StartedPart:
    return StartedPart()


@pytest.fixture
def chaos(tmp_path: Path, host: StartedPart) -> Chaos:
    made = Chaos(parse([]), tmp_path, Screen())
    made._host = cast("Part", host)
    return made


@pytest.mark.parametrize(("code", "meaning"), [(0, "exit code 0, its log says why"), (137, "signal 9")])
def test_functions_that_end_are_started_again_whatever_their_code(
    chaos: Chaos, host: StartedPart, code: int, meaning: str
) -> None:
    chaos._start_again(code)
    assert host.starts == 1
    assert chaos.host_ends == {meaning: 1}


def test_an_end_counts_under_the_critical_line_before_it_and_the_next_does_not(chaos: Chaos) -> None:
    chaos._keep_if_critical(CRITICAL)
    chaos._keep_if_critical("[2026-11-26T05:46:25.191Z] INFO Host: Host stopped.")
    chaos._start_again(0)
    chaos._start_again(0)
    assert chaos.host_ends == {REASON: 1, "exit code 0, its log says why": 1}


def test_a_kill_by_the_run_leaves_the_start_to_the_end_that_follows(chaos: Chaos, host: StartedPart) -> None:
    chaos._kill()
    assert (host.struck, host.starts) == (1, 0)
    chaos._start_again(137)
    assert (host.starts, chaos.host_ends) == (1, {"signal 9": 1})
