"""Which rules can never match: those above are for the same leads, and set the same columns."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod

from leadpipe.mapping.rules import Pattern, Rule, When

# `country = ["FR", "DE"]` with `action = ["INS", "PLT"]` is four cases. So many are looked at one by one in a file.
MOST_CASES = 500
# What a field has to match that a rule does not name.
_ANY = (Pattern(text="", is_start=True),)

Part = Mapping[str, Sequence[Pattern]]


class Unreachable:
    """Is given the rules from the first to the last. `cases` counts those that were looked at one by one."""

    def __init__(self) -> None:
        self.cases = 0
        self._above: list[tuple[Rule, dict[str, Among]]] = []

    def hiding(self, rule: Rule) -> list[Rule]:
        """The rules above that leave it nothing to say; none where it has a say."""
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
        """Its cases while there are few: several rules above may share them. Else it as a whole, against each rule."""
        each = {field: tuple(dict.fromkeys(patterns)) for field, patterns in when.patterns.items()}
        count = prod(map(len, each.values()))
        if self.cases + count > MOST_CASES:
            return [each]
        self.cases += count
        return [{field: (one,) for field, one in zip(each, case, strict=True)} for case in product(*each.values())]


class Among:
    """The patterns of one field, by which is found what they cover without a look at each."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._wholes = {pattern.text for pattern in patterns if not pattern.is_start}
        self._starts: list[str] = []  # none of them the start of another one, so that only the nearest counts
        for text in sorted(pattern.text for pattern in patterns if pattern.is_start):
            if not self._starts or not text.startswith(self._starts[-1]):
                self._starts.append(text)

    def cover(self, pattern: Pattern) -> bool:
        """Whether one of them matches all that the pattern matches."""
        after = bisect_right(self._starts, pattern.text)
        if after and pattern.text.startswith(self._starts[after - 1]):
            return True
        return not pattern.is_start and pattern.text in self._wholes


def _covers(above: Mapping[str, Among], part: Part) -> bool:
    return all(all(map(among.cover, part.get(field, _ANY))) for field, among in above.items())
