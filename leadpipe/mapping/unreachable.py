"""Finds rules that can never match, because rules above set the same columns for the same leads."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod

from leadpipe.mapping.rules import Pattern, Rule, When

# `country = ["FR", "DE"]` with `action = ["INS", "PLT"]` is four cases. This many of one file are checked one by one.
MOST_CASES = 500
# The pattern of a field that a rule does not name.
_ANY = (Pattern(text="", is_start=True),)

Part = Mapping[str, Sequence[Pattern]]


class Unreachable:
    """Takes the rules from first to last. `cases` counts the cases that were checked one by one."""

    def __init__(self) -> None:
        self.cases = 0
        self._above: list[tuple[Rule, dict[str, Among]]] = []

    def hiding(self, rule: Rule) -> list[Rule]:
        """Gives the rules above that leave this one without effect; none if it can have an effect."""
        found: dict[int, Rule] = {}
        for part in self._parts(rule.when):
            hiding = self._hiding_part(part, rule)
            if not hiding:
                found = {}
                break
            found |= hiding
        self._above.append((rule, {field: Among(patterns) for field, patterns in rule.when.patterns.items()}))
        return [found[number] for number in sorted(found)]

    def _hiding_part(self, part: Part, rule: Rule) -> dict[int, Rule]:
        left = set(rule.sets)
        found: dict[int, Rule] = {}
        for number, (above, among) in enumerate(self._above):
            if not left.isdisjoint(above.sets) and _covers(among, part):
                found[number] = above
                left.difference_update(above.sets)
            if not left:
                return found
        return {}

    def _parts(self, when: When) -> Iterable[Part]:
        """Splits it into cases, which several rules may hide together. Too many are checked as one."""
        each = {field: tuple(dict.fromkeys(patterns)) for field, patterns in when.patterns.items()}
        count = prod(map(len, each.values()))
        if self.cases + count > MOST_CASES:
            return [each]
        self.cases += count
        return [{field: (one,) for field, one in zip(each, case, strict=True)} for case in product(*each.values())]


class Among:
    """The patterns of one field, sorted so that not every pair has to be compared."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._wholes = {pattern.text for pattern in patterns if not pattern.is_start}
        self._starts: list[str] = []  # none is the start of another, so only the nearest can match
        for text in sorted(pattern.text for pattern in patterns if pattern.is_start):
            if not self._starts or not text.startswith(self._starts[-1]):
                self._starts.append(text)

    def cover(self, pattern: Pattern) -> bool:
        """Returns whether one of them matches everything that the pattern matches."""
        after = bisect_right(self._starts, pattern.text)
        if after and pattern.text.startswith(self._starts[after - 1]):
            return True
        return not pattern.is_start and pattern.text in self._wholes


def _covers(above: Mapping[str, Among], part: Part) -> bool:
    return all(all(map(among.cover, part.get(field, _ANY))) for field, among in above.items())
