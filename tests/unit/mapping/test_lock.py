"""Owners and teams that a mapping file has by name: their ids come from the lock beside it, and nobody is asked."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.lock import Lock
from leadpipe.mapping.values import Row
from leadpipe.mapping.watched import WatchedMapping, read_file
from leadpipe.model.errors import Blocked
from leadpipe.operations.mapping.names import looked_up_elsewhere
from tests.factories import LEAD_ID, lead, settings

JANE = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
EMEA = "00001111-aaaa-2222-bbbb-3333cccc4444"
OWNER = '[[rules]]\nowner = "Jane@Contoso.com"\n'
LOCK = Lock(organisation="https://contoso.crm4.dynamics.com", ids={"owner": {"jane@contoso.com": JANE.upper()}})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.toml"
    path.write_text(OWNER)
    return path


@pytest.fixture
def lock(file: Path) -> Path:
    path = file.with_name("mapping.toml.lock")
    path.write_text(LOCK.to_text())
    return path


def fault(file: Path) -> str:
    with pytest.raises(FaultyMapping) as refused:
        read_file(file)
    (only,) = refused.value.faults
    return str(only)


def owner(file: Path) -> object:
    return read_file(file).columns_of(lead(), LEAD_ID)["ownerid@odata.bind"]


@pytest.mark.usefixtures("lock")
def test_the_lock_has_the_ids_of_owners_whatever_the_case(file: Path) -> None:
    assert owner(file) == f"/systemusers({JANE})"
    (rule,) = read_file(file).rules
    assert rule.sets["ownerid"].value == Row(entity_set="systemusers", row_id=JANE, name="Jane@Contoso.com")
    assert str(rule.sets["ownerid"].value) == f"systemusers({JANE}) Jane@Contoso.com"


def test_an_owner_and_a_team_of_one_name_are_two(file: Path, lock: Path) -> None:
    lock.write_text(Lock(organisation="x", ids={"owner": {"EMEA": JANE}, "team": {"EMEA": EMEA}}).to_text())
    file.write_text('[[rules]]\nteam = "  emea"\n')
    assert owner(file) == f"/teams({EMEA})"


def test_what_is_written_is_read_again() -> None:
    assert Lock.from_text(LOCK.to_text()).id_of("owner", "JANE@contoso.com") == JANE


def test_without_a_lock_the_fault_says_what_makes_one(file: Path) -> None:
    fix = "run `leadpipe mapping check`, and publish both files"
    assert fault(file) == f"mapping.toml:2: owner is given by name, and has no id yet: {fix}"


@pytest.mark.usefixtures("lock")
def test_a_lock_from_before_a_change_of_the_file_names_who_is_missing(file: Path) -> None:
    file.write_text('[[rules]]\nteam = "Jane@Contoso.com"\n')
    assert fault(file).startswith("mapping.toml:2: team is given by a name that is not in mapping.toml.lock: run ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps({"organisation": 5}),
        json.dumps({"organisation": "x", "owner": []}),
        json.dumps({"organisation": "x", "owner": {"Jane": "jane"}}),
        json.dumps({"organisation": "x", "owner": {"Jane": 5}}),
    ],
)
def test_a_lock_that_was_changed_by_hand_is_refused_whole(file: Path, lock: Path, text: str) -> None:
    lock.write_text(text)
    why = "`leadpipe mapping check` did not write this"
    assert fault(file).startswith(f"mapping.toml.lock: cannot be used ({why}): run ")


def test_a_lock_that_is_not_a_file_is_refused(file: Path) -> None:
    file.with_name("mapping.toml.lock").mkdir()
    assert fault(file).startswith("mapping.toml.lock: cannot be used (it is not a regular file): run ")


def test_a_file_that_names_nobody_does_not_open_the_lock(file: Path, lock: Path) -> None:
    lock.write_text("{")
    file.write_text(f'[[rules]]\nowner = "{JANE}"\n')
    assert owner(file) == f"/systemusers({JANE})"


def test_leads_wait_for_the_lock_and_go_out_once_it_is_published(file: Path) -> None:
    mapping = WatchedMapping(str(file))
    with pytest.raises(Blocked, match="has no id yet"):
        mapping.columns_of(lead(), LEAD_ID)
    lock = file.with_name("mapping.toml.lock")
    lock.write_text(LOCK.to_text())
    assert mapping.columns_of(lead(), LEAD_ID)["ownerid@odata.bind"] == f"/systemusers({JANE})"
    lock.write_text(LOCK.to_text().replace(JANE.upper(), EMEA))
    os.utime(lock, (1, 1))  # also where both writes are within one tick of the file system's clock
    assert mapping.columns_of(lead(), LEAD_ID)["ownerid@odata.bind"] == f"/systemusers({EMEA})"


@pytest.mark.parametrize(
    ("text", "organisation", "said"),
    [
        (OWNER, "https://contoso.crm4.dynamics.com", False),
        (OWNER, "https://contoso-test.crm4.dynamics.com", True),
        ('[columns]\njobtitle = ""\n', "https://contoso-test.crm4.dynamics.com", False),
    ],
)
def test_ids_of_another_organisation_are_named_where_the_file_needs_them(
    file: Path, lock: Path, text: str, organisation: str, said: bool
) -> None:
    file.write_text(text)
    lock.write_text(replace(LOCK, organisation=organisation).to_text())
    notes = looked_up_elsewhere(read_file(file), str(file), settings())
    assert [organisation in str(note) for note in notes] == [True] * said
    assert looked_up_elsewhere(read_file(file), str(file), replace(settings(), dataverse=None)) == []
