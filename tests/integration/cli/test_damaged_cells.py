"""Each column of each table damaged: of another type, of another value, missing, huge.

One lead a case, all in one account. Everything runs once over all of them, in this order: commands, delivery, a sweep,
commands again. No case may stop what comes after it, each is named, and the lead goes on or waits for a person.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any
from uuid import UUID

import pytest
from azure.data.tables import EdmType, EntityProperty, UpdateMode

from leadpipe.delivery import deliver
from leadpipe.model.change import Deferred, ToFallback, transition
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import RecordDamaged
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Ports
from leadpipe.model.record import Record
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.rows import EVENT_COLUMNS, RECORD_COLUMNS, keys
from leadpipe.sweep import sweep
from tests.factories import payload, record, settings
from tests.fakes import FakeDynamics
from tests.integration.cli.conftest import Ran, Runner
from tests.real_ports import ports_on

ABSENT = object()
LONG_AGO = datetime(1601, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
GUID = UUID("01a2018c-4f8f-47db-abf9-e4cd232b89eb")
BIG = EntityProperty(2**40, EdmType.INT64)
HUGE = "x" * 32_768
OTHER_TYPES: dict[str, dict[str, object]] = {
    "text": {
        "a number": 7,
        "a 64-bit number": BIG,
        "a GUID": GUID,
        "yes": True,
        "NaN": float("nan"),
        "bytes": b"\xff\x00",
        "a time": LONG_AGO,
    },
    "number": {"text": "one", "yes": True, "NaN": float("nan"), "a time": LONG_AGO, "bytes": b"1"},
    "time": {"text": "tomorrow", "a number": 7, "yes": True, "NaN": float("nan"), "a GUID": GUID},
    "flag": {"text": "yes", "a number": 1},
}
TIMES = {"ReceivedAt", "WrittenAt", "UpdatedAt", "NextTryAt", "FailingSince", "At"}
NUMBERS = {"Attempt", "Rounds"}
FLAGS = {"OwnLead", "IsTest"}


@dataclass(frozen=True)
class Case:
    """One damage. `named`: status says that the row is damaged. `goes_on`: the lead is delivered all the same."""

    column: str
    how: str
    cell: object
    named: bool = True
    goes_on: bool = False

    def __str__(self) -> str:
        return f"{self.column} {self.how}"


def type_of(column: str) -> str:
    if column in TIMES:
        return "time"
    if column in NUMBERS:
        return "number"
    return "flag" if column in FLAGS else "text"


def of_another_type(columns: Iterable[str], each: int = 2) -> Iterator[Case]:
    """So many other types for each column, the next column going on with the next ones."""
    types = {kind: cycle(others.items()) for kind, others in OTHER_TYPES.items()}
    for column in columns:
        for how, cell in islice(types[type_of(column)], each):
            yield Case(column, f"is {how}", cell, goes_on=column in {"ReceivedAt", "Kind"})


SOUND_WITHOUT = {"Reason", "Detail", "WrittenAt", "FailingSince", "Fingerprint", "DuplicateOf", "OwnLead", "Offer"} | {
    "Source",
    "Action",
    "Email",
    "Name",
    "Company",
    "IsTest",
}
HEALED_WITHOUT = {"Kind", "ReceivedAt", "UpdatedAt", "NextTryAt", "Attempt", "Rounds"}
RECORD_CASES = [
    *of_another_type(["Kind", *(column for column in RECORD_COLUMNS.values() if column != "Payload")]),
    *(Case(column, "is missing", ABSENT, named=False, goes_on=True) for column in sorted(SOUND_WITHOUT)),
    *(Case(column, "is missing", ABSENT, goes_on=True) for column in sorted(HEALED_WITHOUT)),
    *(Case(column, "is missing", ABSENT) for column in ("LeadId", "State")),
    # What a lead's own text says in a list is not checked.
    *(Case(column, "is huge", HUGE, named=False, goes_on=True) for column in ("Reason", "Detail", "Offer", "Name")),
    *(Case(column, "is huge", HUGE) for column in ("LeadId", "State", "DuplicateOf")),
    *(Case(column, "is huge", HUGE, goes_on=True) for column in ("Kind", "Fingerprint")),
    *(Case(column, "is of 1601", LONG_AGO, goes_on=True) for column in ("ReceivedAt", "UpdatedAt")),
    *(Case(column, "is of 1601", LONG_AGO, goes_on=True) for column in ("WrittenAt", "FailingSince")),
    Case("NextTryAt", "is of 1601", LONG_AGO, named=False, goes_on=True),
    *(Case(column, "is of 9999", FAR_AHEAD, goes_on=True) for column in sorted(TIMES - {"At"})),
    Case("Kind", "is another", "lead", goes_on=True),
    Case("Kind", "is empty", "", goes_on=True),
    Case("LeadId", "is rubbish", "rubbish"),
    Case("LeadId", "is another lead's", "01a2018c-4f8f-77db-abf9-e4cd232b89eb"),
    Case("LeadId", "is empty", ""),
    Case("State", "is of a newer leadpipe", "paused"),
    Case("State", "is in capitals", "ACCEPTED"),
    Case("State", "is empty", ""),
    Case("Attempt", "is 0", 0),
    Case("Attempt", "is negative", -1),
    Case("Attempt", "is the largest number", 2**31 - 1),
    Case("Attempt", "is a 64-bit number", BIG),
    Case("Rounds", "is negative", -1),
    Case("Rounds", "is the largest number", 2**31 - 1),
    Case("Fingerprint", "is rubbish", "rubbish", goes_on=True),
    Case("DuplicateOf", "is rubbish", "rubbish"),
    Case("DuplicateOf", "is in capitals", "01A2018C-4F8F-77DB-ABF9-E4CD232B89EB"),
    Case("Payload", "is bytes of the same text", payload().encode(), named=False, goes_on=True),
]
# These are seen when the lead is delivered: what is kept of it cannot be written, and it is poisoned.
PAYLOAD_CASES = [
    *(Case("Payload", f"is {how}", cell) for how, cell in OTHER_TYPES["text"].items()),
    Case("Payload", "is missing", ABSENT),
    Case("Payload", "is empty", ""),
    Case("Payload", "is no lead", "rubbish"),
    Case("Payload", "is huge", HUGE),
    Case("Payload", "is huge bytes", b"x" * 65_536),
]
EVENT_CASES = [
    *of_another_type(["Kind", *(column for column in EVENT_COLUMNS.values() if column != "Payload")]),
    Case("Payload", "is a number", 7),
    *(Case(column, "is missing", ABSENT) for column in ("Kind", "LeadId", "At", "Event", "State")),
    *(Case(column, "is missing", ABSENT, named=False) for column in ("Reason", "Detail", "Actor", "Payload")),
    *(Case(column, "is huge", HUGE) for column in ("Kind", "LeadId", "State")),
    *(Case(column, "is huge", HUGE, named=False) for column in ("Event", "Reason", "Detail", "Actor", "Payload")),
    Case("At", "is of 9999", FAR_AHEAD),
    Case("State", "is of a newer leadpipe", "paused"),
    Case("LeadId", "is another lead's", "01a2018c-4f8f-77db-abf9-e4cd232b89eb"),
]
# `named`: at a glance, as status looks; balance reads every claim.
CLAIM_CASES = [
    *(replace(case, named=case.cell is not True) for case in of_another_type(["LeadId"], each=7)),
    *of_another_type(["ReceivedAt"], each=5),
    *(Case(column, "is missing", ABSENT) for column in ("LeadId", "ReceivedAt")),
    *(Case("LeadId", how, cell) for how, cell in (("is rubbish", "rubbish"), ("is empty", ""), ("is huge", HUGE))),
    Case("LeadId", "is in capitals", "01A2018C-4F8F-77DB-ABF9-E4CD232B89EB", named=False),
    *(Case("ReceivedAt", f"is of {at.year}", at) for at in (LONG_AGO, FAR_AHEAD)),
]
FALLBACK_CASES = [
    *of_another_type(["LeadId"], each=7),
    Case("LeadId", "is missing", ABSENT),
    *(Case("LeadId", how, cell) for how, cell in (("is rubbish", "rubbish"), ("is empty", ""), ("is huge", HUGE))),
    Case("LeadId", "is another lead's", "01a2018c-4f8f-77db-abf9-e4cd232b89eb"),
    *(
        Case(column, how, cell, named=False)
        for column in ("CustomerInfo", "LeadSource", "CreatedTime")
        for how, cell in (("is a number", 7), ("is missing", ABSENT), ("is huge", HUGE))
    ),
]


@dataclass
class Account:
    """A storage account, with a lead for each case, and what was seen of them."""

    storage: Storage
    ports: Ports
    run: Runner
    dynamics: FakeDynamics
    leads: dict[str, Record] = field(default_factory=dict)
    shown_before: dict[str, str] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    logged: str = ""

    @classmethod
    def connected(cls, account: str, run: Runner) -> "Account":
        storage = connect(StorageByKey(connection_string=account), retries=1)
        dynamics = FakeDynamics([])
        return cls(storage=storage, ports=ports_on(storage, dynamics), run=run, dynamics=dynamics)

    def lead_of(self, table: str, case: Case) -> Record:
        return self.leads[f"{table} {case}"]

    def accepted(self, table: str, case: Case) -> Record:
        """A lead of its own for that case."""
        number = len(self.leads)
        lead_id = new_lead_id(datetime.now(UTC) - timedelta(hours=3), number.to_bytes(10, "big"))
        made = self.ports.ledger.insert(record(lead_id, posted=payload(Company=f"Company {number}")))
        assert made is not None
        self.leads[f"{table} {case}"] = made
        return made

    def changed(self, before: Record, change: Deferred | ToFallback) -> Record:
        after, event = transition(before, change, at=before.received_at) or (before, None)
        return self.ports.ledger.write(before, after, event)

    def damage(self, table: str, partition_key: str, row_key: str, case: Case) -> None:
        self.put_damaged(table, self.storage.table(table).get_entity(partition_key, row_key), case)

    def put_damaged(self, table: str, sound: Mapping[str, Any], case: Case) -> None:
        row = {**sound, case.column: case.cell}
        whole = {column: cell for column, cell in row.items() if cell is not ABSENT}
        self.storage.table(table).update_entity(whole, mode=UpdateMode.REPLACE)

    def damage_all(
        self, *, records: list[Case], events: list[Case], claims: list[Case], fallback_rows: list[Case]
    ) -> None:
        for case in records:
            lead = self.accepted("record", case)
            self.damage("leadledger", *keys(lead.lead_id), case)
        for case in events:
            lead = self.accepted("event", case)
            deferred = Deferred(reason="throttled", detail="429", attempt=2, next_try_at=lead.received_at)
            self.leads[f"event {case}"] = self.changed(lead, deferred)
            self.damage("leadledger", *keys_of_event(self, lead), case)
        for case in claims:
            lead = self.accepted("claim", case)
            self.ports.claims.take(
                Claim(fingerprint=lead.fingerprint, lead_id=lead.lead_id, received_at=lead.received_at)
            )
            self.damage("leadclaims", lead.fingerprint[:2], lead.fingerprint, case)
        for case in fallback_rows:
            lead = self.accepted("fallback", case)
            self.ports.fallback.keep(lead)
            self.changed(lead, ToFallback(reason="no_dynamics", next_try_at=None))
            self.damage("marketplaceleads", keys(lead.lead_id)[0], lead.lead_id, case)

    def deliver(self, lead: Record) -> None:
        text = Envelope.for_payload(lead.lead_id, None, attempt=lead.attempt).to_text()
        deliver(text, dequeue_count=1, chance=0.5, now=lambda: datetime.now(UTC), ports=self.ports, settings=settings())

    def sweep(self) -> None:
        sweep(now=lambda: datetime.now(UTC), chance=0.5, ports=self.ports, settings=settings())

    def look(self) -> dict[str, Any]:
        """What every command that reads says, each of them with an exit code that it has words for."""
        (status,) = self.ran("status", "--json").records
        (balance,) = self.ran("balance", "--json").records
        self.ran("leads", "--json", "--limit", "100000")
        self.ran("poison", "list")
        self.ran("fallback", "list")
        self.ran("import", "--dry-run")
        self.ran("erase", "--email", "nobody@contoso.com", "--dry-run")
        self.ran("poison", "replay", "--all", "--dry-run")
        return {"status": status, "balance": balance}

    def ran(self, *arguments: str) -> Ran:
        ran = self.run(*arguments)
        assert ran.code in {0, 1}, (arguments, ran.err)
        return ran

    def shown(self, lead: Record) -> str:
        """What `show` says, or why it cannot."""
        try:
            return self.ran("show", lead.lead_id, "--json").out
        except RecordDamaged as damaged:  # of which `main` makes a line
            return str(damaged)


@pytest.fixture(scope="module")
def account(module_storage_account: str) -> Iterator[Account]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield Account.connected(
            module_storage_account, Runner({"AzureWebJobsStorage": module_storage_account}, monkeypatch)
        )


@pytest.fixture(scope="module")
def damaged(account: Account) -> Account:
    """The account after everything has run over it."""
    account.damage_all(
        records=RECORD_CASES + PAYLOAD_CASES, events=EVENT_CASES, claims=CLAIM_CASES, fallback_rows=FALLBACK_CASES
    )
    handler = Kept()
    logging.getLogger("leadpipe").addHandler(handler)
    account.before = account.look()
    account.shown_before = {name: account.shown(lead) for name, lead in account.leads.items() if "record" in name}
    for lead in account.leads.values():
        account.deliver(lead)
    account.sweep()
    account.after = account.look()
    logging.getLogger("leadpipe").removeHandler(handler)
    account.logged = "\n".join(handler.lines)
    return account


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, line: logging.LogRecord) -> None:
        self.lines.append(line.getMessage())


def keys_of_event(account: Account, lead: Record) -> tuple[str, str]:
    day, row_key = keys(lead.lead_id)
    query = f"PartitionKey eq '{day}' and RowKey ge '{row_key}~' and RowKey lt '{row_key}~~'"
    (event,) = account.storage.table("leadledger").query_entities(query)
    return event["PartitionKey"], event["RowKey"]


def names(rows: list[str], lead: Record) -> bool:
    """Whether one of the lines names the row of that lead, or a row of its history."""
    return any("/".join(keys(lead.lead_id)) in row for row in rows)


def found(looked: dict[str, Any], what: str) -> list[str]:
    return [offender["id"] for offender in looked["balance"]["offenders"] if offender["what"] == what]


@pytest.mark.parametrize("case", RECORD_CASES, ids=str)
def test_a_record_with_a_damaged_cell_is_named_and_continues_or_waits(damaged: Account, case: Case) -> None:
    lead = damaged.lead_of("record", case)
    row = "/".join(keys(lead.lead_id))
    assert names(damaged.before["status"]["damaged_rows"], lead) is case.named
    assert (row in found(damaged.before, "record_damaged")) is case.named
    assert (lead.lead_id in damaged.dynamics.leads) is case.goes_on
    if case.named:
        assert row in damaged.shown_before[f"record {case}"]
        assert row in damaged.logged
    if not case.goes_on:
        assert names(damaged.after["status"]["damaged_rows"], lead)


@pytest.mark.parametrize("case", PAYLOAD_CASES, ids=str)
def test_a_lead_whose_payload_is_damaged_is_poisoned(damaged: Account, case: Case) -> None:
    lead = damaged.lead_of("record", case)
    assert lead.lead_id not in damaged.dynamics.leads
    assert "poisoned" in damaged.shown(lead)
    assert any(group["oldest_lead_id"] for group in damaged.after["status"]["poisoned"])


@pytest.mark.parametrize("case", EVENT_CASES, ids=str)
def test_a_damaged_line_of_history_is_named_and_stops_nothing(damaged: Account, case: Case) -> None:
    lead = damaged.lead_of("event", case)
    assert lead.lead_id in damaged.dynamics.leads
    (shown,) = damaged.ran("show", lead.lead_id, "--json").records
    assert shown["state"] == "written"
    assert names(shown["damage"], lead) is case.named


@pytest.mark.parametrize("case", CLAIM_CASES, ids=str)
def test_a_damaged_claim_is_named_and_its_lead_is_delivered(damaged: Account, case: Case) -> None:
    lead = damaged.lead_of("claim", case)
    row = f"{lead.fingerprint[:2]}/{lead.fingerprint}"
    assert row in found(damaged.before, "claim_damaged")
    assert lead.lead_id in damaged.dynamics.leads
    if case.column == "LeadId":
        assert any(row in claim for claim in damaged.before["status"]["damaged_claims"]) is case.named
        assert lead.fingerprint in damaged.logged
        # It was replaced by the lead that asked.
        assert row not in found(damaged.after, "claim_damaged")


@pytest.mark.parametrize("case", FALLBACK_CASES, ids=str)
def test_a_damaged_fallback_row_is_named_and_is_no_lead_of_its_own(damaged: Account, case: Case) -> None:
    lead = damaged.lead_of("fallback", case)
    row = f"{keys(lead.lead_id)[0]}/{lead.lead_id}"
    assert (row in found(damaged.before, "fallback_row_damaged")) is case.named
    assert any(row in each for each in damaged.before["status"]["damaged_fallback_rows"]) is case.named
    assert [lead.company for lead in damaged.dynamics.leads.values()].count(lead.company) <= 1


def test_nothing_stopped_the_sweep(damaged: Account) -> None:
    assert "sweep_failed" not in damaged.logged


def test_status_calls_a_person_while_it_lasts(damaged: Account) -> None:
    ran = damaged.ran("status")
    assert ran.code == 1
    assert "rows of leadledger are damaged" in ran.err
    assert "rows of marketplaceleads are damaged" in ran.err
    assert json.dumps(damaged.after["status"])


def test_a_command_for_several_leads_goes_on_past_one_whose_record_is_damaged(damaged: Account) -> None:
    bad = damaged.lead_of("record", Case("Attempt", "is 0", 0))
    good = damaged.lead_of("record", Case("Payload", "is empty", ""))
    for command in (["poison", "replay"], ["poison", "discard", "--why", "test"], ["erase"]):
        ran = damaged.ran(*command, bad.lead_id, good.lead_id, "--dry-run", "--json")
        results = {result["lead_id"]: result for result in ran.records}
        assert (results[bad.lead_id]["outcome"], results[bad.lead_id]["reason"]) == ("refused", "record_damaged")
        assert "/".join(keys(bad.lead_id)) in results[bad.lead_id]["detail"]
        assert good.lead_id in results
