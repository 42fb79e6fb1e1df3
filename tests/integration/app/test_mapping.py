"""The publisher's own mapping in the running app: on real storage, into the stand-in over TLS."""

from pathlib import Path

import pytest

from leadpipe.mapping.lock import Lock
from leadpipe.model.record import State
from tests.factories import payload
from tests.host_process import until
from tests.integration.conftest import App, Starter
from tests.standin_process import Standin

JANE = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
NOBODY = "99999999-0000-cccc-1111-dddd2222eeee"
DEFERRED = frozenset({State.DEFERRED})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mapping.toml"


@pytest.fixture
def mapped_app(start_app: Starter, storage_account: str, file: Path) -> App:
    return start_app(storage_account, LEADPIPE_MAPPING=str(file))


def in_dynamics(standin: Standin, lead_id: str) -> dict[str, object]:
    (found,) = (lead for lead in standin.leads() if lead["leadid"] == lead_id)
    return found


def test_leads_wait_for_a_faulty_file_and_go_out_once_it_is_mended(
    mapped_app: App, file: Path, standin: Standin
) -> None:
    file.write_text('[columns]\njobtitel = "x"\n')
    lead_id = mapped_app.accepted(payload())
    waiting = mapped_app.reaching(lead_id, DEFERRED)
    assert waiting.reason == "mapping_unusable"
    assert waiting.detail.startswith("mapping.toml:2: jobtitel: leadpipe does not know this column")
    assert standin.leads() == []
    file.write_text('[columns]\njobtitle = "mended"\n')
    assert mapped_app.settled(lead_id).state is State.WRITTEN
    assert in_dynamics(standin, lead_id)["jobtitle"] == "mended"


def test_leads_that_wait_go_out_with_the_mapping_that_counts_by_then(
    mapped_app: App, file: Path, standin: Standin
) -> None:
    file.write_text('[columns]\njobtitle = "before"\n')
    first = mapped_app.accepted(payload())
    mapped_app.settled(first)
    standin.fault("deadlock", count=None)
    waiting = mapped_app.accepted(payload(FirstName="another"))
    mapped_app.reaching(waiting, DEFERRED)
    file.write_text(
        '[columns]\njobtitle = "after"\n[[rules]]\nwhen = { country = "FR" }\n[rules.columns]\nfax = "33"\n'
    )
    standin.control("DELETE", "faults")
    assert mapped_app.settled(waiting).state is State.WRITTEN
    assert in_dynamics(standin, first)["jobtitle"] == "before"
    written = in_dynamics(standin, waiting)
    assert (written["jobtitle"], written["fax"]) == ("after", "33")


def test_an_owner_by_name_is_taken_from_the_lock_and_dynamics_is_not_asked(
    mapped_app: App, file: Path, standin: Standin
) -> None:
    standin.configure(rows={"systemusers": [JANE]})
    file.write_text('[[rules]]\nowner = "jane@contoso.com"\n')
    lead_id = mapped_app.accepted(payload())
    waiting = mapped_app.reaching(lead_id, DEFERRED)
    assert waiting.reason == "mapping_unusable"
    assert waiting.detail.startswith("mapping.toml:2: owner is given by name, and has no id yet")
    lock = Lock(organisation="https://contoso.crm4.dynamics.com", ids={"owner": {"jane@contoso.com": JANE}})
    file.with_name("mapping.toml.lock").write_text(lock.to_text())
    assert mapped_app.settled(lead_id).state is State.WRITTEN
    assert in_dynamics(standin, lead_id)["_ownerid_value"] == JANE
    asked = {row["path"] for row in standin.control("GET", "requests")["counts"] if row["method"] == "GET"}
    assert not [path for path in asked if "systemusers" in path]


def test_a_lead_that_no_rule_can_route_goes_to_the_default_owner_and_says_so(
    mapped_app: App, file: Path, standin: Standin
) -> None:
    file.write_text(f'[[rules]]\nwhen = {{ country = "FR" }}\nteam = "{NOBODY}"\n')
    routed, other = mapped_app.accepted(payload()), mapped_app.accepted(payload(Country="DE"))
    record = mapped_app.settled(routed)
    assert (record.state, record.reason) == (State.WRITTEN, "default_owner")
    assert record.detail == f"teams({NOBODY}): lookup_missing"
    assert [event.reason for event in mapped_app.ledger.events(routed)] == ["default_owner"]
    assert mapped_app.settled(other).reason == ""
    until(lambda: len(standin.leads()) == 2, "both leads in Dynamics")
    assert in_dynamics(standin, routed)["_ownerid_value"] == in_dynamics(standin, other)["_ownerid_value"]
