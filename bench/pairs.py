"""Measures both apps again and again in alternation, so that a machine's moods fall on both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bench.app import App

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Generic[T]):
    ours: T
    bare: T


def in_pairs(
    pairs: int, measure: Callable[[App], T], *, tell: Callable[[T], str], say: Callable[[str], None]
) -> list[Pair[T]]:
    """Ours first, then bare first, and so on; each pair is said as soon as it is there."""
    found = []
    for number in range(pairs):
        order = [App.OURS, App.BARE] if number % 2 == 0 else [App.BARE, App.OURS]
        results = {app: measure(app) for app in order}
        found.append(Pair(ours=results[App.OURS], bare=results[App.BARE]))
        say(f"pair {number + 1} of {pairs}: ours {tell(results[App.OURS])}, bare {tell(results[App.BARE])}")
    return found
