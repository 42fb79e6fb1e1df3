"""The columns for Microsoft's rating: what a mapping file may say of them."""

import pytest

from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.file_reader import read_mapping
from leadpipe.mapping.rating import RatingColumn

GUID = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
FILE = """
[columns]
jobtitle = "x"
[rating]
quality = { column = "leadqualitycode", values = { High = "Hot", Low = 3 } }
email_validity = "contoso_validity"
phone_validity = { column = "contoso_phoneok", values = { Valid = true, Invalid = false } }
"""


def rating_in(text: str) -> dict[str, RatingColumn]:
    return {**read_mapping(text.encode(), "m.toml").rating}


def test_each_word_becomes_what_the_file_says_whatever_its_case() -> None:
    rating = rating_in(FILE)
    assert [rating["quality"].of(word) for word in ("High", " LOW ", "Medium", "")] == [1, 3, None, None]
    assert [rating["phone_validity"].of(word) for word in ("valid", "Invalid", "Unknown")] == [True, False, None]
    assert {each.column for each in rating.values()} == {"leadqualitycode", "contoso_validity", "contoso_phoneok"}


def test_without_values_the_word_itself_is_written_and_fits() -> None:
    column = rating_in(FILE)["email_validity"]
    assert [column.of(word) for word in (" Spam ", "", "x" * 200)] == ["Spam", None, "x" * 100]
    assert rating_in('[rating]\nquality = "description"')["quality"].of("x" * 3000) == "x" * 2000


def test_a_file_without_it_rates_nothing() -> None:
    assert rating_in("") == {}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("rating = 7", "rating is a table"),
        ('rating.qualty = "jobtitle"', "qualty is not rated; did you mean quality?"),
        ('rating.zzz = "jobtitle"', "known are quality, email_validity, phone_validity"),
        ("rating.quality = 7", "is the name of a text column"),
        ('rating.quality = { column = "jobtitle", value = 1 }', "is the name of a text column"),
        ('rating.quality = { column = "jobtitle", values = 1 }', "values is a table"),
        ('rating.quality = "jobtitel"', "did you mean jobtitle?"),
        ('rating.quality = "leadid"', "leadid: cannot be set"),
        ('rating.quality = "leadqualitycode"', "leadqualitycode: has no option 'x'"),
        ('rating.quality = "donotemail"', "donotemail: takes a yes or no"),
        ('rating.quality = { column = "leadqualitycode", values = { High = 9 } }', "has no option 9"),
        ('rating.quality = { column = "jobtitle", values = { High = "$company" } }', "a rating becomes a text"),
        (f'rating.quality = {{ column = "parentaccountid", values = {{ High = "{GUID}" }} }}', "a rating becomes"),
    ],
)
def test_each_fault_is_named_with_its_line(written: str, says: str) -> None:
    with pytest.raises(FaultyMapping) as faulty:
        read_mapping(f"\n{written}\n".encode(), "m.toml")
    (fault,) = faulty.value.faults
    assert says in fault.reason
    assert fault.line == 2
