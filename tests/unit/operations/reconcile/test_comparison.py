"""An export compared with the ledger: what is missing, why, and what cannot be told."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from leadpipe.model.change import Erased, Forgotten, transition
from leadpipe.model.errors import InvalidLead, StorageFailed
from leadpipe.model.lead_id import new_lead_id, received_at
from leadpipe.model.ports import Marks
from leadpipe.model.pulse import Beat, Pulse
from leadpipe.model.record import Record, State
from leadpipe.operations.decisions import Outcome
from leadpipe.operations.reconcile.comparison import (
    NOBODY,
    STRIPPED,
    TAKEN_IN_BEFORE,
    Comparison,
    Kind,
    compared,
)
from leadpipe.operations.reconcile.export import Export, export_of
from leadpipe.operations.reconcile.matching import Certainty
from leadpipe.operations.reconcile.take_in import rows_taken_in
from leadpipe.operations.take_in import TakingIn
from tests.factories import payload
from tests.fakes import World
from tests.partner_center_export import BEGIN, NOW, csv_of, customer, misspelt, time_of

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def export(*rows: Mapping[str, str], header: Mapping[str, str] | None = None) -> Export:
    text = csv_of(rows, header=header) if header else csv_of(rows)
    return export_of([("leads.csv", text.encode())], named={}, order=None, now=NOW)


def received(world: World, number: int, *, delay: timedelta = 3 * MINUTE / 60, **fields: Any) -> Record:
    """The lead of `customer(number)`, as the marketplace posted it soon after."""
    row = customer(number, time_of(number))
    posted = payload(
        FirstName=row["first_name"],
        LastName=row["last_name"],
        Email=row["email"],
        Company=row["customer"],
        OfferTitle=row["offer"],
    )
    lead_id = new_lead_id(time_of(number) + delay, number.to_bytes(10, "big"))
    record = replace(Record.accepted(lead_id, posted), **{"state": State.WRITTEN, **fields})
    inserted = world.ledger.insert(record)
    assert inserted is not None
    return inserted


def forgotten(world: World, record: Record) -> None:
    after = transition(record, Forgotten(), at=NOW)
    assert after is not None
    world.ledger.write(record, after.after, None)


def compare(world: World, found: Export) -> Comparison:
    return compared(found, ports=world.ports, now=NOW)


def causes(found: Comparison) -> dict[str, str]:
    """The cause of each missing row, by its customer's number."""
    return {each.row.email: each.why.cause for each in found.of(Kind.MISSING) if each.row and each.why}


def take_in(world: World, found: Comparison) -> list[Outcome]:
    taking = TakingIn(world.ports, lambda: NOW, retention=90 * DAY)
    return [result.outcome for _, result in rows_taken_in([*found.missing], found.missing, taking)]


LOST = {*range(100, 1000, 45)}
EARLY = {*range(10)}
SPOILT = {*range(15, 1000, 33)}


def test_of_a_thousand_rows_each_missing_one_is_found_and_taken_in_once() -> None:
    """20 never arrived, 30 are spelt in another way, and 10 are from before leadpipe."""
    assert (len(LOST), len(EARLY), len(SPOILT), SPOILT & (LOST | EARLY)) == (20, 10, 30, set())
    world = World()
    for number in {*range(1000)} - LOST - EARLY:
        received(world, number)
    rows = [customer(number, time_of(number)) for number in range(1000)]
    whole = export(*(misspelt(row, n) if n in SPOILT else row for n, row in enumerate(rows)))

    found = compare(world, whole)
    by_cause = causes(found)
    early = {rows[number]["email"] for number in EARLY}
    assert {email for email, cause in by_cause.items() if cause == "before_leadpipe"} == early
    assert by_cause.keys() - early == {rows[number]["email"] for number in LOST}
    assert found.counts == Counter({Kind.BOTH: 970, Kind.MISSING: 30})
    assert {each.certainty for each in found.of(Kind.BOTH)} == {Certainty.EXACT}

    assert take_in(world, found) == [Outcome.TAKEN_IN] * 30
    assert take_in(world, found) == [Outcome.ALREADY_HERE] * 30
    again = compare(world, whole)
    assert (again.missing, again.counts) == ({}, Counter({Kind.BOTH: 1000}))
    assert (len(world.ledger.rows), len(world.queue.messages)) == (1000, 30)
    lead = next(each for each in again.of(Kind.BOTH) if each.row and each.row.line == 2).lead
    assert lead is not None
    assert (received_at(lead.lead_id), lead.email) == (time_of(0), "rene.0@firm0.example")


