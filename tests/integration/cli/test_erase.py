"""`leadpipe erase` on a real account, Dynamics being the stand-in."""

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from leadpipe.model.errors import InvalidLead, StorageFailed
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.operations.erasure_receipt import proof_of
from leadpipe.storage.connection import Storage
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.ledger import AzureLedger
from tests.factories import LEAD_ID, envelope, payload, record
from tests.integration.cli.conftest import Runner
from tests.standin_process import Standin


def kept(ledger: AzureLedger, number: int = 0, *, posted: str | None = None, **fields: object) -> str:
    made = new_lead_id(datetime.now(UTC) - timedelta(days=1 + number), number.to_bytes(10, "big"))
    ledger.insert(record(made, posted=posted, **fields))
    return made


def everything(storage: Storage) -> str:
    """All that is in the account's tables, as one text."""
    tables = [storage.table(table.name) for table in storage.tables.list_tables()]
    return "\n".join(repr(dict(row)) for table in tables for row in table.list_entities())


def test_nothing_personal_is_left_in_any_store_and_a_tombstone_is(
    run: Runner, storage: Storage, ledger: AzureLedger
) -> None:
    lead = kept(ledger, state=State.POISONED, reason="plugin_refused", detail="jane.doe@fabrikam.com is blocked")
    AzureFallback(storage).keep(record(lead))
    assert run("poison", "edit", lead, "--set", "Email=jane@home.example").code == 0
    ran = run("erase", lead, "--actor", "jim@desk")
    assert (ran.code, ran.err.count("1 erased")) == (0, 1)
    left = everything(storage)
    assert not [word for word in ("jane", "Jane", "Doe", "Fabrikam", "33 1 23", "CTO", "call") if word in left]
    assert [(event.event, event.actor) for event in ledger.events(lead)][-1] == ("erased", "jim@desk")
    found = ledger.read(lead)
    assert found is not None
    assert (found.state, found.offer) == (State.ERASED, "contoso.widget")


def test_it_says_what_it_does_not_reach(run_with_dynamics: Runner, ledger: AzureLedger, standin: Standin) -> None:
    lead = kept(ledger, state=State.WRITTEN, written_at=datetime.now(UTC))
    moving = kept(ledger, 1)
    assert standin.create(leadid=lead, lastname="Ito").status_code == 204
    said = run_with_dynamics("erase", lead, moving, "--yes").err
    assert f"Dynamics has {lead}. Delete it there:" in said
    assert f"{standin.url}/main.aspx?pagetype=entityrecord&etn=lead&id={lead}" in said
    assert f"a running delivery of {moving} may still write it" in said
    for unseen in ("marketplace's own rows", "queue", "claim", "Partner Center", "backups"):
        assert unseen in said


def test_of_a_merged_action_it_names_the_note_and_the_lead_that_has_it(
    run_with_dynamics: Runner, ledger: AzureLedger, standin: Standin
) -> None:
    first = kept(ledger, 1, state=State.WRITTEN)
    assert standin.create(leadid=first, lastname="Ito").status_code == 204
    note = kept(ledger, state=State.MERGED, duplicate_of=first, written_at=datetime.now(UTC))
    standin.make_note(note, first)
    for _ in range(2):  # also when it is run again, on the tombstone
        said = run_with_dynamics("erase", note, "--yes").err
        assert f"Dynamics has a note of {note}, on this lead. Delete it there:" in said
        assert f"&etn=lead&id={first}" in said


@pytest.mark.parametrize("written", [True, False])
def test_without_an_organisation_it_says_what_is_known(run: Runner, ledger: AzureLedger, written: bool) -> None:
    lead = kept(ledger, state=State.WRITTEN, written_at=datetime.now(UTC) if written else None)
    verb = "has" if written else "could not be asked whether it has"
    assert f"Dynamics {verb} {lead}." in run("erase", lead).err


def test_all_of_an_address_are_found_read_or_unread(run: Runner, ledger: AzureLedger) -> None:
    ids = [
        kept(ledger, 0, posted=payload(Email="Jo@X.example")),
        kept(ledger, 1, posted=payload(Email=" jo@x.EXAMPLE "), state=State.WRITTEN),
    ]
    other = kept(ledger, 2, posted=payload(Email="mojo@x.example"))
    rejected = new_lead_id(datetime.now(UTC), b"0123456789")
    ledger.insert(Record.rejected(rejected, InvalidLead("not_json", ""), b'{"Email": "JO@x.example"'))
    dry = run("erase", "--email", "jo@x.example", "--dry-run", "--json")
    assert {each["lead_id"] for each in dry.records} == {*ids, rejected}
    assert run("erase", "--email", "jo@x.example", answer="n\n").code == 1
    assert run("erase", "--email", "jo@x.example", answer="y\n").code == 0
    states = {lead: found.state for lead in (*ids, rejected, other) if (found := ledger.read(lead))}
    assert states == {**dict.fromkeys((*ids, rejected), State.ERASED), other: State.ACCEPTED}


