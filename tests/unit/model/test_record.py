import pytest

from leadpipe.model.errors import InvalidLead
from leadpipe.model.record import (
    LONGEST,
    LONGEST_BYTES,
    LONGEST_TEXT,
    OPEN,
    QUEUED,
    Event,
    Record,
    State,
    event_of,
    kept,
)
from tests.factories import LEAD_ID, RECEIVED_AT, lead, payload, record, sample


def test_an_accepted_record_tells_what_operators_look_for() -> None:
    assert Record.accepted(LEAD_ID, payload()) == Record(
        lead_id=LEAD_ID,
        state=State.ACCEPTED,
        attempt=1,
        rounds=0,
        received_at=RECEIVED_AT,
        updated_at=RECEIVED_AT,
        next_try_at=RECEIVED_AT,
        fingerprint=lead().fingerprint(),
        offer="contoso.widget",
        source="AzureMarketplace",
        action="INS",
        email="jane.doe@fabrikam.com",
        name="Jane Doe",
        company="Fabrikam",
        is_test=False,
        payload=payload(),
    )


def test_an_offer_known_by_its_title_only_goes_by_that() -> None:
    assert Record.accepted(LEAD_ID, sample("https-documented.json")).offer == "Test Microsoft"


@pytest.mark.parametrize(
    ("posted", "name"),
    [(sample("withheld.json"), "(withheld)"), ('{"OfferTitle": "x", "Contact": {"email": "a@b.example"}}', "(unread)")],
)
def test_a_lead_that_names_nobody_says_why_in_lists_and_has_no_equal(posted: str, name: str) -> None:
    record = Record.accepted(LEAD_ID, posted)
    assert (record.name, record.fingerprint) == (name, "")


def test_a_source_goes_by_one_name() -> None:
    assert Record.accepted(LEAD_ID, payload(LeadSource="SPZA-PLT|contoso.widget")).source == "AppSource"


def test_a_test_lead_is_marked() -> None:
    assert Record.accepted(LEAD_ID, sample("test-lead.json")).is_test


def test_the_payload_is_kept_as_it_was_posted() -> None:
    posted = ' {"OfferTitle":"x",  "Unknown": "\\ud800"}\r\n'

    assert Record.accepted(LEAD_ID, posted).payload == posted


def test_a_record_made_from_a_later_message_has_its_attempt() -> None:
    assert Record.accepted(LEAD_ID, payload(), attempt=3).attempt == 3


def test_what_is_no_lead_is_not_accepted() -> None:
    with pytest.raises(InvalidLead):
        Record.accepted(LEAD_ID, "{}")


def test_a_rejected_record_keeps_bytes_and_the_reason() -> None:
    assert Record.rejected(LEAD_ID, InvalidLead("not_utf8", "byte 0 is not UTF-8"), b"\xff") == Record(
        lead_id=LEAD_ID,
        state=State.REJECTED,
        reason="not_utf8",
        detail="byte 0 is not UTF-8",
        received_at=RECEIVED_AT,
        updated_at=RECEIVED_AT,
        payload=b"\xff",
    )


def test_a_record_poisoned_from_the_start_keeps_what_came() -> None:
    assert Record.poisoned(LEAD_ID, "not_json", "line 1", "{", attempt=2) == Record(
        lead_id=LEAD_ID,
        state=State.POISONED,
        reason="not_json",
        detail="line 1",
        attempt=2,
        received_at=RECEIVED_AT,
        updated_at=RECEIVED_AT,
        payload="{",
    )


@pytest.mark.parametrize(("attempt", "awaited"), [(1, False), (2, True), (3, True)])
def test_a_message_older_than_the_record_is_stale(attempt: int, awaited: bool) -> None:
    assert record(attempt=2).awaits(attempt) is awaited


@pytest.mark.parametrize(
    ("state", "awaited"),
    [
        (State.ACCEPTED, True),
        (State.DEFERRED, True),
        (State.FALLBACK, False),
        (State.WRITTEN, False),
        (State.DUPLICATE, False),
        (State.KEPT, False),
        (State.POISONED, False),
        (State.REJECTED, False),
        (State.DISCARDED, False),
        (State.ERASED, False),
    ],
)
def test_only_a_lead_on_the_queue_awaits_a_message(state: State, awaited: bool) -> None:
    assert record(state=state).awaits(1) is awaited


