"""Measures both apps in alternation, so that changes of the machine's load affect both.

On a busy machine storage can be slower than leadpipe waits for it. leadpipe then uses the other store or tries later,
which spoils the measurement: such a run is reported and repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from bench.app import App, BenchError

T = TypeVar("T")
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Generic[T]):
    ours: T
    bare: T


def in_pairs(
    pairs: int, measure: Callable[[App], T], *, tell: Callable[[T], str], say: Callable[[str], None]
) -> list[Pair[T]]:
    """Measures ours first, then bare first, and so on, and reports each pair at once."""
    found = []
    for number in range(pairs):
        order = [App.OURS, App.BARE] if number % 2 == 0 else [App.BARE, App.OURS]
        results = {app: repeated(partial(measure, app), say) for app in order}
        found.append(Pair(ours=results[App.OURS], bare=results[App.BARE]))
        say(f"pair {number + 1} of {pairs}: ours {tell(results[App.OURS])}, bare {tell(results[App.BARE])}")
    return found


def repeated(measure: Callable[[], T], say: Callable[[str], None]) -> T:
    for _ in range(TRIES - 1):
        try:
            return measure()
        except BenchError as error:
            say(f"once more, since {error}")
    return measure()