EVE = payload(
    FirstName="Eve", LastName="Five", Email="eve@example.com", Description="please write to zoe@example.com instead"
)


def test_one_lead_of_an_address_is_shown_and_asked_for(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger, posted=payload(Email="jo@x.example"))
    ran = run("erase", "--email", "jo@x.example", answer="n\n")
    assert (ran.code, f"{lead} accepted, received " in ran.err) == (1, True)
    assert run("erase", "--email", "jo@x.example").code == 1  # nobody answers
    assert state_of(ledger, lead) is State.ACCEPTED
    assert run("erase", "--email", "jo@x.example", "--yes").code == 0
    assert state_of(ledger, lead) is State.ERASED


def test_a_part_of_an_address_erases_nobody(run: Runner, ledger: AzureLedger) -> None:
    lead = kept(ledger, posted=payload(Email="joann@contoso.com"))
    rejected = new_lead_id(datetime.now(UTC), b"0123456789")
    ledger.insert(
        Record.rejected(rejected, InvalidLead("not_json", ""), b'{"UserDetails": {"Email": "joann@contoso.com", o')
    )
    ran = run("erase", "--email", "ann@contoso.com", "--yes", "--json")
    assert (ran.code, ran.records) == (0, [])
    assert run("erase", "--email", "contoso.com").code == 2
    assert run("erase", "--email", "joann@contoso.com", "--yes").code == 0
    assert {state_of(ledger, each) for each in (lead, rejected)} == {State.ERASED}


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_the_lead_of_somebody_else_that_mentions_the_address_is_listed_and_stays(
    run: Runner, ledger: AzureLedger, dry: list[str]
) -> None:
    eve, zoe = kept(ledger, 0, posted=EVE), kept(ledger, 1, posted=payload(Email="zoe@example.com"))
    ran = run("erase", "--email", "zoe@example.com", "--yes", "--json", *dry)
    assert ran.code == 0
    assert {each["lead_id"]: each["outcome"] for each in ran.records} == {zoe: "erased", eve: "mentions"}
    assert f"{eve} accepted, received " in ran.err
    assert state_of(ledger, eve) is State.ACCEPTED
    assert state_of(ledger, zoe) is (State.ACCEPTED if dry else State.ERASED)
    alone = run("erase", "--email", "zoe@example.com", "--yes")
    assert (alone.code, eve in alone.out) == (0, True)


@pytest.mark.parametrize("choice", [["--email", "zoe@example.com", "--mentions", "--yes"], []])
def test_a_lead_that_mentions_the_address_goes_when_it_is_meant(
    run: Runner, ledger: AzureLedger, choice: list[str]
) -> None:
    eve = kept(ledger, posted=EVE)
    assert run("erase", *(choice or [eve])).code == 0
    assert state_of(ledger, eve) is State.ERASED


@pytest.mark.parametrize("state", sorted(set(State) - {State.ERASED}))
def test_an_address_that_was_never_read_is_found_in_every_state(run: Runner, ledger: AzureLedger, state: State) -> None:
    posted = '{"OfferTitle": "Widget", "Description": "call or write: jo@x.example, please"}'
    lead = kept(ledger, posted=posted, state=state)
    assert run("erase", "--email", "jo@x.example", "--yes").code == 0
    assert state_of(ledger, lead) is State.ERASED


def test_a_list_that_is_long_is_cut_before_the_question(run: Runner, ledger: AzureLedger) -> None:
    for number in range(22):
        kept(ledger, number, posted=payload(Email="jo@x.example", FirstName=f"number {number}"))
    said = run("erase", "--email", "jo@x.example", answer="n\n").err
    assert "and 2 more; --dry-run --json lists them all" in said


JOERG = "jörg@müller.example"


