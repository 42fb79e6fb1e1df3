"""Which leads a rule is for, and whether another one leaves it any."""

from hypothesis import given
from hypothesis import strategies as st

from leadpipe.dataverse.mapping_file.rules import Pattern, When
from tests.factories import lead

texts = st.text(alphabet="abA", max_size=3)
patterns = st.tuples(texts, st.sampled_from(["", "*"])).map("".join).map(Pattern.of)
whens = st.dictionaries(
    st.sampled_from(["country", "source"]), st.lists(patterns, min_size=1, max_size=2).map(tuple)
).map(lambda chosen: When(patterns=chosen))


@given(patterns, patterns, texts)
def test_a_pattern_that_covers_another_matches_all_that_it_matches(wide: Pattern, narrow: Pattern, said: str) -> None:
    if wide.covers(narrow) and narrow.matches(said.casefold()):
        assert wide.matches(said.casefold())


@given(whens, whens, texts, texts)
def test_a_rule_whose_every_case_is_covered_has_no_lead_of_its_own(
    wide: When, narrow: When, one: str, two: str
) -> None:
    some = lead(country=one, lead_source=two)
    if all(wide.covers(case) for case in narrow.cases()) and narrow.matches(some):
        assert wide.matches(some)
