"""What a run of `make chaos` leaves behind."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from devkit.chaos.__main__ import tidy
from devkit.launcher.screen import Screen


@pytest.mark.parametrize(("code", "is_left"), [(0, False), (1, True), (130, True)])
def test_only_a_run_that_went_well_leaves_nothing(tmp_path: Path, code: int, is_left: bool) -> None:
    folder = tmp_path / "chaos"
    (folder / "logs").mkdir(parents=True)
    said = io.StringIO()

    tidy(folder, code, Screen(Console(file=said, soft_wrap=True)))

    assert folder.exists() is is_left
    assert (str(folder) in said.getvalue()) is is_left