def test_an_address_is_found_in_every_place_and_goes_from_each(
    run: Runner, storage: Storage, ledger: AzureLedger, storage_account: str
) -> None:
    """What is somebody else's stays until it is named by its id. What leadpipe may not change is named."""
    posted = f'{{"Note": "M\xfcller", "Email": "{JOERG}"'
    own = {
        "the column": kept(ledger, 0, posted=payload(Email=JOERG.upper())),
        "a written payload": kept(ledger, 1, posted=nameless(f"write to {JOERG}"), state=State.WRITTEN),
        "Latin-1": rejected(ledger, 2, posted.encode("latin-1")),
        "UTF-16": rejected(ledger, 3, posted.encode("utf-16-le")),
        "a fallback row": in_the_fallback_table_alone(storage, 4),
        "a message": on_the_queue_alone(storage_account, "leads", 5),
        "a poisoned message": on_the_queue_alone(storage_account, "leads-poison", 6),
    }
    others = {
        "a description": kept(ledger, 7, posted=payload(Description=f"ask {JOERG}")),
        "a cause": kept(ledger, 8, state=State.POISONED, reason="plugin_refused", detail=f"{JOERG} is blocked"),
        "a payload before an edit": kept(ledger, 9, posted=payload(Email=JOERG), state=State.POISONED, reason="x"),
    }
    assert run("poison", "edit", others["a payload before an edit"], "--set", "Email=eve@x.example").code == 0
    storage.table("marketplaceleads").create_entity(
        {"PartitionKey": "p", "RowKey": "r", "CustomerInfo": json.dumps({"Email": JOERG})}
    )
    queue_of(storage_account, "orders-poison").send_message(f"to {JOERG}")

    dry = run("erase", "--email", JOERG, "--dry-run", "--json")
    assert {each["lead_id"] for each in dry.records if each["outcome"] == "erased"} == {*own.values()}
    assert {each["lead_id"] for each in dry.records if each["outcome"] == "mentions"} == {*others.values()}
    assert [name in dry.err for name in ("marketplaceleads, row p/r", "queue orders-poison, message ")] == [True] * 2
    assert f"{others['a payload before an edit']} poisoned" in dry.err
    assert "mentions it, in its history" in dry.err

    assert run("erase", "--email", JOERG, "--yes").code == 0
    assert {state_of(ledger, lead) for lead in own.values()} == {State.ERASED}
    assert not {state_of(ledger, lead) for lead in others.values()} & {State.ERASED}
    assert run("erase", *others.values(), "--yes").code == 0
    left = [line for line in everything(storage).splitlines() if "ller.example" in line.lower()]
    assert ["'RowKey': 'r'" in line for line in left] == [True]


def nameless(description: str) -> str:
    return json.dumps({"OfferTitle": "Widget", "Description": description})


def rejected(ledger: AzureLedger, number: int, posted: bytes) -> str:
    made = new_lead_id(datetime.now(UTC) - timedelta(days=1 + number), number.to_bytes(10, "big"))
    ledger.insert(Record.rejected(made, InvalidLead("not_json", ""), posted))
    return made


def in_the_fallback_table_alone(storage: Storage, number: int) -> str:
    lead = record(new_lead_id(datetime.now(UTC), number.to_bytes(10, "big")), posted=payload(Email=JOERG))
    AzureFallback(storage).keep(lead)
    return lead.lead_id


def on_the_queue_alone(account: str, name: str, number: int) -> str:
    lead_id = new_lead_id(datetime.now(UTC), number.to_bytes(10, "big"))
    text = envelope(lead_id, posted=payload(Email=JOERG)).to_text()
    queue_of(account, name).send_message(base64.b64encode(text.encode()).decode())
    return lead_id


def queue_of(account: str, name: str) -> QueueClient:
    queue = QueueClient.from_connection_string(account, name)
    queue.create_queue()
    return queue


