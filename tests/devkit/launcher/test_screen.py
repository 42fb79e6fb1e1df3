"""The functions' log is shown quietly: what the app says, what anyone warns of, and nothing else."""

import io

import pytest
from rich.console import Console

from devkit.launcher.screen import Screen


@pytest.fixture
def screen() -> tuple[Screen, io.StringIO]:
    shown = io.StringIO()
    return Screen(Console(file=shown, width=80, soft_wrap=True, highlight=False)), shown


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["[2026-01-01T00:00:00.000Z] INFO Function.deliver.User: written lead_id=x"], "  deliver written lead_id=x\n"),
        (["[2026-01-01T00:00:00.000Z] INFO Function.deliver: Executing 'Functions.deliver'"], ""),
        (["[2026-01-01T00:00:00.000Z] WARNING Host.Triggers: storage is away"], "  host    storage is away\n"),
        (["Functions:", "  leads: [POST] http://127.0.0.1:7071/api/leads"], ""),
        (
            ["[2026-01-01T00:00:00.000Z] ERROR Function.deliver: failed", "Traceback (most recent call last):"],
            "  host    failed\n  Traceback (most recent call last):\n",
        ),
    ],
)
def test_a_line_of_the_host_is_shown_or_left_out(
    screen: tuple[Screen, io.StringIO], lines: list[str], expected: str
) -> None:
    show = screen[0].host_lines()

    for line in lines:
        show(line)

    assert screen[1].getvalue() == expected


def test_a_screen_that_is_no_terminal_gets_plain_text(screen: tuple[Screen, io.StringIO]) -> None:
    screen[0].done("Azurite", seconds=1.25)

    assert screen[1].getvalue() == "✓ Azurite           1.2 s\n"
