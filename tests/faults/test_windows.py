"""A run ends between any two writes, and nothing is lost, doubled or stuck: for real, on real storage."""

import pytest

from devkit.chaos.watch import Death
from devkit.chaos.windows import SITUATIONS, Window, flow_of, windows_of, writes_of
from tests.faults.rig import Rig
from tests.faults.scenes import SCENES, InHost, play

CASES = [(situation, window) for situation in SITUATIONS for window in windows_of(situation)]
# In the first situation that has it. A sweep or a command is a process of its own here, which no host outlives.
WINDOWS_OF_THE_WORKER = {
    window: situation for situation, window in reversed(CASES) if isinstance(SCENES[situation].act, InHost)
}


def test_every_situation_has_a_scene() -> None:
    assert SCENES.keys() == SITUATIONS.keys()


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_crash_windows_are_the_gaps_between_the_writes_that_really_happen(rig: Rig, situation: str) -> None:
    play(situation, rig)
    assert writes_of(situation) in rig.chains(flow_of(situation))


@pytest.mark.parametrize(("situation", "window"), CASES, ids=str)
def test_a_death_in_a_crash_window_loses_doubles_and_leaves_nothing(rig: Rig, situation: str, window: Window) -> None:
    play(situation, rig, window)
    assert rig.died(window)


@pytest.mark.parametrize("death", [Death.WORKER, pytest.param(Death.TIMEOUT, marks=pytest.mark.waits)])
@pytest.mark.parametrize("window", WINDOWS_OF_THE_WORKER, ids=str)
def test_a_dead_worker_or_a_time_out_in_a_crash_window_loses_nothing(rig: Rig, window: Window, death: Death) -> None:
    play(WINDOWS_OF_THE_WORKER[window], rig, window, by=death)
    assert rig.died(window, death)
