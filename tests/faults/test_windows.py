"""A process dies between any two writes, and nothing is lost, doubled or stuck: for real, on real storage."""

import pytest

from devkit.chaos.windows import SITUATIONS, Window, flow_of, windows_of, writes_of
from tests.faults.rig import Rig
from tests.faults.scenes import SCENES, play

CASES = [(situation, window) for situation in SITUATIONS for window in windows_of(situation)]


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
