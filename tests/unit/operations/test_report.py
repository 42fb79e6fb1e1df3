"""What the ledger says to an owner."""

from datetime import UTC, date, datetime, timedelta

import pytest

from leadpipe.model.latency import Latency
from leadpipe.model.record import Record, State
from leadpipe.operations.cost import PRICES, Service, storage_cost
from leadpipe.operations.report import MOST_OFFERS, NO_OFFER, OTHER_OFFERS, Report, reported
from tests.factories import RECEIVED_AT, lead_id, record
from tests.fakes import FakeLedger

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
AT = RECEIVED_AT + 10 * DAY


def report(*records: Record, since: datetime = RECEIVED_AT - DAY) -> Report:
    made = Report(since=since, at=AT)
    for each in records:
        made.add(each)
    return made


def written(took: timedelta = SECOND, *, after: timedelta = timedelta(0), number: int = 0, **fields: object) -> Record:
    received = RECEIVED_AT + after
    return record(lead_id(after, number), state=State.WRITTEN, written_at=received + took, **fields)


def of(state: State, number: int = 0, after: timedelta = timedelta(0), **fields: object) -> Record:
    return record(lead_id(after, number), state=state, **fields)


def test_an_empty_ledger_makes_an_empty_report() -> None:
    found = report()
    assert (found.leads, found.days, found.offers, found.latency, found.due) == (0, {}, [], None, 0)
    assert list(reported(FakeLedger([]), found)) == []
    assert found.cost.total == 0


def test_one_lead_is_on_its_day_in_its_offer_and_its_own_percentile() -> None:
    found = report(written(3 * SECOND))
    assert found.days == {RECEIVED_AT.date(): {"written": 1}}
    assert [(offer.name, offer.leads, offer.spans.latency()) for offer in found.offers] == [
        ("contoso.widget", 1, found.latency)
    ]
    assert found.latency == Latency(leads=1, p50=3 * SECOND, p95=3 * SECOND, slowest=3 * SECOND)
    assert found.slowest_lead_id == lead_id()


def test_days_are_utc_days_whatever_the_zone_of_the_start() -> None:
    midnight = datetime(2026, 3, 15, tzinfo=UTC) - RECEIVED_AT
    before, after = written(after=midnight - HOUR / 60), written(after=midnight, number=1)
    since = (RECEIVED_AT + midnight - HOUR).astimezone(datetime.fromisoformat("2026-01-01T00:00+13:00").tzinfo)
    found = report(before, after, since=since)
    assert {*found.days} == {date(2026, 3, 14), date(2026, 3, 15)}


def test_leads_received_before_the_span_or_far_in_the_future_do_not_count() -> None:
    early, future = written(after=-2 * DAY), written(after=12 * DAY)
    ahead = written(after=10 * DAY + HOUR)
    assert report(early, future).leads == 0
    assert report(ahead).leads == 1


@pytest.mark.parametrize("state", [State.ACCEPTED, State.DEFERRED, State.FALLBACK])
def test_a_lead_that_still_moves_is_open(state: State) -> None:
    assert report(of(state)).outcomes == {"open": 1}


def test_every_settled_state_is_an_outcome_of_its_own() -> None:
    settled = [State.WRITTEN, State.DUPLICATE, State.KEPT, State.POISONED, State.REJECTED, State.DISCARDED]
    found = report(*(of(state, number) for number, state in enumerate(settled)))
    assert found.outcomes == dict.fromkeys(map(str, settled), 1)


def test_a_refused_post_is_neither_a_lead_nor_of_an_offer() -> None:
    found = report(of(State.REJECTED, offer=""), written(number=1))
    assert (found.leads, [offer.name for offer in found.offers]) == (1, ["contoso.widget"])


def test_test_leads_are_counted_apart_from_everything_else() -> None:
    found = report(written(9 * HOUR, is_test=True), written(number=1))
    assert (found.test_leads, found.outcomes) == ({"written": 1}, {"written": 1})
    assert found.latency is not None
    assert (found.latency.slowest, found.due) == (SECOND, 1)


def test_a_canary_counts_nowhere() -> None:
    found = report(of(State.KEPT, reason="canary"), of(State.KEPT, reason="canary", number=1, is_test=True))
    assert (found.leads, found.test_leads, found.days) == (0, {}, {})


