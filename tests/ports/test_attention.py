"""How the sweep's pulse and its marks of attention behave, be it the fake or the rows."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from azure.data.tables import EdmType, EntityProperty, UpdateMode

from leadpipe.model.attention import Attention, Stage
from leadpipe.model.ports import AttentionStore
from leadpipe.model.pulse import Beat, Day, LastDay, Pulse
from leadpipe.model.record import State
from leadpipe.model.told import Told
from leadpipe.model.waiting import Tally
from leadpipe.storage.attention import LONGEST, PARTITION, AzureAttention
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import TABLE, AzureLedger
from tests.factories import RECEIVED_AT, record
from tests.unit.model.test_pulse import largest

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PULSE = Pulse(
    at=RECEIVED_AT,
    beat=Beat(queue=2, last_lead=RECEIVED_AT, wrong_keys=1, wrong_key_at=RECEIVED_AT),
    counted_at=RECEIVED_AT,
    counted_before=date(2026, 3, 13),
    older=(Tally(state=State.POISONED, reason="too_long", leads=2, oldest=RECEIVED_AT, tried_at=RECEIVED_AT),),
    damaged={"leadledger": ("20260313/x: no state",)},
    last_day=LastDay(accepted=3, written=2, p50=0.5, p95=0.9, slowest=1.5),
    days_until=date(2026, 3, 14),
    days={date(2026, 3, 13): Day(leads=5, gap=2 * DAY)},
    last_lead=RECEIVED_AT,
    names=frozenset({"source AppSource"}),
)


def told(reason: str = "poisoned", about: str = "too_long", **fields: Any) -> Told:
    attention = Attention(
        reason=reason, about=about, says="2 poisoned (too_long)", fix="edit them", count=2, since=RECEIVED_AT
    )
    return Told(attention=attention, at=RECEIVED_AT, **fields)


def marked(attention: AttentionStore, mark: Told) -> Told:
    made = attention.mark(None, mark)
    assert made is not None
    return made


def held(attention: AttentionStore) -> list[Told]:
    """The marks that are there, without their versions."""
    return [replace(mark, version=None) for mark in attention.read()[1].values()]


# The pulse


def test_before_the_first_sweep_there_is_nothing(attention: AttentionStore) -> None:
    assert attention.read() == (Pulse(), {})


@pytest.mark.parametrize("pulse", [PULSE, Pulse(), largest("x")], ids=["whole", "empty", "largest"])
def test_a_pulse_is_read_back_as_it_was_kept(attention: AttentionStore, pulse: Pulse) -> None:
    assert attention.keep_pulse(attention.read()[0], pulse)
    read = attention.read()[0]
    assert read == Pulse.from_text(pulse.to_text(), None)
    assert read.version


def test_a_pulse_moves_on_from_what_was_read(attention: AttentionStore) -> None:
    for minutes in range(3):
        assert attention.keep_pulse(attention.read()[0], replace(PULSE, at=RECEIVED_AT + minutes * MINUTE))
    assert attention.read()[0].at == RECEIVED_AT + 2 * MINUTE


def test_a_pulse_that_another_sweep_kept_meanwhile_stays(attention: AttentionStore) -> None:
    first = attention.read()[0]
    assert attention.keep_pulse(first, PULSE)
    second = attention.read()[0]
    assert attention.keep_pulse(second, replace(PULSE, at=RECEIVED_AT + MINUTE))
    for seen in (first, second):
        assert not attention.keep_pulse(seen, replace(PULSE, at=RECEIVED_AT + DAY))
    assert attention.read()[0].at == RECEIVED_AT + MINUTE


# The marks


@pytest.mark.parametrize(
    "mark",
    [
        told(),
        told(about=""),
        told(pending=Stage.BEGINS, tried_at=RECEIVED_AT + MINUTE, posted=True),
        told(is_over=True, pending=Stage.OVER),
        Told(attention=Attention(reason="silent", says="", fix=""), at=RECEIVED_AT),
    ],
    ids=["begun", "about nothing", "pending", "over", "bare"],
)
def test_a_mark_is_read_back_as_it_was_written(attention: AttentionStore, mark: Told) -> None:
    made = marked(attention, mark)
    assert made.version
    assert attention.read()[1] == {mark.attention.key: made}


ABOUTS = [
    "a/b\\c#d?e%f",
    "  two  blanks  ",
    'it\'s "quoted"',
    "ÄÖ\U0001f600 \u2028 \ufeff",
    "line\nbreak\ttab",
    "\ud800 alone",
    "x" * 5000,
    "\U0001f600" * 300,
]


@pytest.mark.parametrize("about", ABOUTS, ids=range(len(ABOUTS)))
def test_whatever_it_is_about_it_has_one_mark(attention: AttentionStore, about: str) -> None:
    mark = told(about=about)
    made = marked(attention, mark)
    assert attention.mark(None, mark) is None
    assert [*attention.read()[1]] == [mark.attention.key]
    assert attention.mark(attention.read()[1][mark.attention.key], replace(made, posted=True))
    assert [found.posted for found in held(attention)] == [True]


def test_a_text_that_is_too_long_for_a_cell_is_shortened(attention: AttentionStore) -> None:
    mark = told()
    says, fix = "\U0001f600" * 40_000, "\ud800" * 40_000
    assert marked(attention, replace(mark, attention=replace(mark.attention, says=says, fix=fix, count=2**40)))
    assert [*attention.read()[1]] == [mark.attention.key]


def test_of_two_that_add_a_mark_one_does(attention: AttentionStore) -> None:
    assert attention.mark(None, told())
    assert attention.mark(None, told(posted=True)) is None
    assert held(attention) == [told()]


def test_of_two_that_change_a_mark_one_does(attention: AttentionStore) -> None:
    seen = marked(attention, told())
    changed = attention.mark(seen, replace(seen, pending=Stage.LASTS))
    assert changed is not None
    assert attention.mark(seen, replace(seen, is_over=True)) is None
    assert attention.read()[1] == {seen.attention.key: changed}


def test_a_mark_can_be_deleted_and_added_again(attention: AttentionStore) -> None:
    seen = marked(attention, told())
    assert attention.mark(seen, None) is None
    assert held(attention) == []
    assert attention.mark(seen, None) is None
    assert attention.mark(seen, replace(seen, is_over=True)) is None
    assert attention.mark(None, told())


def test_a_mark_that_another_sweep_changed_meanwhile_is_not_deleted(attention: AttentionStore) -> None:
    seen = marked(attention, told(is_over=True))
    attention.mark(seen, replace(seen, is_over=False, pending=Stage.BEGINS))
    attention.mark(seen, None)
    assert held(attention) == [told(pending=Stage.BEGINS)]


def test_marks_of_different_attentions_do_not_touch_each_other(attention: AttentionStore) -> None:
    for about in ("a", "b", "A", "a b"):
        marked(attention, told(about=about))
    seen = attention.read()[1]
    attention.mark(seen["poisoned b"], None)
    assert attention.keep_pulse(attention.read()[0], PULSE)
    assert {*attention.read()[1]} == {"poisoned a", "poisoned A", "poisoned a b"}


def test_of_many_sweeps_at_once_exactly_one_writes_the_mark(attention: AttentionStore) -> None:
    won: list[bool] = []
    threads = [threading.Thread(target=lambda: won.append(attention.mark(None, told()) is not None)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


# Damaged rows, of the real tables alone


ABSENT = object()
CELLS: list[Any] = [
    ABSENT,
    7,
    -1,
    EntityProperty(2**40, EdmType.INT64),
    UUID("01a2018c-4f8f-47db-abf9-e4cd232b89eb"),
    True,
    1.5,
    float("nan"),
    float("inf"),
    b"\xff\x00",
    datetime(1601, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "rubbish",
    "",
    "x" * 32_768,
]
COLUMNS = ["Reason", "About", "Says", "Fix", "Count", "Since", "ToldAt", "IsOver", "Pending", "TriedAt", "Posted"]


@pytest.fixture
def real(storage: Storage) -> AzureAttention:
    return AzureAttention(storage)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_damaged_mark_is_dropped_and_the_others_are_read(real: AzureAttention, storage: Storage, column: str) -> None:
    assert real.keep_pulse(Pulse(), PULSE)
    kept = marked(real, told(reason="silent", about=""))
    table = storage.table(TABLE)
    for cell in CELLS:
        marked(real, told(pending=Stage.BEGINS, tried_at=RECEIVED_AT))
        (key,) = {row["RowKey"] for row in table.list_entities() if row.get("About") == "too_long"}
        row = {**table.get_entity(PARTITION, key), column: cell}
        table.update_entity({k: v for k, v in row.items() if v is not ABSENT}, mode=UpdateMode.REPLACE)
        for _ in range(2):
            pulse, marks = real.read()
            assert pulse == PULSE
            assert marks["silent"] == kept
        # It can be said again: the mark is dropped, or it is as good as any other.
        damaged = marks.get("poisoned too_long")
        assert real.mark(damaged, told()) is not None
        real.mark(real.read()[1]["poisoned too_long"], None)
        assert [*real.read()[1]] == ["silent"]


@pytest.mark.parametrize("cell", CELLS, ids=range(len(CELLS)))
def test_a_damaged_pulse_is_an_empty_one_that_can_be_replaced(
    real: AzureAttention, storage: Storage, cell: Any
) -> None:
    mark = marked(real, told())
    real.keep_pulse(Pulse(), PULSE)
    row = {"PartitionKey": PARTITION, "RowKey": "pulse"} | ({} if cell is ABSENT else {"Pulse": cell})
    storage.table(TABLE).update_entity(row, mode=UpdateMode.REPLACE)
    pulse, marks = real.read()
    assert (pulse, marks) == (Pulse(), {mark.attention.key: mark})
    assert real.keep_pulse(pulse, PULSE)
    assert real.read()[0] == PULSE


def test_a_row_that_leadpipe_did_not_write_is_dropped(real: AzureAttention, storage: Storage) -> None:
    mark = marked(real, told())
    table = storage.table(TABLE)
    for row_key in ("it's", "a b", "told-x", "PULSE", "ä"):
        table.create_entity({"PartitionKey": PARTITION, "RowKey": row_key, "Reason": "x", "Says": "x" * LONGEST})
    assert real.read() == (Pulse(), {mark.attention.key: mark})
    assert len([*table.list_entities()]) == 1


def test_the_ledger_does_not_see_these_rows(real: AzureAttention, storage: Storage) -> None:
    real.keep_pulse(Pulse(), PULSE)
    marked(real, told())
    ledger, damage = AzureLedger(storage), list[str]()
    assert (ledger.first_day(), ledger.next_day(RECEIVED_AT.date())) == (None, None)
    kept = ledger.insert(record())
    assert kept is not None
    assert (ledger.first_day(), ledger.next_day(RECEIVED_AT.date() + DAY)) == (RECEIVED_AT.date(), None)
    first, last = date(1970, 1, 1), date.max
    assert [found.lead_id for found in ledger.between(first, last, damage=damage)] == [kept.lead_id]
    assert len([*ledger.moving(first, RECEIVED_AT - DAY, damage=damage)]) == 1
    assert len([*ledger.due(first, RECEIVED_AT + DAY, states=frozenset({State.ACCEPTED}))]) == 1
    assert [*ledger.unforgotten(first, last)] == []
    assert damage == []
