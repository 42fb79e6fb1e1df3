"""Whatever is put into a row, the row fits the table."""

from datetime import UTC, datetime

import pytest
from azure.data.tables import EdmType, EntityProperty
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.record import LONGEST_BYTES, LONGEST_TEXT, kept
from leadpipe.model.text import utf16_length
from leadpipe.storage.cells import LARGEST_NUMBER, fitted, payload_cell, payload_of, plain

AT = datetime(2026, 3, 14, tzinfo=UTC)
SIZES = st.sampled_from([0, 1, 16_384, 16_385, 21_846, 32_767, 32_768, 32_769, 65_536, 65_537])
LONG_TEXTS = st.builds(lambda text, size: text * size, st.sampled_from(["x", "é", "日", "😀", "\ud83d"]), SIZES)


@given(LONG_TEXTS)
def test_a_text_is_shortened_at_a_whole_character(text: str) -> None:
    (cell,) = fitted({"Column": text}).values()
    assert utf16_length(cell) <= LONGEST_TEXT
    assert text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").startswith(cell)


@pytest.mark.parametrize(
    ("number", "cell"),
    [(0, 0), (-1, -1), (2**31 - 1, 2**31 - 1), (2**31, LARGEST_NUMBER), (-(2**40), -LARGEST_NUMBER)],
)
def test_a_whole_number_is_bounded(number: int, cell: int) -> None:
    assert fitted({"Column": number}) == {"Column": cell}


@pytest.mark.parametrize("cell", [True, False, AT, "text", b"bytes", None])
def test_what_fits_stays_as_it_is(cell: object) -> None:
    assert fitted({"Column": cell}) == {"Column": cell}
    assert type(fitted({"Column": cell})["Column"]) is type(cell)


def test_bytes_lose_their_end() -> None:
    assert fitted({"Column": b"x" * (LONGEST_BYTES + 1)}) == {"Column": b"x" * LONGEST_BYTES}


@given(LONG_TEXTS)
def test_a_payload_that_was_kept_comes_back_as_it_was(text: str) -> None:
    payload = kept(text)
    cell = payload_cell(text)
    assert cell is not None
    assert fitted({"Payload": cell}) == {"Payload": cell}
    assert payload_of(cell) == payload


@pytest.mark.parametrize(
    "posted", [b"", b"[]", b"\xff" * 40_000, bytes(range(256)) * 256, "é".encode() * 20_000], ids=len
)
def test_bytes_that_were_no_text_come_back_as_bytes(posted: bytes) -> None:
    assert payload_of(payload_cell(posted) or b"") == posted


def test_the_sdks_own_wrapping_is_taken_off() -> None:
    assert plain(EntityProperty(2**40, EdmType.INT64)) == 2**40
    assert plain("text") == "text"
