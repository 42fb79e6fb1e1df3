"""A note on a lead: created once under its own id, and what an answer to it means for other leads."""

import pytest

from leadpipe.dataverse.auth import tokens_for
from leadpipe.dataverse.client import DataverseClient
from leadpipe.mapping.default import columns_of
from leadpipe.mapping.note import note_of
from leadpipe.model.errors import Blocked, LeadMissing, Refused, Transient
from leadpipe.model.ports import Receipt
from leadpipe.model.settings import Settings
from tests.factories import LEAD_ID, OTHER_LEAD_ID, lead
from tests.standin_process import Standin


@pytest.fixture
def client(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> DataverseClient:
    """A client of an organisation that has the lead LEAD_ID."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", standin.settings["REQUESTS_CA_BUNDLE"])
    dataverse = Settings.from_environment(
        {"AzureWebJobsStorage": "UseDevelopmentStorage=true", **standin.settings}
    ).dataverse
    assert dataverse is not None
    client = DataverseClient(dataverse.url, tokens_for(dataverse), columns_of, note_of)
    client.create(LEAD_ID, lead())
    return client


def note(client: DataverseClient, of: str = LEAD_ID) -> Receipt:
    return client.note(OTHER_LEAD_ID, lead(action_code="PLT"), of=of)


def without(standin: Standin, *names: str) -> None:
    held = standin.control("GET", "config")["privileges"]
    standin.configure(privileges={name: depth for name, depth in held.items() if name not in names})


def test_a_note_is_on_its_lead_under_its_own_id(client: DataverseClient, standin: Standin) -> None:
    assert note(client) is Receipt.CREATED
    (made,) = standin.control("GET", "notes")
    assert (made["annotationid"], made["lead"], made["subject"]) == (
        OTHER_LEAD_ID,
        LEAD_ID,
        "Contact me – Contoso Widget",
    )
    assert client.note_on(OTHER_LEAD_ID) == LEAD_ID
    assert client.note_on(LEAD_ID) is None
    assert client.has(OTHER_LEAD_ID) is False


def test_a_note_whose_reply_was_lost_is_found_once(client: DataverseClient, standin: Standin) -> None:
    standin.fault("commit_then_drop", count=1)
    with pytest.raises(Transient):
        note(client)
    assert note(client) is Receipt.FOUND
    assert standin.notes() == {OTHER_LEAD_ID: LEAD_ID}


def test_a_note_that_may_not_be_read_back_is_unconfirmed(client: DataverseClient, standin: Standin) -> None:
    note(client)
    without(standin, "prvReadNote")
    assert note(client) is Receipt.UNCONFIRMED
    with pytest.raises(Blocked, match="prvReadNote"):
        client.note_on(OTHER_LEAD_ID)


def test_a_lead_that_was_deleted_is_missing(client: DataverseClient, standin: Standin) -> None:
    standin.api("DELETE", f"leads({LEAD_ID})")
    with pytest.raises(LeadMissing):
        note(client)


def test_a_lead_that_may_not_be_read_counts_as_missing_when_the_note_says_so(
    client: DataverseClient, standin: Standin
) -> None:
    without(standin, "prvReadLead")
    with pytest.raises(LeadMissing):
        note(client, of=OTHER_LEAD_ID)


def test_a_plug_in_that_misses_a_row_of_its_own_refuses_the_note_alone(
    client: DataverseClient, standin: Standin
) -> None:
    standin.fault("status", status=404, code="0x80040217", message="Entity 'x' With Id = 1 Does Not Exist", count=1)
    with pytest.raises(Refused) as refused:
        note(client)
    assert (type(refused.value), refused.value.slug) == (Refused, "lookup_missing")


@pytest.mark.parametrize("missing", ["prvCreateNote", "prvAppendNote", "prvAppendToLead"])
def test_a_privilege_on_notes_that_is_missing_blocks_that_action_alone(
    client: DataverseClient, standin: Standin, missing: str
) -> None:
    without(standin, missing)
    with pytest.raises(Blocked) as blocked:
        note(client)
    assert (blocked.value.slug, blocked.value.detail, blocked.value.lead_only) == ("missing_privilege", missing, True)


@pytest.mark.parametrize("fault", ["no_role", "user_disabled", "admin_mode"])
def test_what_would_block_every_lead_blocks_by_a_note_too(
    client: DataverseClient, standin: Standin, fault: str
) -> None:
    standin.fault(fault)
    with pytest.raises(Blocked) as blocked:
        note(client)
    assert not blocked.value.lead_only


def test_a_note_on_a_qualified_lead_is_created_and_the_lead_stays_as_it_was(
    client: DataverseClient, standin: Standin
) -> None:
    standin.api("PATCH", f"leads({LEAD_ID})", {"statecode": 1, "statuscode": 3})
    (before,) = standin.leads()
    assert client.note(OTHER_LEAD_ID, lead(action_code="DNC"), of=LEAD_ID) is Receipt.CREATED
    assert standin.leads() == [before]
    assert before["donotemail"] is False
