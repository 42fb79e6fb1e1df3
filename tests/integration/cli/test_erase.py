"""`leadpipe erase` on a real account, Dynamics being the stand-in."""

from datetime import UTC, datetime, timedelta

import pytest

from leadpipe.model.errors import InvalidLead
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.storage.connection import Storage
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.ledger import AzureLedger
from tests.factories import LEAD_ID, payload, record
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
    made = {"annotationid": note, "objectid_lead@odata.bind": f"/leads({first})"}
    assert standin.api("POST", "annotations", made).status_code == 204
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
