"""Keeps the parts running: restarts those that end, as the platform would, until it is stopped."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from devkit.launcher.part import PartError, describe
from devkit.launcher.screen import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from devkit.launcher.part import Part
    from devkit.launcher.screen import Screen

MINUTE = 60.0
LONGEST_PAUSE = 5.0


@dataclass(slots=True, kw_only=True)
class Kept:
    """`endless`: is restarted whatever happens, as by the platform; the others may end at most twice in a minute."""

    part: Part
    endless: bool
    meaning: Callable[[int], str]
    ends: list[float] = field(default_factory=list)


class Keeper:
    """Ends its parts in reverse order, because the functions need the others to finish what runs."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._kept: list[Kept] = []
        # Parts report from their own threads; code None means that it is time to restart.
        self._happened: queue.SimpleQueue[tuple[Kept, int | None]] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for kept in reversed(self._kept):
                kept.part.stop()
        except KeyboardInterrupt:  # a second Ctrl-C
            for kept in self._kept:
                kept.part.kill()

    def start(
        self, part: Part, *, timeout: float, endless: bool = False, meaning: Callable[[int], str] = describe
    ) -> Callable[[], None]:
        """Starts the part and returns a function that waits for it, so that parts start in parallel."""
        kept = Kept(part=part, endless=endless, meaning=meaning)
        self._kept.append(kept)
        stopwatch = Stopwatch()
        part.on_ready = lambda: self._screen.done(part.name, seconds=stopwatch.seconds)
        part.on_end = lambda code: self._happened.put((kept, code))
        part.start()

        def wait() -> None:
            part.wait_until_ready(timeout)
            part.on_ready = lambda: self._screen.note(f"{part.name} is back")

        return wait

    def keep(self) -> None:
        """Runs until KeyboardInterrupt; raises PartError for a part that ends too often."""
        while True:
            try:
                # On Windows an endless wait could not be interrupted.
                kept, code = self._happened.get(timeout=1.0)
            except queue.Empty:
                continue
            if code is None:
                kept.part.start()
            else:
                self._after_end(kept, code)

    def _after_end(self, kept: Kept, code: int) -> None:
        now = time.monotonic()
        kept.ends = [at for at in kept.ends if now - at < MINUTE] + [now]
        name = f"{kept.part.name} ended ({kept.meaning(code)})"
        if not kept.endless and len(kept.ends) >= 3:
            raise PartError("\n".join([f"{name} for the third time in a minute", *kept.part.last_lines()]))
        pause = min(LONGEST_PAUSE, 2.0 ** (len(kept.ends) - 2)) if len(kept.ends) > 1 else 0.0
        in_a_while = f" in {pause:.0f} s" if pause else ""
        why = ", as the platform would" if kept.endless else ""
        self._screen.warn(f"{name}; starting it again{in_a_while}{why}")
        if kept.part.name == "Azurite":
            self._screen.note(
                "what it took in its last seconds may be gone: it writes its tables to disk late, as Azure does not"
            )
        timer = threading.Timer(pause, self._happened.put, [(kept, None)])
        timer.daemon = True
        timer.start()
