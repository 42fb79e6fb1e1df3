"""A ledger with records of 1970 and of 9999: commands and sweeps look past them, in a few requests, and name them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport

from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Marks, Ports
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings, StorageByKey
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.marks import AzureMarks
from leadpipe.sweep import sweep
from leadpipe.wiring import Wiring
from tests.factories import payload
from tests.integration.cli.conftest import Runner

NOW = datetime.now(UTC)
OLD, FAR = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
A_FEW = 40


class Requests:
    """The requests to storage so far."""

    def __init__(self) -> None:
        self.count = 0

    def within(self, most: int) -> bool:
        """Whether there were no more than so many since it was asked last."""
        count, self.count = self.count, 0
        return count <= most


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    counted, send = Requests(), RequestsTransport.send

    def counting(*arguments: Any, **options: Any) -> Any:
        counted.count += 1
        return send(*arguments, **options)

    monkeypatch.setattr(RequestsTransport, "send", counting)
    return counted


@pytest.fixture(params=[State.ACCEPTED, State.FALLBACK, State.POISONED, State.WRITTEN])
def records(ledger: AzureLedger, request: pytest.FixtureRequest) -> dict[datetime, Record]:
    """One of each time in the same state, and what is of today."""
    made = {}
    for number, at in enumerate((OLD, NOW - timedelta(hours=2), FAR)):
        record = Record.accepted(new_lead_id(at, bytes([number] * 10)), payload(FirstName=f"number {number}"))
        reason = "too_long" if request.param is State.POISONED else ""
        made[at] = replace(record, state=request.param, reason=reason)
        ledger.insert(made[at])
    return made


def ids(records: dict[datetime, Record]) -> list[str]:
    return [record.lead_id for record in records.values()]


def test_leads_lists_them_all_newest_first(records: dict[datetime, Record], run: Runner, requests: Requests) -> None:
    ran = run("leads", "--json")
    assert [each["lead_id"] for each in ran.records] == [*reversed(ids(records))]
    assert requests.within(A_FEW)
    assert run("leads").code == 0


@pytest.mark.usefixtures("swept")
def test_status_names_what_waits_or_is_poisoned_of_all_times(
    records: dict[datetime, Record], run: Runner, requests: Requests
) -> None:
    (found,) = run("status", "--json").records
    assert requests.within(A_FEW)
    waiting = [*found["waiting"], *found["poisoned"]]
    assert sum(group["leads"] for group in waiting) == (0 if records[OLD].state is State.WRITTEN else 3)
    assert found["last_received_at"] < "2100"
    needs_a_person = records[OLD].state in {State.POISONED, State.ACCEPTED}  # the latter is overdue since 1970
    assert run("status").code == int(needs_a_person)


def test_balance_comes_to_its_end(records: dict[datetime, Record], run: Runner, requests: Requests) -> None:
    del records
    assert run("balance", "--since", "1970-01-01").code in {0, 1}
    assert requests.within(A_FEW)


def test_the_doctor_finds_the_last_lead(records: dict[datetime, Record], run: Runner) -> None:
    assert any(lead_id in run("doctor").out for lead_id in ids(records)[1:])


def test_show_tells_of_each(records: dict[datetime, Record], run: Runner) -> None:
    for lead_id in ids(records):
        assert run("show", lead_id).code == 0


def test_a_person_can_decide_about_each(records: dict[datetime, Record], run: Runner) -> None:
    if records[OLD].state is State.POISONED:
        assert len(run("poison", "list", "--json").records) == 3
        assert run("poison", "discard", *ids(records), "--why", "no lead", "--without-asking", "--yes").code == 0
    if records[OLD].state is State.FALLBACK:
        assert len(run("fallback", "list", "--json").records) == 3


def swept(ports: Ports) -> None:
    sweep(now=lambda: datetime.now(UTC), chance=0.5, ports=ports, settings=Settings(storage=None, dataverse=None))


def test_a_sweep_needs_a_few_requests_and_queues_what_is_overdue(
    records: dict[datetime, Record], storage: Storage, storage_account: str, requests: Requests, ledger: AzureLedger
) -> None:
    settings = Settings(storage=StorageByKey(connection_string=storage_account), dataverse=None)
    ports = Wiring(settings).delivery()
    swept(ports)
    assert requests.within(2 * A_FEW)
    marks = AzureMarks(storage).read()
    assert marks.looked_back_at is not None
    swept(ports)
    assert requests.within(A_FEW)
    if records[OLD].state is State.ACCEPTED:
        assert [(ledger.read(lead_id) or records[OLD]).attempt for lead_id in ids(records)] == [2, 2, 1]
    if records[OLD].state is State.WRITTEN:
        assert [(ledger.read(lead_id) or records[OLD]).payload is None for lead_id in ids(records)] == [
            True,
            False,
            False,
        ]


def test_status_and_balance_name_a_damaged_mark_while_it_lasts(
    run: Runner, storage: Storage, storage_account: str, ledger: AzureLedger
) -> None:
    ledger.insert(Record.accepted(new_lead_id(NOW, bytes(10)), payload()))
    marks = AzureMarks(storage)
    marks.write(marks.read(), Marks(looked_back_at=NOW + timedelta(days=900), taken_in_until=NOW))
    ran = run("status")
    assert (ran.code, "looked_back_at" in ran.out, "marks of the sweep are damaged" in ran.err) == (1, True, True)
    assert run("status", "--json").records[0]["damaged_marks"] == ["looked_back_at"]
    balance = run("balance")
    assert (balance.code, "mark_damaged" in balance.out) == (1, True)
    swept(Wiring(Settings(storage=StorageByKey(connection_string=storage_account), dataverse=None)).delivery())
    assert (run("status").code, run("balance").code) == (0, 0)