def test_deferred_and_rested_leads_are_in_the_times() -> None:
    quick = [written(number=number) for number in range(19)]
    found = report(*quick, written(3 * DAY, number=19, attempt=9, reason="throttled"))
    assert found.latency == Latency(leads=20, p50=SECOND, p95=SECOND, slowest=3 * DAY)
    assert found.slowest_lead_id == lead_id(number=19)


def test_a_written_lead_that_was_erased_later_keeps_its_time() -> None:
    found = report(of(State.ERASED, written_at=RECEIVED_AT + HOUR))
    assert found.latency is not None
    assert (found.outcomes, found.latency.slowest) == ({"erased": 1}, HOUR)


def test_the_24_hours_count_what_was_late_and_what_still_waits() -> None:
    found = report(
        written(24 * HOUR),
        written(24 * HOUR + SECOND, number=1),
        of(State.FALLBACK, 2),
        of(State.POISONED, 3),
        of(State.ACCEPTED, 4, after=9 * DAY + HOUR),
        of(State.DUPLICATE, 5),
    )
    assert (found.prompt, found.late, found.waiting, found.due) == (1, 1, 2, 4)


def test_a_written_lead_without_a_time_is_named_and_has_none() -> None:
    found = report(of(State.WRITTEN))
    assert (found.untimed, found.latency, found.outcomes) == (1, None, {"written": 1})


def test_a_lead_written_before_it_was_received_took_no_time_and_is_named() -> None:
    found = report(written(-SECOND))
    assert (found.clock_behind, found.prompt) == (1, 1)
    assert found.latency == Latency(leads=1, p50=0 * SECOND, p95=0 * SECOND, slowest=0 * SECOND)


def test_offers_come_with_the_most_leads_first_and_each_with_its_own_times() -> None:
    found = report(
        written(HOUR, offer="a"),
        written(number=1, offer="b"),
        of(State.DUPLICATE, 2, offer="b"),
        of(State.ACCEPTED, 3, offer=""),
    )
    assert [(offer.name, offer.leads, offer.outcomes["written"]) for offer in found.offers] == [
        ("b", 2, 1),
        (NO_OFFER, 1, 0),
        ("a", 1, 1),
    ]
    slowest = [latency and latency.slowest for latency in (offer.spans.latency() for offer in found.offers)]
    assert slowest == [SECOND, None, HOUR]


def test_any_number_of_offers_takes_a_bounded_number_of_lines() -> None:
    found = report(*(written(number=number, offer=f"o{number}") for number in range(MOST_OFFERS + 50)))
    assert len(found.offers) == MOST_OFFERS + 1
    assert (found.offers[0].name, found.offers[0].leads) == (OTHER_OFFERS, 50)


def test_the_report_is_of_all_days_of_the_span_that_the_ledger_has() -> None:
    ledger = FakeLedger([])
    for days in (-5, 0, 3, 10):
        ledger.insert(written(after=days * DAY))
    found = Report(since=RECEIVED_AT - DAY, at=AT)
    assert list(reported(ledger, found)) == [(RECEIVED_AT + days * DAY).date() for days in (0, 3, 10)]
    assert found.leads == 3


def test_sweeps_and_polls_cost_from_the_first_day_of_the_ledger_on() -> None:
    ledger = FakeLedger([])
    ledger.insert(written(after=9 * DAY))
    found = Report(since=RECEIVED_AT - 20 * DAY, at=AT)
    list(reported(ledger, found))
    since_midnight = AT - datetime(2026, 3, 23, tzinfo=UTC)
    assert found.cost.of_sweeps == round(8 * since_midnight / timedelta(minutes=1))


def test_a_lead_costs_seven_requests_a_further_try_six_and_a_refused_post_one() -> None:
    cost = storage_cost(leads=1, further_tries=0, rejected=0, span=timedelta(0))
    assert cost.of_leads == 7
    assert cost.total == cost.leads == pytest.approx((3 * PRICES[Service.QUEUE] + 4 * PRICES[Service.TABLE]) / 10_000)
    assert storage_cost(leads=0, further_tries=2, rejected=0, span=timedelta(0)).of_leads == 12
    assert storage_cost(leads=0, further_tries=0, rejected=3, span=timedelta(0)).of_leads == 3


def test_the_report_prices_leads_test_leads_tries_and_refused_posts() -> None:
    found = report(written(attempt=3), written(number=1, is_test=True), of(State.REJECTED, 2))
    assert found.cost == storage_cost(leads=2, further_tries=2, rejected=1, span=timedelta(0))
