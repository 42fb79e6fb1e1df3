"""Which column of an export has which field."""

import pytest

from leadpipe.operations.reconcile.columns import FIELDS, SPELLINGS, UnusableExport, named_columns, taken_columns
from tests.partner_center_export import HEADER


def taken(*header: str, **named: str) -> dict[str, str]:
    return {**taken_columns(header, named).names}


def test_the_known_names_are_taken_whatever_their_spelling() -> None:
    expected = {field: name for field, name in HEADER.items() if field != "status"}
    found = taken_columns([*HEADER.values()], {})
    assert (found.names, [*found.left]) == (expected, ["Status"])
    spelt = [name.upper().replace(" ", "_") for name in HEADER.values()]
    assert [*taken_columns(spelt, {}).names] == [*found.names]


@pytest.mark.parametrize(
    "name", ["E-mail", "Customer Contact Email Address", "EMAIL_ADDRESS", "Contact e-mail", "éMail"]
)
def test_an_address_is_found_under_each_name(name: str) -> None:
    assert taken(name) == {"email": name}


def test_the_nearest_name_wins_and_the_others_are_left() -> None:
    found = taken_columns(["Contact Email", "Email", "Date", "LeadCreationDateTime"], {})
    assert found.names == {"created": "LeadCreationDateTime", "email": "Email"}
    assert [*found.left] == ["Contact Email", "Date"]


def test_the_customers_name_is_not_the_persons() -> None:
    assert taken("Customer Name", "Contact Name") == {"name": "Contact Name", "customer": "Customer Name"}


def test_validity_is_not_an_address() -> None:
    assert taken("Email validity", "Lead Quality") == {"quality": "Lead Quality", "email_validity": "Email validity"}
    assert not taken_columns(["Email validity", "Lead Quality"], {}).names_somebody


def test_a_named_column_wins_and_an_empty_name_leaves_the_field_out() -> None:
    assert taken("Mail 1", "Email", email="mail1") == {"email": "Mail 1"}
    assert taken("Email", "Name", email="") == {"name": "Name"}


def test_a_named_column_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(UnusableExport, match=r"no column 'Mail', which --columns names for email; there are: A, B"):
        taken("A", "B", email="Mail")


def test_no_spelling_belongs_to_two_fields() -> None:
    spellings = [spelling for field in FIELDS for spelling in SPELLINGS[field]]
    assert len(spellings) == len({*spellings})


def test_a_file_of_columns_is_read() -> None:
    assert named_columns('\ufeffemail = "E-Mail-Adresse"\nname = ""\n'.encode(), "c.toml") == {
        "email": "E-Mail-Adresse",
        "name": "",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("email", "is not TOML"),
        ('emial = "x"', "did you mean email?"),
        ('qqq = "x"', "they are created, email"),
        ("email = 7", 'takes the name of a column, like email = "…"'),
        ("x = " + "[" * 9000, "is not TOML"),
        ('email = "' + "x" * 70_000 + '"', "larger than 64 KiB"),
    ],
)
def test_a_faulty_file_of_columns_is_refused_with_the_fix(text: str, says: str) -> None:
    with pytest.raises(UnusableExport) as refused:
        named_columns(text.encode(), "c.toml")
    assert says in str(refused.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UnusableExport, match="is not TOML"):
        named_columns(b"\xff\xfe\0", "c.toml")
