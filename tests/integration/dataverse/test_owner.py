"""A rule's owner that Dynamics refuses: the lead is made all the same, once, for the default owner."""

from collections.abc import Callable

import pytest

from leadpipe.dataverse.auth import tokens_for
from leadpipe.dataverse.client import DataverseClient
from leadpipe.mapping.file_reader import read_mapping
from leadpipe.mapping.note import note_of
from leadpipe.model.errors import Blocked, Refused, Transient
from leadpipe.model.ports import Receipt, Rerouted
from leadpipe.model.settings import Settings
from tests.factories import LEAD_ID, lead
from tests.standin_process import Standin

JANE = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
NOBODY = "99999999-0000-cccc-1111-dddd2222eeee"

Client = Callable[[str], DataverseClient]


@pytest.fixture
def client(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client whose mapping is the given rule."""
    standin.configure(rows={"systemusers": [JANE], "teams": [JANE]})
    standin.control("DELETE", "requests")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", standin.settings["REQUESTS_CA_BUNDLE"])
    dataverse = Settings.from_environment(
        {"AzureWebJobsStorage": "UseDevelopmentStorage=true", **standin.settings}
    ).dataverse
    assert dataverse is not None

    def of_rule(rule: str) -> DataverseClient:
        mapping = read_mapping(f"[[rules]]\n{rule}".encode(), "mapping.toml")
        return DataverseClient(dataverse.url, tokens_for(dataverse), mapping.columns_of, note_of)

    return of_rule


def posts(standin: Standin) -> int:
    counts = standin.control("GET", "requests")["counts"]
    return sum(row["count"] for row in counts if row["method"] == "POST" and row["path"].endswith("leads"))


def owner(standin: Standin) -> str:
    (made,) = standin.leads()
    assert made["leadid"] == LEAD_ID
    return str(made["_ownerid_value"])


def me(standin: Standin) -> str:
    return str(standin.api("GET", "WhoAmI").json()["UserId"])


@pytest.mark.parametrize("key", ["owner", "team"])
def test_an_owner_that_is_there_gets_the_lead_with_one_call(client: Client, standin: Standin, key: str) -> None:
    assert client(f"{key} = '{JANE}'").create(LEAD_ID, lead()) is Receipt.CREATED
    assert (owner(standin), posts(standin)) == (JANE, 1)


@pytest.mark.parametrize("key", ["owner", "team"])
def test_an_owner_that_is_gone_leaves_it_to_the_default_owner_with_one_more_call(
    client: Client, standin: Standin, key: str
) -> None:
    receipt = client(f"{key} = '{NOBODY}'").create(LEAD_ID, lead())
    entity_set = {"owner": "systemusers", "team": "teams"}[key]
    assert receipt == Rerouted(detail=f"{entity_set}({NOBODY}): lookup_missing")
    assert (owner(standin), posts(standin)) == (me(standin), 2)


@pytest.mark.parametrize(
    ("unfit", "reason"), [("disabled", "user_disabled"), ("no_privilege", "owner_lacks_privilege")]
)
def test_an_owner_that_may_not_have_leads_leaves_it_to_the_default_owner(
    client: Client, standin: Standin, unfit: str, reason: str
) -> None:
    standin.configure(unfit_owners={JANE: unfit})
    receipt = client(f"owner = '{JANE}'").create(LEAD_ID, lead())
    assert receipt == Rerouted(detail=f"systemusers({JANE}): {reason}")
    assert owner(standin) == me(standin)


def test_without_the_right_to_give_leads_away_they_stay_with_the_default_owner(
    client: Client, standin: Standin
) -> None:
    held = standin.control("GET", "config")["privileges"]
    standin.configure(privileges={name: depth for name, depth in held.items() if name != "prvAssignLead"})
    receipt = client(f"owner = '{JANE}'").create(LEAD_ID, lead())
    assert receipt == Rerouted(detail=f"systemusers({JANE}): missing_privilege")


def test_a_reply_lost_on_the_way_to_the_default_owner_makes_one_lead(client: Client, standin: Standin) -> None:
    routed = client(f"owner = '{NOBODY}'")
    standin.fault("commit_then_drop", count=1)
    with pytest.raises(Transient):
        routed.create(LEAD_ID, lead())
    assert isinstance(routed.create(LEAD_ID, lead()), Rerouted)
    assert owner(standin) == me(standin)


def test_what_the_owner_does_not_explain_counts_as_it_is_after_one_more_call(client: Client, standin: Standin) -> None:
    with pytest.raises(Refused) as refused:
        client(f"owner = '{JANE}'\ncampaign = '{NOBODY}'").create(LEAD_ID, lead())
    assert refused.value.slug == "lookup_missing"
    assert "campaign" in refused.value.detail
    assert posts(standin) == 2
    standin.fault("no_role")
    with pytest.raises(Blocked) as blocked:
        client(f"owner = '{JANE}'").create(LEAD_ID, lead())
    assert blocked.value.slug == "no_role"


def test_without_a_rule_that_names_an_owner_nothing_is_asked_twice(client: Client, standin: Standin) -> None:
    with pytest.raises(Refused):
        client(f"campaign = '{NOBODY}'").create(LEAD_ID, lead())
    assert posts(standin) == 1
