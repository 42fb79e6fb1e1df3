"""The cells of a CSV file, however it was saved and whatever happened to it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.operations.reconcile.columns import UnusableExport
from leadpipe.operations.reconcile.table import MOST_LINES_OF_A_ROW, table_of
from tests.partner_center_export import csv_of, customer, time_of

ROWS = [customer(number, time_of(number)) for number in range(3)]
TEXT = csv_of(ROWS)


def cells_of(content: bytes | str) -> list[list[str]]:
    table = table_of(content.encode() if isinstance(content, str) else content, {})
    return [[*row.cells] for row in table.rows]


def damage_of(text: str) -> list[tuple[int, str]]:
    return [(row.line, row.damage) for row in table_of(text.encode(), {}).rows if row.damage]


WHOLE = cells_of(TEXT)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_each_encoding_gives_the_same_cells(encoding: str) -> None:
    assert cells_of(TEXT.encode(encoding)) == WHOLE
    assert WHOLE[0][4] == "Société 0 SARL"


def test_a_marked_big_endian_file_is_read_too() -> None:
    assert cells_of(b"\xfe\xff" + TEXT.encode("utf-16-be")) == WHOLE


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_each_separator_gives_the_same_cells(separator: str) -> None:
    text = csv_of(ROWS, separator=separator)
    assert cells_of(text) == WHOLE
    assert cells_of(f"sep={separator}\r\n{text}") == WHOLE


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_each_line_end_gives_the_same_cells_and_blank_lines_do_not_count(end: str) -> None:
    assert cells_of(TEXT.replace("\r\n", end)) == WHOLE
    assert cells_of(end * 3 + TEXT.replace("\r\n", end * 2)) == WHOLE


def test_a_quoted_text_may_have_separators_quotes_and_line_ends() -> None:
    words = 'Please, "call";\r\nbefore noon'
    text = csv_of([{**ROWS[0], "offer": words}, ROWS[1]])
    table = table_of(text.encode(), {})
    assert [row.line for row in table.rows] == [2, 4]
    assert [*table.rows[0].cells][1] == words


def test_line_ends_of_unicode_do_not_end_a_row() -> None:
    assert cells_of("Email,Name\r\na@x.example,J\u2028o\x0b\x85\r\n") == [["a@x.example", "J\u2028o\x0b\x85"]]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n \r\n", b"sep=;\r\n", "\ufeff".encode("utf-16-le")])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(UnusableExport, match=r"(is empty|the header)"):
        table_of(content, {})


def test_a_header_alone_has_no_rows() -> None:
    assert cells_of(csv_of([])) == []


def test_a_file_without_address_and_name_is_refused_with_its_columns_and_the_fix() -> None:
    with pytest.raises(UnusableExport, match=r"There are: Offer, Datum. Name the columns in a file for --columns"):
        table_of(b"Offer,Datum\r\nx,y\r\n", {})
    assert table_of(b"Offer,Adresse\r\nx,y\r\n", {"email": "Adresse"}).taken.places == {"email": 1, "offer": 0}


def test_a_file_in_a_broken_encoding_is_refused() -> None:
    with pytest.raises(UnusableExport, match="byte 4 is not UTF-16"):
        table_of(b"\xff\xfea\0\x00\xdc" + b"b\0", {})


def test_damaged_rows_are_named_by_their_line_and_hide_no_other() -> None:
    lines = TEXT.split("\r\n")
    broken = [lines[0], lines[1] + ",more", lines[2], "alone", '"' + lines[3], *lines[1:3], ""]
    text = "\r\n".join(broken)
    assert damage_of(text) == [
        (2, "it has 14 cells, the header has 13"),
        (4, "it has 1 cell, the header has 13"),
        (5, "its quotes do not close, or a cell is too long"),
    ]
    assert [each for each in cells_of(text) if each] == [WHOLE[1], WHOLE[0], WHOLE[1]]


def test_a_quote_that_never_closes_takes_one_row_only() -> None:
    lines = TEXT.split("\r\n")
    many = [lines[0], lines[1].replace("Contoso", '"Contoso', 1), *lines[2:3] * (MOST_LINES_OF_A_ROW + 5)]
    table = table_of("\r\n".join(many).encode(), {})
    assert [row.line for row in table.rows if row.damage] == [2]
    assert len(table.rows) == MOST_LINES_OF_A_ROW + 6


def test_a_quote_within_a_cell_is_kept_as_it_is() -> None:
    assert cells_of('Email,Name\r\na@x.example,Jo "the boss" Doe\r\n"b@x.example",5" pipe\r\n') == [
        ["a@x.example", 'Jo "the boss" Doe'],
        ["b@x.example", '5" pipe'],
    ]


def test_cells_that_excel_left_out_are_empty_and_empty_ones_too_many_do_not_count() -> None:
    assert cells_of("Email,Name,Offer\r\na@x.example,Jo\r\nb@x.example,Al,W,,\r\n") == [
        ["a@x.example", "Jo", ""],
        ["b@x.example", "Al", "W", "", ""],
    ]


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(rows=st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=8), separator=st.sampled_from(",;\t|"))
def test_whatever_a_writer_quotes_is_read_back(rows: list[list[str]], separator: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([["Email", "Name", "Offer"], *rows])
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    assert cells_of(text.getvalue().encode("utf-8-sig")) == filled


@given(rest=st.binary(max_size=200))
def test_no_bytes_whatever_fail_or_lose_a_sound_row(rest: bytes) -> None:
    found = cells_of(b"Email,Name\r\na@x.example,Jo\r\n" + rest)
    assert found[0] == ["a@x.example", "Jo"]


def test_a_header_of_another_language_is_read_by_its_own_names() -> None:
    table = table_of(b"E-Mail-Adresse;Erstellt am\r\na@x.example;46095\r\n", {"email": "e-mail-adresse"})
    assert [*table.taken.left] == ["Erstellt am"]
