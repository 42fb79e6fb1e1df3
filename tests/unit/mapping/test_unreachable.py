"""Which rules are left nothing to say by those above, and how much is looked at to know."""

from hypothesis import given
from hypothesis import strategies as st

from leadpipe.mapping.lead_table import Kind
from leadpipe.mapping.rules import FIELDS, Pattern, Rule, When
from leadpipe.mapping.unreachable import MOST_CASES, Among, Unreachable
from leadpipe.mapping.values import Constant, MappedColumn
from tests.factories import lead

texts = st.text(alphabet="abA", max_size=3)
patterns = st.tuples(texts, st.sampled_from(["", "*"])).map("".join).map(Pattern.of)
lists = st.lists(patterns, min_size=1, max_size=3).map(tuple)
whens = st.dictionaries(st.sampled_from(["country", "source"]), lists).map(lambda chosen: When(patterns=chosen))
column_sets = st.sets(st.sampled_from(["fax", "pager"]), min_size=1)


def rule(when: When, *columns: str) -> Rule:
    sets = {name: MappedColumn(column=name, value=Constant(kind=Kind.NUMBER, value=1), line=1) for name in columns}
    return Rule(name="some", line=1, when=when, sets=sets)


def many(field_texts: int, *, last: str = "*") -> When:
    """As a hostile file has them: 60 texts for each of four fields are 13 million cases."""
    return When(patterns={field: tuple(Pattern.of(f"{n}.{last}") for n in range(field_texts)) for field in FIELDS})


rules = st.builds(lambda when, columns: rule(when, *columns), whens, column_sets)


@given(lists, patterns, texts)
def test_patterns_that_cover_another_match_all_that_it_matches(
    wide: tuple[Pattern, ...], narrow: Pattern, said: str
) -> None:
    if Among(wide).cover(narrow) and narrow.matches(said.casefold()):
        assert any(each.matches(said.casefold()) for each in wide)


@given(lists, patterns)
def test_a_pattern_is_covered_where_one_other_covers_it(wide: tuple[Pattern, ...], narrow: Pattern) -> None:
    by_start = any(each.is_start and narrow.text.startswith(each.text) for each in wide)
    assert Among(wide).cover(narrow) == (by_start or narrow in wide)


@given(st.lists(rules, max_size=4), texts, texts)
def test_a_hidden_rule_sets_only_what_a_rule_above_set_for_the_same_lead(above: list[Rule], one: str, two: str) -> None:
    some = lead(country=one, lead_source=two)
    unreachable = Unreachable()
    for number, each in enumerate(above):
        if unreachable.hiding(each) and each.when.matches(some):
            taken = [other.sets.keys() for other in above[:number] if other.when.matches(some)]
            assert each.sets.keys() <= set().union(*taken)


def test_a_rule_of_millions_of_cases_is_not_taken_apart() -> None:
    unreachable = Unreachable()
    assert unreachable.hiding(rule(many(60), "fax")) == []
    assert unreachable.cases == 0


def test_beyond_what_is_taken_apart_a_rule_is_still_compared_with_each_one_above() -> None:
    unreachable = Unreachable()
    wide = rule(many(60), "fax")
    unreachable.hiding(wide)
    assert unreachable.hiding(rule(many(59, last="x"), "fax")) == [wide]
    assert unreachable.hiding(rule(many(61), "fax")) == []


def test_the_cases_of_all_rules_together_are_bounded() -> None:
    unreachable = Unreachable()
    for _ in range(200):
        unreachable.hiding(rule(many(3), "fax"))
    assert 0 < unreachable.cases <= MOST_CASES