def test_open_leads_move_by_themselves() -> None:
    assert {State.ACCEPTED, State.DEFERRED, State.FALLBACK} == OPEN
    assert {State.ACCEPTED, State.DEFERRED} == QUEUED


def test_the_stores_tag_does_not_tell_records_apart() -> None:
    assert record(version="W/1") == record(version="W/2")


def test_an_event_tells_of_the_record_as_it_stands() -> None:
    poisoned = record(state=State.POISONED, reason="too_long", detail="firstname")

    assert event_of(poisoned, "poisoned", RECEIVED_AT, actor="jane") == Event(
        lead_id=LEAD_ID,
        at=RECEIVED_AT,
        event="poisoned",
        state=State.POISONED,
        reason="too_long",
        detail="firstname",
        actor="jane",
    )


def test_the_columns_for_lists_are_free_of_control_characters_and_the_payload_keeps_them() -> None:
    posted = payload(LastName="Do\u0000e\u000b", Company="Fabri\u0001kam")
    record = Record.accepted(LEAD_ID, posted)
    assert (record.name, record.company) == ("Jane Doe", "Fabrikam")
    assert record.payload == posted


# What the ledger can hold

NESTED = payload(Company=[0] * 16_000)


def test_list_columns_have_the_start_of_a_long_text_and_the_payload_all() -> None:
    record = Record.accepted(LEAD_ID, NESTED)
    assert record.company == "[" + "0, " * 341  # 1,024 characters
    assert record.payload == NESTED


@pytest.mark.parametrize("name", LONGEST)
def test_no_text_of_a_record_or_event_is_longer_than_its_column(name: str) -> None:
    told = {name: "😀" * 3000}
    made = (
        Event(**{"lead_id": LEAD_ID, "at": RECEIVED_AT, "event": "x", "state": State.POISONED, **told})
        if name in Event.__dataclass_fields__
        else record(**told)
    )
    assert getattr(made, name) == "😀" * (LONGEST[name] // 2)


def test_shortened_records_compare_as_what_they_are_read_back_as() -> None:
    long, longer = record(detail="x" * 5000), record(detail="x" * 6000)
    assert long == longer
    assert long != record(detail="x" * 4095)


@pytest.mark.parametrize(
    "text",
    ["x" * LONGEST_BYTES, "日" * LONGEST_TEXT, "é" * (LONGEST_BYTES // 2), "plain", ""],
    ids=["as bytes", "as text", "as either", "short", "empty"],
)
def test_a_payload_that_fits_a_cell_is_kept_whole(text: str) -> None:
    assert kept(text) == text


def test_of_a_larger_payload_the_start_is_kept() -> None:
    assert kept("x" * (LONGEST_BYTES + 1)) == "x" * LONGEST_TEXT
    assert kept(b"x" * (LONGEST_BYTES + 1)) == b"x" * LONGEST_BYTES
    assert kept("😀" * 30_000) == "😀" * (LONGEST_TEXT // 2)
    assert kept(None) is None


def test_a_payload_is_kept_so_that_it_can_be_encoded() -> None:
    assert kept("a\ud83d") == "a\ufffd"


def test_a_lead_too_large_for_the_ledger_is_refused_or_poisoned_with_its_start() -> None:
    posted = payload(Description="x" * LONGEST_BYTES)
    with pytest.raises(InvalidLead) as why:
        Record.accepted(LEAD_ID, posted)
    assert why.value.slug == "too_large"
    assert Record.poisoned(LEAD_ID, "too_large", "", posted).payload == posted[:LONGEST_TEXT]


@pytest.mark.parametrize("posted", [payload(), payload().encode(), None])
def test_the_smallest_row_of_a_lead_is_poisoned_with_its_payload_as_bytes(posted: str | bytes | None) -> None:
    small = record(payload=posted, attempt=3).smallest("400 SomeCode")
    assert (small.state, small.reason, small.detail, small.attempt) == (
        State.POISONED,
        "row_refused",
        "400 SomeCode",
        3,
    )
    assert small.payload == (None if posted is None else payload().encode())
    assert (small.email, small.fingerprint, small.next_try_at) == ("", "", None)


@pytest.mark.parametrize(
    ("posted", "text"),
    [("{}", "{}"), (b"{}", "{}"), (b"\xef\xbb\xbf{}", "{}"), (b"\xff", None), (None, None)],
)
def test_the_text_of_a_payload_is_there_however_it_was_kept(posted: str | bytes | None, text: str | None) -> None:
    assert record(payload=posted).text == text
