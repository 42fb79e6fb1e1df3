from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.text import bounded, fit, shortened, utf16_length, well_formed, without_controls

ANY_TEXT = st.text(st.characters())  # lone surrogates too
WHOLE_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_text_that_is_well_formed_stays_as_it_is() -> None:
    assert well_formed("Zoë 山田 🙂\r\n") == "Zoë 山田 🙂\r\n"


def test_each_lone_surrogate_becomes_one_replacement_character() -> None:
    assert well_formed("a\ud83db\ude42\ud83d") == "a\ufffdb\ufffd\ufffd"


def test_two_halves_that_meet_become_the_character_they_are() -> None:
    assert well_formed("\ud83d\ude42") == "🙂"


@given(ANY_TEXT)
def test_whatever_the_text_it_can_be_encoded_once_well_formed(text: str) -> None:
    assert well_formed(text).encode().decode() == well_formed(text)


def test_characters_that_xml_rules_out_are_dropped() -> None:
    assert without_controls("\x00a\x08b\x0bc\x0cd\x0ee\x1ff\ufffeg\uffff") == "abcdefg"


def test_tabs_and_line_ends_are_no_refused_characters() -> None:
    assert without_controls("a\tb\nc\r\nd\x7fe\x85f") == "a\tb\nc\r\nd\x7fe\x85f"


def test_an_emoji_counts_as_two_units() -> None:
    assert utf16_length("a🙂é") == 4


def test_a_character_that_would_be_cut_in_half_is_left_out() -> None:
    assert shortened("ab🙂", 3) == "ab"


def test_a_text_that_fits_to_the_last_unit_is_kept_whole() -> None:
    assert shortened("ab🙂", 4) == "ab🙂"


@given(WHOLE_TEXT, st.integers(0, 20))
def test_a_shortened_text_is_the_longest_start_that_fits(text: str, units: int) -> None:
    short = shortened(text, units)

    assert text.startswith(short)
    assert utf16_length(short) <= units
    assert short == text or utf16_length(text[: len(short) + 1]) > units


@given(ANY_TEXT, st.integers(0, 20))
def test_whatever_the_text_it_is_bounded_to_a_start_that_can_be_encoded(text: str, units: int) -> None:
    fitting = bounded(text, units)
    assert utf16_length(fitting) <= units
    assert well_formed(text).startswith(fitting)


def test_a_text_that_fits_is_not_changed() -> None:
    assert bounded("Zoë 🙂", 6) == "Zoë 🙂"
    assert bounded("Zoë 🙂", 5) == "Zoë "
    assert bounded("plain", 5) == "plain"


@given(st.text(), st.integers(min_value=0, max_value=20))
def test_what_a_column_takes_is_trimmed_and_short_and_begins_as_the_text_does(text: str, units: int) -> None:
    taken = fit(text, units)
    assert utf16_length(taken) <= units
    assert taken == taken.strip()
    assert without_controls(text).strip().startswith(taken)
