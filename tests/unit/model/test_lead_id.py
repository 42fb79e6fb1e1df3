from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.lead_id import ENTROPY_BYTES, can_be_received, is_lead_id, milliseconds, new_lead_id, received_at

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
ENTROPY = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)


def test_the_id_is_laid_out_as_the_rfc_says() -> None:
    # The example of RFC 9562, appendix A.6: 22 February 2022, 14:22:22 at UTC-5, rand_a CC3, rand_b 18C4DC0C0C07398F.
    at = datetime(2022, 2, 22, 14, 22, 22, tzinfo=timezone(timedelta(hours=-5)))
    entropy = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(ENTROPY_BYTES, "big")

    assert new_lead_id(at, entropy) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_the_time_of_receipt_is_read_back_to_the_millisecond() -> None:
    at = datetime(2026, 3, 14, 9, 26, 53, 589_793, UTC)

    assert received_at(new_lead_id(at, bytes(10))) == datetime(2026, 3, 14, 9, 26, 53, 589_000, UTC)


@given(MOMENTS, ENTROPY)
def test_every_id_that_is_made_is_a_lead_id(at: datetime, entropy: bytes) -> None:
    made = new_lead_id(at, entropy)

    assert is_lead_id(made)
    assert (UUID(made).version, UUID(made).variant) == (7, "specified in RFC 4122")


@given(MOMENTS, MOMENTS, ENTROPY, ENTROPY)
def test_ids_sort_by_the_time_of_receipt(first: datetime, second: datetime, one: bytes, two: bytes) -> None:
    if milliseconds(first) < milliseconds(second):
        assert new_lead_id(first, one) < new_lead_id(second, two)


@given(st.lists(ENTROPY, min_size=2, max_size=2, unique_by=lambda entropy: int.from_bytes(entropy, "big") % (1 << 74)))
def test_leads_of_one_millisecond_have_different_ids_where_their_74_bits_differ(entropies: list[bytes]) -> None:
    at = datetime(2026, 3, 14, tzinfo=UTC)

    assert len({new_lead_id(at, entropy) for entropy in entropies}) == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("lead", id="a word"),
        pytest.param("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", id="upper case"),
        pytest.param("017f22e279b07cc398c4dc0c0c07398f", id="without dashes"),
        pytest.param("{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}", id="in braces"),
        pytest.param("urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f", id="an URN"),
        pytest.param(" 017f22e2-79b0-7cc3-98c4-dc0c0c07398f", id="a space before it"),
        pytest.param("017f22e2-79b0-4cc3-98c4-dc0c0c07398f", id="version 4"),
        pytest.param("017f22e2-79b0-7cc3-d8c4-dc0c0c07398f", id="another variant"),
        pytest.param("ffffffff-ffff-7fff-bfff-ffffffffffff", id="beyond the year 9999"),
        pytest.param("\u066017f22e2-79b0-7cc3-98c4-dc0c0c07398f", id="an Arabic digit"),
        pytest.param("\ud800", id="a lone surrogate"),
    ],
)
def test_what_leadpipe_does_not_write_is_no_lead_id(text: str) -> None:
    assert not is_lead_id(text)


def test_milliseconds_are_rounded_down() -> None:
    assert milliseconds(datetime(1970, 1, 1, 0, 0, 1, 999, UTC)) == 1000


NOW = datetime(2026, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize("at", [datetime(2019, 1, 1, tzinfo=UTC), NOW, NOW + timedelta(days=1)])
def test_a_lead_is_received_between_the_first_leadpipe_and_now_give_or_take_a_clock(at: datetime) -> None:
    assert can_be_received(at, NOW)


@pytest.mark.parametrize(
    "at",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2018, 12, 31, 23, 59, 59, tzinfo=UTC),
        NOW + timedelta(days=1, seconds=1),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_at_any_other_time_nobody_receives_a_lead(at: datetime) -> None:
    assert not can_be_received(at, NOW)
