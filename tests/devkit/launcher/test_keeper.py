"""What ends is started again, as the platform would; what keeps ending ends the rest."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from devkit.launcher.keeper import Keeper
from devkit.launcher.part import Part, PartError
from devkit.launcher.screen import Screen
from devkit.launcher.stack import meaning_of_host_exit

SERVE = "import signal; print('listening there'); signal.pause()"
# Ends with the code that its second argument says for as many times as there are files to take away, then serves.
FALTERING = """
import os, pathlib, signal, sys
print("listening there")
for token in pathlib.Path(sys.argv[1]).iterdir():
    token.unlink()
    os._exit(int(sys.argv[2]))
print("serving at last")
signal.pause()
"""


class Shown(io.StringIO):
    """What is on the screen, as the person before it would read it."""

    @property
    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


@pytest.fixture
def shown() -> Shown:
    return Shown()


@pytest.fixture
def keeper(shown: Shown) -> Iterator[Keeper]:
    with Keeper(Screen(Console(file=shown, width=100))) as keeper:
        yield keeper


@pytest.fixture
def part(tmp_path: Path) -> Callable[..., Part]:
    def make(program: str, *arguments: str, name: str = "functions host") -> Part:
        return Part(name, lambda: [sys.executable, "-c", program, *arguments], log=tmp_path / f"{name}.log")

    return make


def faltering(tmp_path: Path, times: int) -> str:
    folder = tmp_path / "tokens"
    folder.mkdir()
    for number in range(times):
        (folder / str(number)).touch()
    return str(folder)


def interrupt_when_it_says(part: Part, text: str) -> None:
    def on_line(line: str) -> None:
        if text in line:
            os.kill(os.getpid(), signal.SIGINT)

    part.on_line = on_line


@pytest.mark.parametrize(("code", "meaning"), [("0", "exit code 0, its log says why"), ("71", "exit code 71")])
def test_a_host_that_ends_is_started_again_whatever_its_code_and_it_says_so(
    keeper: Keeper, shown: Shown, part: Callable[..., Part], tmp_path: Path, code: str, meaning: str
) -> None:
    host = part(FALTERING, faltering(tmp_path, 1), code)
    interrupt_when_it_says(host, "serving at last")
    wait = keeper.start(host, timeout=20, endless=True, meaning=meaning_of_host_exit)
    wait()

    with pytest.raises(KeyboardInterrupt):
        keeper.keep()

    assert f"! functions host ended ({meaning}); starting it again, as the platform would" in shown.lines


def test_a_part_that_is_not_the_platforms_ends_the_rest_at_its_third_end(
    keeper: Keeper, shown: Shown, part: Callable[..., Part], tmp_path: Path
) -> None:
    wait = keeper.start(part(FALTERING, faltering(tmp_path, 9), "71", name="Azurite"), timeout=20)
    wait()

    with pytest.raises(PartError, match=r"Azurite ended \(exit code 71\) for the third time in a minute"):
        keeper.keep()

    assert "! Azurite ended (exit code 71); starting it again" in shown.lines


def test_a_part_that_cannot_come_up_ends_the_others(shown: Shown, part: Callable[..., Part]) -> None:
    server = part(SERVE, name="Azurite")
    failing = part("raise SystemExit(3)", name="stand-in")

    with Keeper(Screen(Console(file=shown))) as keeper:
        keeper.start(server, timeout=20)()
        wait = keeper.start(failing, timeout=20)
        with pytest.raises(PartError, match="stand-in ended with exit code 3"):
            wait()

    assert server.wait() != 0


def test_parts_come_up_side_by_side(keeper: Keeper, part: Callable[..., Part], tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Each opens one end, which waits for the other end.
    waits = [
        keeper.start(part(f"open({str(fifo)!r}, {mode!r}); print('listening x')", name=mode), timeout=20)
        for mode in ("r", "w")
    ]

    for wait in waits:
        wait()


def test_a_second_interrupt_ends_a_part_that_takes_its_time(shown: Shown, part: Callable[..., Part]) -> None:
    slow = part(
        "import signal, threading\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('taking my time', flush=True))\n"
        "print('listening x')\n"
        "while True: signal.pause()"
    )
    interrupt_when_it_says(slow, "taking my time")

    with Keeper(Screen(Console(file=shown))) as keeper:
        keeper.start(slow, timeout=20)()

    assert slow.wait() != 0