def test_a_row_whose_record_is_not_there_yet_is_taken_in_under_the_same_id() -> None:
    world = World()
    found = compare(world, export(customer(1, time_of(1))))
    world.ledger.failing = [StorageFailed("storage_unreachable")]
    assert (take_in(world, found), world.ledger.rows) == ([Outcome.FAILED], {})
    assert take_in(world, compare(world, export(customer(1, time_of(1))))) == [Outcome.TAKEN_IN]
    assert [*world.ledger.rows] == [claim.lead_id for claim in world.claims.rows.values()]


def test_a_lead_taken_in_before_counts_as_there_after_retention_and_after_erasure() -> None:
    world, found = World(), export(customer(1, time_of(1)), customer(2, time_of(2)))
    assert take_in(world, compare(world, found)) == [Outcome.TAKEN_IN] * 2
    first, second = world.ledger.rows.values()
    written = replace(first, state=State.WRITTEN)
    forgotten(world, world.ledger.write(first, written, None))
    erased = transition(second, Erased(actor="a"), at=NOW)
    assert erased is not None
    world.ledger.write(second, erased.after, None)
    again = compare(world, found)
    assert [each.detail for each in again.of(Kind.BOTH)] == [TAKEN_IN_BEFORE] * 2
    assert again.missing == {}


def test_a_stripped_lead_makes_its_row_untellable_and_hides_no_missing_one() -> None:
    world = World()
    for number in (1, 3):
        forgotten(world, received(world, number))
    received(world, 9)
    found = compare(world, export(*(customer(number, time_of(number)) for number in (1, 2, 3, 9))))
    assert found.counts == Counter({Kind.BOTH: 1, Kind.CANNOT_TELL: 2, Kind.MISSING: 1})
    assert {each.detail for each in found.of(Kind.CANNOT_TELL)} == {STRIPPED}
    assert [each.row and each.row.line for each in found.of(Kind.MISSING)] == [3]


def test_an_erased_lead_hides_one_undated_row_at_most_and_none_of_another_offer() -> None:
    world = World()
    for number in (1, 9):
        received(world, number)
    erased = transition(received(world, 2), Erased(actor="a"), at=NOW)
    assert erased is not None
    world.ledger.write(world.ledger.rows[erased.after.lead_id], erased.after, None)
    undated = [{**customer(number, BEGIN), "created": ""} for number in (2, 3, 4)]
    assert compare(world, export(*undated)).counts == Counter({Kind.CANNOT_TELL: 1, Kind.MISSING: 2})
    gadgets = [{**row, "offer": "Contoso Gadget"} for row in undated]
    assert compare(world, export(*gadgets)).counts == Counter({Kind.MISSING: 3})


def test_a_lead_that_names_nobody_is_no_rows_partner() -> None:
    world = World()
    lead_id = new_lead_id(time_of(1), bytes(10))
    withheld = payload(FirstName="", LastName="", Email="", Company="", Phone="")
    world.ledger.insert(replace(Record.accepted(lead_id, withheld), state=State.WRITTEN))
    found = compare(world, export(customer(1, time_of(1))))
    assert found.counts[Kind.MISSING] == 1


