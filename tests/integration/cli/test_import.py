"""`leadpipe import` on a real account: rows of the marketplace's own table destination."""

import json
from datetime import date

import pytest

from leadpipe.model.errors import RowRefused, StorageFailed
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Marks
from leadpipe.model.record import Record, State
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.marks import AzureMarks
from tests.factories import record
from tests.integration.cli.conftest import Runner


@pytest.fixture
def rows(storage: Storage) -> None:
    """Three rows of the marketplace's, and one of leadpipe's own."""
    table = storage.table("marketplaceleads")
    table.create_table()
    for number in range(3):
        customer = json.dumps({"FirstName": "Jo", "Email": f"jo{number}@x.example"})
        table.create_entity({"PartitionKey": "p", "RowKey": f"{number}", "LeadSource": "s", "CustomerInfo": customer})
    table.create_entity({"PartitionKey": "q", "RowKey": "r", "LeadId": record().lead_id, "LeadSource": "s"})


@pytest.mark.usefixtures("rows")
def test_each_row_of_the_marketplaces_becomes_a_lead_once(run: Runner, ledger: AzureLedger, storage: Storage) -> None:
    dry = run("import", "--dry-run")
    assert (dry.code, "3 leads to take in" in dry.err, ledger.first_day()) == (0, True, None)
    ran = run("import", "--yes", "--json")
    ids = [each["lead_id"] for each in ran.records]
    assert (ran.code, len({*ids})) == (0, 3)
    records = [ledger.read(lead) for lead in ids]
    assert {each.email for each in records if each} == {f"jo{number}@x.example" for number in range(3)}
    assert {each.state for each in records if each} == {State.ACCEPTED}
    assert "0 leads to take in" in run("import", "--yes").err
    assert len([*storage.table("marketplaceleads").list_entities()]) == 4


@pytest.mark.usefixtures("rows")
def test_a_row_with_somebody_elses_lead_id_is_one_of_the_marketplaces(run: Runner, storage: Storage) -> None:
    table = storage.table("marketplaceleads")
    for number, cell in enumerate(("4711", "", "01a2018c-4f8f-47db-abf9-e4cd232b89eb", 4711)):
        table.create_entity({"PartitionKey": "crm", "RowKey": f"{number}", "LeadId": cell, "LeadSource": "s"})
    table.create_entity({"PartitionKey": "20260314", "RowKey": "copy", "LeadId": record().lead_id})
    assert "7 leads to take in" in run("import", "--dry-run").err
    status = run("status", "--json").records[0]
    assert status["damaged_fallback_rows"] == ["20260314/copy: its keys do not belong to a lead"]


@pytest.mark.usefixtures("rows")
def test_the_sweep_is_sent_back_to_the_day_of_the_oldest(run: Runner, storage: Storage) -> None:
    marks = AzureMarks(storage)
    marks.write(marks.read(), Marks(watermark=date(2999, 1, 1), forgotten_before=date(2999, 1, 1)))
    assert run("import", "--yes").code == 0
    assert marks.read().watermark == marks.read().forgotten_before
    assert (marks.read().watermark or date.max) < date(2999, 1, 1)


@pytest.mark.usefixtures("rows")
def test_it_asks_first_and_takes_only_what_is_in_the_span(run: Runner, ledger: AzureLedger) -> None:
    assert run("import", answer="n\n").code == 1
    assert ledger.first_day() is None
    assert "0 leads to take in" in run("import", "--since", "0s").err


def test_a_customer_is_read_however_often_encoded_and_what_is_unread_is_kept(
    run: Runner, ledger: AzureLedger, storage: Storage
) -> None:
    table = storage.table("marketplaceleads")
    table.create_table()
    jo = json.dumps({"FirstName": "Jo", "Email": "jo@x.example"})
    for number, customer in enumerate([json.dumps(jo), json.dumps(json.dumps(jo)), f"\ufeff[{jo}] ", jo[:-1]]):
        row = {"PartitionKey": "p", "RowKey": f"{number}", "LeadSource": "SPZA-INS", "ProductId": "contoso.widget"}
        table.create_entity({**row, "CustomerInfo": customer, "Description": f"{number}"})
    ids = [each["lead_id"] for each in run("import", "--yes", "--json").records]
    leads = [Lead.from_payload(str(record.payload)) for lead in ids if (record := ledger.read(lead))]
    assert {(lead.name, lead.email) for lead in leads} == {("Jo", "jo@x.example")}
    assert {(lead.source, lead.action, lead.offer) for lead in leads} == {("AppSource", "INS", "contoso.widget")}
    assert sorted(lead.unread for lead in leads) == [(), (), (), ("CustomerInfo",)]


def test_an_account_without_the_table_has_nothing_to_take_in(run: Runner) -> None:
    ran = run("import")
    assert (ran.code, "0 leads to take in" in ran.err) == (0, True)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("failure", [StorageFailed("storage_error"), TypeError("jo1")])
def test_a_row_that_cannot_be_taken_in_is_named_with_its_reason_and_others_follow(
    run: Runner, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    insert = AzureLedger.insert

    def refuses(self: AzureLedger, record: Record) -> Record | None:
        if record.email == "jo1@x.example":
            raise failure
        return insert(self, record)

    monkeypatch.setattr(AzureLedger, "insert", refuses)
    ran = run("import", "--yes", "--json")
    reason = getattr(failure, "slug", "TypeError")
    assert ran.code == 1
    assert sorted(each["outcome"] for each in ran.records) == ["failed", "taken in", "taken in"]
    assert [each["reason"] for each in ran.records if each["outcome"] == "failed"] == [reason]
    assert f"1 failed ({reason})" in ran.err
    assert "jo1" not in ran.out + ran.err


@pytest.mark.usefixtures("rows")
def test_a_row_that_the_ledger_refuses_is_kept_as_poisoned_where_a_person_finds_it(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = AzureLedger.insert

    def refuses(self: AzureLedger, record: Record) -> Record | None:
        if record.email == "jo1@x.example":
            raise RowRefused("row_refused", "the ledger answered 400 PropertyValueTooLarge")
        return insert(self, record)

    monkeypatch.setattr(AzureLedger, "insert", refuses)
    ran = run("import", "--yes", "--json")
    assert [each["outcome"] for each in ran.records] == ["taken in"] * 3
    assert run("status").code == 1
    (poisoned,) = run("poison", "list", "--json").records
    assert (poisoned["reason"], poisoned["state"]) == ("row_refused", "poisoned")


@pytest.mark.usefixtures("rows")
def test_a_row_whose_claim_cannot_be_read_is_one_to_take_in(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object) -> None:
        raise TypeError

    monkeypatch.setattr(AzureClaims, "read", unreadable)
    assert "3 leads to take in" in run("import", "--dry-run").err


@pytest.mark.usefixtures("rows")
def test_storage_that_is_away_ends_it(run: Runner, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    table = storage.table("marketplaceleads")
    for number in range(20):
        table.create_entity({"PartitionKey": "z", "RowKey": f"{number}", "LeadSource": "s", "CustomerInfo": "{}"})

    def away(*_: object) -> None:
        raise StorageFailed("storage_unreachable")

    monkeypatch.setattr(AzureClaims, "take", away)
    ran = run("import", "--yes", "--json")
    assert (ran.code, len(ran.records)) == (1, 5)
    monkeypatch.setattr(AzureClaims, "read", away)
    with pytest.raises(StorageFailed):
        run("import", "--yes")
