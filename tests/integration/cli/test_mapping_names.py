"""`leadpipe mapping check` looks up owners and teams by name and writes their ids into the lock beside the file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from leadpipe.model.errors import LeadpipeError
from leadpipe.operations.setup.administrator import NoAdministrator
from tests.integration.cli.conftest import Ran
from tests.standin_process import Standin

Run = Callable[..., Ran]
JANE = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
JOHN = "99999999-0000-cccc-1111-dddd2222eeee"
EMEA = "11111111-0000-cccc-1111-dddd2222eeee"
NAMES = {
    JANE: {"name": "Jane O'Neill", "email": "jane@contoso.com"},
    JOHN: {"name": "John Smith", "email": "john@contoso.com"},
    EMEA: {"name": "Sales EMEA", "email": "emea@contoso.com"},
}
BOTH = '[[rules]]\nwhen.country = "FR"\nowner = "jane@contoso.com"\n[[rules]]\nteam = "Sales EMEA"\n'
LOCKED = {"owner": {"jane@contoso.com": JANE}, "team": {"Sales EMEA": EMEA}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "mapping.toml"
    file.write_text(BOTH)
    return file


@pytest.fixture
def organisation(standin: Standin) -> Standin:
    standin.configure(rows={"systemusers": [JANE, JOHN], "teams": [EMEA]}, names=NAMES)
    return standin


@pytest.fixture
def check(run: Run, file: Path, organisation: Standin, tmp_path: Path) -> Run:
    nothing = tmp_path / "nothing.settings.json"
    nothing.write_text('{"Values": {}}')
    whole = {**organisation.settings, "PATH": str(tmp_path)}
    return lambda *more, **settings: run(
        "--settings", str(nothing), "mapping", "check", "--mapping", str(file), *more, **{**whole, **settings}
    )


def lock_of(file: Path) -> Path:
    return file.with_name("mapping.toml.lock")


def ids(file: Path) -> dict[str, dict[str, str]]:
    written = json.loads(lock_of(file).read_text())
    return {key: found for key, found in written.items() if key != "organisation"}


def without(standin: Standin, *names: str) -> None:
    held = standin.control("GET", "config")["privileges"]
    standin.configure(privileges={name: depth for name, depth in held.items() if name not in names})


def test_names_become_ids_in_the_lock_and_a_second_check_changes_nothing(check: Run, file: Path) -> None:
    ran = check()
    assert (ran.code, ran.out) == (0, "")
    assert "mapping.toml.lock is written: 1 owner, 1 team\n" in ran.err
    assert f"systemusers({JANE}) jane@contoso.com" in ran.err
    assert ids(file) == LOCKED
    before = lock_of(file).stat().st_mtime_ns
    assert "mapping.toml.lock is as it was: 1 owner, 1 team\n" in check().err
    assert lock_of(file).stat().st_mtime_ns == before


def test_the_other_commands_take_the_ids_from_the_lock_alone(
    check: Run, run: Run, file: Path, organisation: Standin
) -> None:
    shown = run("mapping", "show", "--json", LEADPIPE_MAPPING=str(file))
    assert (shown.code, "owner is given by name, and has no id yet" in shown.out) == (1, True)
    check()
    organisation.control("DELETE", "requests")
    rows = run("mapping", "show", "--json", LEADPIPE_MAPPING=str(file)).records
    owners = [row["value"] for row in rows if row["column"] == "ownerid"]
    assert owners == [f"systemusers({JANE}) jane@contoso.com", f"teams({EMEA}) Sales EMEA"]
    assert organisation.control("GET", "requests")["counts"] == []


def test_what_the_file_has_no_more_leaves_the_lock(check: Run, file: Path) -> None:
    check()
    file.write_text('[[rules]]\nowner = "Jane O\'Neill"\n')
    assert "is written: 1 owner\n" in check().err
    assert ids(file) == {"owner": {"Jane O'Neill": JANE}}


def test_a_dry_run_checks_with_the_ids_and_writes_no_lock(check: Run, file: Path) -> None:
    ran = check("--dry-run")
    assert (ran.code, "mapping.toml.lock would be written: 1 owner, 1 team\n" in ran.err) == (0, True)
    assert not lock_of(file).exists()


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ('owner = "nobody@contoso.com"', "the organisation has no user with that name or e-mail address"),
        ('team = "Sales"', "the organisation has no team with that name or e-mail address"),
        ('owner = "Sales EMEA"', "the organisation has no user with that name"),
    ],
)
def test_a_name_that_nobody_has_is_a_fault_on_its_line(check: Run, file: Path, rule: str, reason: str) -> None:
    file.write_text(f"[[rules]]\n{rule}\n")
    ran = check()
    (line,) = ran.lines
    assert line.startswith("mapping.toml:2: ")
    assert reason in line
    assert ran.code == 1
    assert not lock_of(file).exists()


def test_a_name_that_two_have_is_not_guessed(check: Run, file: Path, organisation: Standin) -> None:
    organisation.configure(names={JANE: {"name": "Jane"}, JOHN: {"name": "Jane"}})
    file.write_text('[[rules]]\nowner = "Jane"\n')
    assert check().lines == [
        "mapping.toml:2: owner 'Jane': the organisation has 2 users called so: give the e-mail address or the id"
    ]


def test_of_two_users_of_one_name_the_one_who_is_not_disabled_is_meant(
    check: Run, file: Path, organisation: Standin
) -> None:
    organisation.configure(names={JANE: {"name": "Jane"}, JOHN: {"name": "Jane"}}, unfit_owners={JOHN: "disabled"})
    file.write_text('[[rules]]\nowner = "Jane"\n')
    assert check().code == 0
    assert ids(file) == {"owner": {"Jane": JANE}}


def test_where_users_may_not_be_read_the_lock_of_this_organisation_stays(
    check: Run, file: Path, organisation: Standin
) -> None:
    check()
    without(organisation, "prvReadUser")
    ran = check()
    assert (ran.code, ids(file)) == (0, LOCKED)
    assert "not checked: owner 'jane@contoso.com': the application user may not read users (403)" in ran.err
    lock_of(file).write_text(lock_of(file).read_text().replace("https://", "https://another."))
    (line,) = check().lines
    assert line.endswith("the application user may not read users (403): use --as-administrator, or give the id")


def test_an_administrator_looks_up_what_the_app_may_not_read(check: Run, file: Path, organisation: Standin) -> None:
    without(organisation, "prvReadUser")
    ran = check("--as-administrator")
    assert (ran.code, ids(file)) == (0, LOCKED)
    assert "to sign in as an administrator, open " in ran.err


def test_an_administrator_who_does_not_sign_in_is_a_failure(check: Run, file: Path, organisation: Standin) -> None:
    organisation.configure(device_sign_in="declined")
    with pytest.raises(NoAdministrator):
        check("--as-administrator")
    assert not lock_of(file).exists()


def test_an_organisation_that_does_not_answer_leaves_the_lock_as_it_is(
    check: Run, file: Path, organisation: Standin
) -> None:
    check()
    organisation.fault("no_role", count=None)
    ran = check()
    assert (ran.code, ids(file)) == (0, LOCKED)
    assert "not checked: owners and teams: the application user has no role" in ran.err


def test_without_an_organisation_a_missing_lock_is_the_fault(check: Run) -> None:
    ran = check(DATAVERSE_URL="")
    assert [line.split(":")[1] for line in ran.lines] == ["3", "5"]
    assert "owner is given by name, and has no id yet: run `leadpipe mapping check`, and publish both files" in ran.out


def test_a_folder_that_takes_no_lock_is_said(check: Run, file: Path) -> None:
    lock_of(file).with_name("mapping.toml.lock.new").mkdir()
    with pytest.raises(LeadpipeError, match=r"mapping\.toml\.lock cannot be written"):
        check()


# What a person may not expect


def test_labels_that_are_turned_round_are_pointed_out_and_are_no_fault(
    check: Run, file: Path, organisation: Standin
) -> None:
    file.write_text("[columns]\nconfirminterest = true\nevaluatefit = false\ndecisionmaker = true\n")
    ran = check()
    assert (ran.code, ran.out) == (0, "")
    assert "note: mapping.toml:2: confirminterest: true shows as No in Dynamics\n" in ran.err
    assert "note: mapping.toml:3: evaluatefit: false shows as Yes in Dynamics\n" in ran.err
    assert ran.err.count("note:") == 2
    without(organisation, "prvReadAttribute")
    assert "note: mapping.toml:2: confirminterest: true shows as No in Dynamics, and false as Yes" in check().err


def test_dates_are_held_to_what_the_column_takes(check: Run, file: Path, organisation: Standin) -> None:
    with_time = {"kind": "DateTime", "with_time": True}
    organisation.configure(
        columns={"contoso_due": {"kind": "DateTime"}, "contoso_seen": with_time, "contoso_until": with_time}
    )
    right = 'contoso_due = { date = "received" }\ncontoso_seen = { date = "received", time = true }\n'
    file.write_text(f'[columns]\n{right}overriddencreatedon = "received"\nestimatedclosedate = "received + 1 week"\n')
    assert (check().code, check().out) == (0, "")
    wrong = 'contoso_due = { date = "received", time = true }\ncontoso_seen = { date = "received + 1 day" }\n'
    file.write_text(f"[columns]\n{wrong}contoso_until = 2027-01-31\n")
    day, time, fixed = check().lines
    assert fixed.endswith("contoso_until = { date = 2027-01-31, time = true }")
    assert day.startswith("mapping.toml:2: contoso_due: takes a day without a time in Dynamics: ")
    assert day.endswith('contoso_due = { date = "received", time = false }')
    assert time.startswith("mapping.toml:3: contoso_seen: takes a time of day too in Dynamics: ")
    assert time.endswith('contoso_seen = { date = "received + 1 day", time = true }')


def test_the_creation_date_takes_a_privilege_that_is_asked_for(check: Run, file: Path, organisation: Standin) -> None:
    file.write_text('[columns]\noverriddencreatedon = "received"\n')
    without(organisation, "prvOverrideCreatedOnCreatedBy")
    (line,) = check().lines
    assert line.endswith("overriddencreatedon: the application user lacks prvOverrideCreatedOnCreatedBy")
    file.write_text('[columns]\noverriddencreatedon = ""\n')
    assert check().code == 0