def test_a_weak_row_that_was_taken_in_is_its_own_lead_from_then_on() -> None:
    """The row names a firm alone, so its own lead is a weak partner too."""
    world = World()
    received(world, 1)
    whole = export({**customer(1, time_of(1)), "first_name": "", "last_name": "", "email": ""})
    (weak,) = compare(world, whole).findings
    assert (weak.certainty, weak.needs_person) == (Certainty.WEAK, True)
    taking = TakingIn(world.ports, lambda: NOW, retention=90 * DAY)
    assert weak.row is not None
    for outcome in (Outcome.TAKEN_IN, Outcome.ALREADY_HERE):
        results = rows_taken_in([weak.row.key], {weak.row.key: weak.row}, taking)
        assert [result.outcome for _, result in results] == [outcome]
    again = compare(world, whole)
    assert (again.for_a_person, again.of(Kind.BOTH)[0].detail) == ([], TAKEN_IN_BEFORE)


@pytest.mark.parametrize("moved", [-30 * DAY, -1 * DAY], ids=["long before the rows", "within their week"])
def test_moved_in_leads_do_not_make_leadpipe_older_than_its_first_work(moved: timedelta) -> None:
    world = World()
    old = new_lead_id(time_of(1) + moved, bytes(10))
    taken = replace(Record.accepted(old, payload()), state=State.WRITTEN, written_at=NOW, updated_at=NOW)
    world.ledger.insert(taken)
    world.ledger.insert(
        Record.rejected(new_lead_id(time_of(1) + moved, bytes([1] * 10)), InvalidLead("not_json"), b"{")
    )
    rows = export(*(customer(number, time_of(number)) for number in (1, 2, 3)))
    assert {*causes(compare(world, rows)).values()} == {"before_leadpipe"}
    for number in (2, 4):
        received(world, number)
    assert [*causes(compare(world, rows)).values()] == ["before_leadpipe", "unknown"]


@pytest.mark.parametrize(
    "fields", [{"key_name": "a"}, {"state": State.REJECTED, "reason": "wrong_key"}, {"written_at": BEGIN - 29 * DAY}]
)
def test_an_old_lead_that_came_by_a_post_is_the_beginning(fields: dict[str, Any]) -> None:
    world = World()
    posted = replace(Record.accepted(new_lead_id(BEGIN - 30 * DAY, bytes(10)), payload()), state=State.WRITTEN)
    world.ledger.insert(replace(posted, **{"updated_at": NOW, **fields}))
    found = compare(world, export(*(customer(number, time_of(number)) for number in (1, 2, 3))))
    assert {*causes(found).values()} == {"nothing_received"}


def test_a_row_without_its_person_is_not_taken_in() -> None:
    world, bare = World(), {"offer": "Contoso Widget", "created": "2026-01-12 08:00"}
    found = compare(world, export(bare))
    assert [(each.kind, each.detail) for each in found.findings] == [(Kind.CANNOT_TELL, NOBODY)]


def test_leads_that_only_the_ledger_has_are_listed_within_the_rows_span() -> None:
    world = World()
    for number in (0, 1, 2, 3, 400):
        received(world, number)
    received(world, 1, delay=MINUTE, state=State.DUPLICATE)
    received(world, 1, delay=2 * MINUTE, is_test=True)
    found = compare(world, export(customer(0, time_of(0)), customer(3, time_of(3))))
    alone = [each.lead.email for each in found.of(Kind.HERE_ALONE) if each.lead]
    assert sorted(alone) == ["rene.1@firm1.example", "rene.2@firm2.example"]


def test_a_post_with_a_wrong_key_is_found_in_what_was_rejected() -> None:
    world = World()
    received(world, 1)
    rejected = received(world, 2, state=State.REJECTED, reason="wrong_key")
    found = compare(world, export(*(customer(number, time_of(number)) for number in (1, 2, 3))))
    assert [each.lead and each.lead.lead_id for each in found.of(Kind.REJECTED)] == [rejected.lead_id]
    assert causes(found) == {"rene.3@firm3.example": "wrong_key"}


def test_leads_missing_in_a_row_were_lost_in_a_silence_and_it_is_named() -> None:
    world = World()
    for number in (1, 2, 6, 7):
        received(world, number)
    found = compare(world, export(*(customer(number, time_of(number)) for number in range(1, 8))))
    assert [*causes(found).values()] == ["nothing_received"] * 3
    details = {each.why.detail for each in found.of(Kind.MISSING) if each.why}
    assert details == {"from 2026-01-10 06:40:03Z until 2026-01-10 20:00:03Z, 13h 20m"}


