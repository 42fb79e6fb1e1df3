"""Shows the launcher's short lines with a tick and a time, and the functions' log, dimmed."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

HOST_LINE = re.compile(r"\[[^\]]+\] (?P<level>[A-Z]+) (?P<category>[^:\s]+): (?P<text>.*)")
FUNCTION = re.compile(r"Function\.(?P<name>\w+)\.User")
LOUD = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


class Screen:
    """Thread-safe. Plain text if this is not a terminal, or NO_COLOR is set."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        self._show(Text(text, style="bold"))

    def done(self, what: str, *, seconds: float, detail: str = "") -> None:
        self._show(
            Text.assemble(("✓ ", "green"), f"{what:<16}", (f"{seconds:5.1f} s", "dim"), detail and f"  {detail}")
        )

    def failed(self, what: str, *, seconds: float) -> None:
        self._show(Text.assemble(("✗ ", "red"), f"{what:<16}", (f"{seconds:5.1f} s", "dim")))

    def note(self, text: str) -> None:
        self._show(Text(f"  {text}"))

    def pair(self, name: str, value: str) -> None:
        self._show(Text.assemble((f"  {name:<11}", "dim"), value))

    def warn(self, text: str) -> None:
        self._show(Text.assemble(("! ", "yellow"), text))

    def fail(self, text: str) -> None:
        self._show(Text.assemble(("✗ ", "red"), text))

    def blank(self) -> None:
        self._show(Text())

    def host_lines(self) -> Callable[[str], None]:
        """Reads the functions host's log and shows the app's lines and all warnings."""
        traceback_may_follow = False

        def show(line: str) -> None:
            nonlocal traceback_may_follow
            found = HOST_LINE.match(line)
            if found is None:
                if traceback_may_follow:
                    self._show(Text(f"  {line}", style="dim"))
                return
            said_by = FUNCTION.fullmatch(found["category"])
            loud = LOUD.get(found["level"])
            traceback_may_follow = loud == "red"
            if said_by or loud:
                name = said_by["name"] if said_by else "host"
                self._show(Text.assemble((f"  {name:<8}", "dim"), (found["text"], loud or "")))

        return show

    def _show(self, text: Text) -> None:
        self._console.print(text)


class Stopwatch:
    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started