def test_an_interrupted_erasure_is_found_again_by_its_address(
    run: Runner, ledger: AzureLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = kept(ledger, posted=payload(Email=JOERG), state=State.POISONED, reason="x")
    assert run("poison", "edit", lead, "--set", "Phone=1").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(AzureLedger, "forget_details", interrupted)
        assert run("erase", lead).code == 1
    assert (state_of(ledger, lead), ledger.events(lead)[0].payload is None) == (State.ERASED, False)
    assert run("erase", "--email", JOERG, "--yes").code == 0
    assert [event.payload for event in ledger.events(lead)] == [None, None]


def interrupted(*_: object) -> None:
    raise StorageFailed("storage_unreachable")


@pytest.fixture
def run_as_administrator(run_with_dynamics: Runner, tmp_path: Path) -> Runner:
    """There is no Azure CLI to sign in with, so that a person confirms a code."""
    return partial(run_with_dynamics, PATH=str(tmp_path))  # type: ignore[return-value]


def in_dynamics(standin: Standin, lead: str, email: str = JOERG) -> str:
    assert standin.create(leadid=lead, lastname="Ito", emailaddress1=email, description=email).status_code == 204
    return lead


def test_dynamics_is_erased_too_and_a_receipt_proves_it(
    run_as_administrator: Runner, ledger: AzureLedger, standin: Standin, tmp_path: Path
) -> None:
    written = in_dynamics(standin, kept(ledger, 0, posted=payload(Email=JOERG), state=State.WRITTEN))
    forgotten = in_dynamics(standin, kept(ledger, 1, state=State.WRITTEN))
    foreign = in_dynamics(standin, str(uuid.uuid4()))
    standin.make_note(written, foreign)  # by an earlier try, before merge was switched off
    file = tmp_path / "receipt.json"
    ran = run_as_administrator("erase", "--email", JOERG, "--dynamics", "--yes", "--receipt", str(file))
    assert (ran.code, [lead["leadid"] for lead in standin.leads()]) == (0, [foreign])
    assert {state_of(ledger, lead) for lead in (written, forgotten)} == {State.ERASED}
    assert f"Dynamics, lead {foreign}" in ran.err
    text = file.read_text(encoding="utf-8")
    receipt = json.loads(text)
    assert JOERG not in text.lower()
    assert "xn--" not in text
    assert {each["lead_id"]: (each["outcome"], each["dynamics"]) for each in receipt["leads"]} == {
        written: ("erased", "deleted, note deleted"),
        forgotten: ("erased", "deleted"),
    }
    assert standin.notes() == {}
    assert f"{written} deleted, note deleted" in ran.err
    assert (receipt["complete"], receipt["organisation"]) == (True, standin.url)
    assert "1 × lead in Dynamics that did not come from here" in receipt["not_reached"]
    assert receipt["address"] == proof_of(f" {JOERG.upper()} ", bytes.fromhex(receipt["address"]["salt"]))
    assert run_as_administrator("erase", written, "--receipt", str(file)).code == 2


def test_the_note_of_a_merged_action_goes_and_the_first_lead_stays(
    run_as_administrator: Runner, ledger: AzureLedger, standin: Standin
) -> None:
    first = in_dynamics(standin, kept(ledger, 1, state=State.WRITTEN), "ann@x.example")
    action = kept(ledger, posted=payload(Email=JOERG), state=State.MERGED, duplicate_of=first)
    standin.make_note(action, first)
    assert run_as_administrator("erase", "--email", JOERG, "--dynamics", "--yes").code == 0
    assert (state_of(ledger, action), state_of(ledger, first)) == (State.ERASED, State.WRITTEN)
    assert (standin.notes(), [lead["leadid"] for lead in standin.leads()]) == ({}, [first])


def test_a_row_in_dynamics_can_be_emptied_instead(
    run_as_administrator: Runner, ledger: AzureLedger, standin: Standin
) -> None:
    lead = in_dynamics(standin, kept(ledger, state=State.WRITTEN))
    gone = kept(ledger, 1, state=State.WRITTEN)
    ran = run_as_administrator("erase", lead, gone, "--dynamics", "--empty", "--yes")
    assert ran.code == 0
    (row,) = standin.leads()
    columns = ("leadid", "subject", "lastname", "emailaddress1", "description")
    assert [row.get(name) for name in columns] == [lead, "(erased)", "(erased)", None, None]
    assert f"{gone} not there" in ran.err


def test_a_lead_that_dynamics_keeps_keeps_its_data_here_so_that_it_is_found_again(
    run_as_administrator: Runner, ledger: AzureLedger, standin: Standin, tmp_path: Path
) -> None:
    lead = in_dynamics(standin, kept(ledger, posted=payload(Email=JOERG), state=State.WRITTEN))
    standin.fault("plugin_abort", count=1, match={"method": "DELETE"})
    file = tmp_path / "receipt.json"
    ran = run_as_administrator("erase", "--email", JOERG, "--dynamics", "--yes", "--json", "--receipt", str(file))
    assert (ran.code, ran.records[0]["outcome"], "--empty" in ran.records[0]["detail"]) == (1, "refused", True)
    assert (state_of(ledger, lead), json.loads(file.read_text())["complete"]) == (State.WRITTEN, False)
    assert run_as_administrator("erase", "--email", JOERG, "--dynamics", "--yes").code == 0
    assert (state_of(ledger, lead), standin.leads()) == (State.ERASED, [])


def test_options_that_do_not_go_together_are_refused(run: Runner, tmp_path: Path) -> None:
    assert run("erase", LEAD_ID, "--empty").code == 2
    assert run("erase", LEAD_ID, "--dry-run", "--receipt", str(tmp_path / "x")).code == 2
    assert run("erase", LEAD_ID, "--receipt", str(tmp_path)).code == 2
    assert not (tmp_path / "x").exists()


def state_of(ledger: AzureLedger, lead: str) -> State:
    found = ledger.read(lead)
    assert found is not None
    return found.state


def test_an_address_of_nobody_erases_nothing(run: Runner, ledger: AzureLedger) -> None:
    kept(ledger, posted=payload(Email=""))
    ran = run("erase", "--email", "nobody@x.example", "--yes")
    assert (ran.code, "0 leads to erase" in ran.err) == (0, True)


def test_an_unknown_lead_and_a_choice_that_is_none_fail(run: Runner) -> None:
    assert run("erase", LEAD_ID).code == 1
    assert run("erase").code == 2
    assert run("erase", LEAD_ID, "--email", "jo@x.example").code == 2
    assert run("erase", LEAD_ID, "--mentions").code == 2