@pytest.mark.parametrize(("usual", "cause"), [(None, "nothing_received"), (5 * DAY, "unknown")])
def test_one_lead_missing_in_a_long_gap_is_a_silence_unless_such_gaps_are_usual(
    usual: timedelta | None, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    monkeypatch.setattr(Pulse, "usual_gap", property(lambda _: usual))
    for number in (1, 20):
        received(world, number)
    found = compare(world, export(*(customer(number, time_of(number)) for number in (1, 10, 20))))
    assert [*causes(found).values()] == [cause]


def test_an_offer_of_which_no_lead_is_here_goes_elsewhere() -> None:
    world = World()
    for number in (1, 3):
        received(world, number)
    gadget = {**customer(2, time_of(2)), "offer": "Contoso Gadget"}
    assert [*causes(compare(world, export(customer(1, time_of(1)), gadget))).values()] == ["offer_elsewhere"]


def test_a_day_with_unreadable_posts_and_a_profiles_lead_are_causes_too() -> None:
    world = World()
    received(world, 1)
    received(world, 3)
    assert [*causes(compare(world, export(customer(1, time_of(1)), customer(2, time_of(2))))).values()] == ["unknown"]
    lead_id = new_lead_id(time_of(2) + HOUR, bytes(10))
    world.ledger.insert(Record.rejected(lead_id, InvalidLead("not_json"), b"{"))
    assert [*causes(compare(world, export(customer(1, time_of(1)), customer(2, time_of(2))))).values()] == [
        "not_a_lead"
    ]
    header = {"lead_type": "Lead type", "email": "Email", "created": "Created"}
    profile = {**customer(2, time_of(2)), "lead_type": "Profile"}
    assert [*causes(compare(world, export(profile, header=header))).values()] == ["profile"]


def test_an_empty_ledger_makes_every_row_one_from_before_leadpipe() -> None:
    found = compare(World(), export(customer(1, time_of(1)), {**customer(2, time_of(2)), "created": ""}))
    assert sorted(causes(found).values()) == ["before_leadpipe", "no_date"]


def test_damaged_rows_are_listed_and_an_empty_export_finds_nothing() -> None:
    world = World()
    received(world, 1)
    found = compare(world, export({"quality": "High"}))
    assert [(each.kind, each.place, each.detail) for each in found.findings] == [
        (Kind.UNREADABLE, "leads.csv:2", "it has nothing of a lead")
    ]
    assert compare(world, export()).findings == []


def test_only_the_days_of_the_rows_and_a_week_around_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    world, asked = World(), []
    between = world.ledger.between
    monkeypatch.setattr(
        world.ledger, "between", lambda first, last, **more: asked.append((first, last)) or between(first, last, **more)
    )
    read: list[int] = []
    received(world, 1)
    compared(
        export(customer(1, time_of(1))), ports=world.ports, now=NOW, progress=lambda number, _: read.append(number)
    )
    assert asked == [((BEGIN - 7 * DAY).date(), (BEGIN + 7 * DAY).date())]
    assert read == [1]


@pytest.mark.parametrize(
    ("last_lead", "until"),
    [(None, NOW), (time_of(1) + DAY, NOW), (time_of(1) + DAY + MINUTE, time_of(1))],
)
def test_an_old_export_does_not_count_as_one_of_today(last_lead: datetime | None, until: datetime) -> None:
    world = World()
    world.attention.keep_pulse(Pulse(), Pulse(beat=Beat(last_lead=last_lead)))
    assert compare(world, export(customer(1, time_of(1)))).until == until


def test_the_sweep_looks_again_from_the_day_of_the_oldest_row() -> None:
    world = World()
    world.marks.write(world.marks.read(), Marks(watermark=NOW.date(), taken_in_until=NOW))
    take_in(world, compare(world, export(customer(9, time_of(9)), customer(1, time_of(1)))))
    assert world.marks.read().watermark == BEGIN.date()
