"""`leadpipe setup` against an empty stand-in, signed in for real: azure-identity over TLS, as a person does."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devkit.standin.organisation.config import EMPTY
from devkit.standin.organisation.security import EVERYTHING, PRIVILEGES, ROLE
from leadpipe.operations.setup.plan import OWN_ROLE
from tests.integration.cli.conftest import Ran, bare_environment
from tests.integration.conftest import UNLIMITED, Starter
from tests.standin_process import Standin

Setup = Callable[..., Ran]
SOON = (datetime.now(UTC) + timedelta(days=300)).date().isoformat()
OTHER = "22223333-cccc-4444-dddd-5555eeee6666"
CHANGES = ["role", "privileges", "application user", "role given"]


@pytest.fixture
def organisation(standin: Standin) -> Standin:
    """Nobody has set anything up in it."""
    standin.configure(**UNLIMITED, application_user="missing", roles=[], solutions=[], business_units=["EMEA"])
    return standin


@pytest.fixture
def run_there(run: Callable[..., Ran], organisation: Standin, tmp_path: Path) -> Setup:
    """Commands in the organisation, without an Azure CLI."""
    whole = {
        **organisation.settings,
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        "DATAVERSE_SECRET_EXPIRES": SOON,
        "PATH": str(tmp_path),
    }
    return lambda *arguments, **settings: run(*arguments, **{**whole, **settings})


@pytest.fixture
def setup(run_there: Setup) -> Setup:
    return lambda *arguments, **settings: run_there("setup", *arguments, **settings)


@pytest.fixture
def setup_process(run_process: Setup, organisation: Standin, storage_account: str, tmp_path: Path) -> Setup:
    """The command as it ends in a terminal, where a failure becomes a line."""
    whole = {**organisation.settings, "AzureWebJobsStorage": storage_account, "PATH": str(tmp_path)}
    return lambda *arguments, **settings: run_process("setup", *arguments, **{**whole, **settings})


def way(standin: Standin, name: str) -> dict[str, str]:
    return {"DATAVERSE_CLIENT_SECRET": "", **standin.ways[name]}


def in_state(ran: Ran, state: str) -> list[str]:
    return [step["step"] for step in ran.records if step["state"] == state]


def writes(standin: Standin) -> int:
    """How many changes the organisation was asked for."""
    counts = standin.control("GET", "requests")["counts"]
    sign_in = {"token", "device_code"}
    return sum(row["count"] for row in counts if row["method"] != "GET" and row["path"] not in sign_in)


def rows(standin: Standin, path: str) -> list[dict[str, Any]]:
    return list(standin.administer("GET", path).json()["value"])


def own_role(standin: Standin) -> str:
    found = rows(standin, f"roles?$filter=name eq '{OWN_ROLE}' and _parentroleid_value eq null")
    return str(found[0]["roleid"])


def wrong(ran: Ran) -> list[tuple[str, str]]:
    return [(finding["check"], finding["reason"]) for finding in ran.records if finding["result"] == "failed"]


def test_an_empty_organisation_is_set_up_looked_at_and_written_to_in_one_go(
    run_there: Setup, organisation: Standin, start_app: Starter, storage_account: str
) -> None:
    app = start_app(storage_account)

    done = run_there("setup", "--apply")
    looked = run_there("doctor", "--json")
    sent = run_there("send-test", "--url", app.host.url)

    assert (done.code, looked.code, sent.code) == (0, 0, 0), done.err + looked.err + sent.err
    assert "✗" not in done.out
    assert "changed: role, privileges, application user, role given" in done.err
    assert "a lead would get through" in done.err  # the doctor's last word
    assert wrong(looked) == []
    assert len(organisation.leads()) == 1


def test_without_apply_it_shows_what_is_to_do_and_changes_nothing(setup: Setup, organisation: Standin) -> None:
    organisation.control("DELETE", "requests")
    ran = setup()

    assert ran.code == 0
    assert [line[2:18].strip() for line in ran.lines if line.startswith("+")] == CHANGES
    assert "by hand: Power Platform admin centre" in ran.out
    assert "in 2018: Dynamics CRM → Settings → Security" in ran.out
    assert "az " not in ran.out  # the sign-in is set already
    assert organisation.settings["DATAVERSE_CLIENT_SECRET"] not in ran.out + ran.err
    assert writes(organisation) == 0


def test_a_second_time_changes_nothing(setup: Setup, organisation: Standin) -> None:
    first = setup("--apply", "--json")
    organisation.control("DELETE", "requests")
    second = setup("--apply", "--json")

    assert in_state(first, "changed") == CHANGES
    assert {step["state"] for step in second.records} == {"done"}
    assert "nothing to change" in second.err
    assert writes(organisation) == 0


def test_what_is_done_is_told_without_the_way_through_the_portals(setup: Setup) -> None:
    first, second = setup("--apply", "--no-doctor"), setup()

    assert [line[0] for line in first.lines] == ["✓"] * 4
    assert [line[0] for line in second.lines] == ["✓"] * 2
    assert "DATAVERSE_CLIENT_SECRET" in setup(DATAVERSE_CLIENT_SECRET="").out  # what the sign-in lacks still


def test_another_application_than_the_apps_is_warned_of_and_the_doctor_is_not_asked(
    setup: Setup, organisation: Standin
) -> None:
    ran = setup("--apply", "--client-id", OTHER)

    own = organisation.settings["DATAVERSE_CLIENT_ID"]
    warned = f"this is for the application {OTHER}, but the app's settings sign in as {own}"
    assert (ran.code, ran.err.count(warned)) == (0, 2)
    assert ran.err.index(warned) < ran.err.index("changed: ") < ran.err.rindex(warned)
    assert "the doctor, with the app's own sign-in" not in ran.err


def test_a_role_that_lost_one_privilege_gets_that_one(setup: Setup, organisation: Standin) -> None:
    setup("--apply", "--json")
    lost = f"roles({own_role(organisation)})/Microsoft.Dynamics.CRM.RemovePrivilegeRole"
    organisation.administer("POST", lost, {"PrivilegeId": PRIVILEGES["prvReadLead"]})

    ran = setup("--apply", "--json")

    (step,) = [step for step in ran.records if step["state"] == "changed"]
    assert (step["step"], step["privileges"]) == ("privileges", {"prvReadLead": "Basic"})


def test_what_the_mapping_points_at_and_whom_it_gives_leads_to_is_in_the_role(setup: Setup, tmp_path: Path) -> None:
    campaign, team = "aaaabbbb-0000-cccc-1111-dddd2222eeee", "bbbbaaaa-0000-cccc-1111-dddd2222eeee"
    mapping = tmp_path / "mapping.toml"
    columns = f'[columns]\ncampaignid = "{campaign}"\noverriddencreatedon = "received"\n'
    mapping.write_text(f'{columns}[[rules]]\nwhen = {{}}\nteam = "{team}"\n')
    setup("--apply", "--json")

    ran = setup("--apply", "--json", LEADPIPE_MAPPING=str(mapping))

    (step,) = [step for step in ran.records if step["state"] == "changed"]
    assert step["privileges"] == {
        "prvAppendLead": "Global",
        "prvAppendToCampaign": "Global",
        "prvAssignLead": "Global",
        "prvCreateLead": "Global",
        "prvOverrideCreatedOnCreatedBy": "Global",
        "prvReadLead": "Global",
    }
    assert {each["state"] for each in setup("--json", LEADPIPE_MAPPING=str(mapping)).records} == {"done"}
    mapping.write_text("[columns]\nnonsense = 1\n")
    faulty = setup("--apply", LEADPIPE_MAPPING=str(mapping))
    assert (faulty.code, faulty.lines[0].startswith("mapping.toml:2: nonsense")) == (1, True)


def test_a_lookup_to_a_table_that_the_organisation_does_not_have_needs_a_person(
    setup: Setup, organisation: Standin, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        '[columns]\ncontoso_Region = { lookup = "contoso_regions(aaaabbbb-0000-cccc-1111-dddd2222eeee)" }\n'
    )
    organisation.control("DELETE", "requests")

    ran = setup("--apply", "--json", LEADPIPE_MAPPING=str(mapping))

    assert (ran.code, in_state(ran, "person")) == (1, ["tables"])
    assert "contoso_regions" in ran.out
    assert writes(organisation) == 0


def test_a_run_that_failed_half_way_is_gone_on_with(setup: Setup, organisation: Standin) -> None:
    organisation.fault("status", status=503, count=1, match={"method": "POST", "path": "/systemusers"})

    first, second = setup("--apply", "--json"), setup("--apply", "--json")

    assert (first.code, in_state(first, "changed"), in_state(first, "failed")) == (
        1,
        ["role", "privileges"],
        ["application user"],
    )
    assert "another run goes on from there" in first.err
    assert (second.code, in_state(second, "changed")) == (0, ["application user", "role given"])


def test_microsofts_role_is_used_where_it_is_and_what_it_lacks_is_beside_it(
    setup: Setup, run_there: Setup, organisation: Standin
) -> None:
    held = {name: depth for name, depth in EVERYTHING.items() if name != "prvReadLead"}
    organisation.configure(roles=[ROLE], privileges=held)

    ran = setup("--apply", "--json")

    given = [step["role"] for step in ran.records if step["step"] == "role given"]
    added = next(step for step in ran.records if step["step"] == "privileges")
    assert given == [ROLE, OWN_ROLE]
    assert added["privileges"] == {"prvReadLead": "Basic"}
    assert wrong(run_there("doctor", "--json")) == []


def test_the_user_is_made_in_the_business_unit_that_is_named_with_that_units_role(
    setup: Setup, organisation: Standin
) -> None:
    ran = setup("--apply", "--business-unit", "emea")

    unit = next(row["businessunitid"] for row in rows(organisation, "businessunits") if row["name"] == "EMEA")
    assert ran.code == 0
    assert organisation.api("GET", "WhoAmI").json()["BusinessUnitId"] == unit


def test_after_removal_the_doctor_names_what_is_gone(setup: Setup, run_there: Setup, organisation: Standin) -> None:
    setup("--apply", "--no-doctor")

    removed = setup("--remove", "--yes", "--json")

    assert in_state(removed, "changed") == ["role given", "application user", "application user", "role"]
    assert wrong(run_there("doctor", "--json")) == [("application user", "no_application_user")]
    assert rows(organisation, f"roles?$filter=name eq '{OWN_ROLE}'") == []
    assert setup("--apply", "--json").code == 0


def test_a_user_that_leads_belong_to_stays_deactivated_and_can_be_set_up_again(
    setup: Setup, run_there: Setup, organisation: Standin
) -> None:
    setup("--apply", "--no-doctor")
    organisation.created()

    removed = setup("--remove", "--yes", "--json")

    assert removed.code == 0
    assert "leads or other records belong to it" in next(s["fact"] for s in removed.records if s["state"] == "left")
    assert wrong(run_there("doctor", "--json")) == [("application user", "user_disabled")]
    assert in_state(setup("--apply", "--json"), "changed") == CHANGES
    assert organisation.create(lastname="Ito").status_code == 204


def test_removal_asks_first(setup: Setup, organisation: Standin) -> None:
    setup("--apply", "--no-doctor")

    refused, shown = setup("--remove"), setup("--remove", "--dry-run")

    assert (refused.code, "nothing was changed" in refused.err) == (1, True)
    assert "only if no lead belongs to it" in refused.err
    assert (shown.code, "delete the role leadpipe Lead Writer" in shown.out) == (0, True)
    assert "4 to do; nothing was changed: without --dry-run it is done" in shown.err
    assert organisation.create(lastname="Ito").status_code == 204


def test_what_somebody_else_made_is_left_alone(setup: Setup, organisation: Standin) -> None:
    organisation.configure(**{**EMPTY.to_json(), **UNLIMITED, "application_user": "active", "roles": [ROLE]})
    organisation.control("DELETE", "requests")

    ran = setup("--remove", "--yes")

    assert (ran.code, writes(organisation)) == (0, 0)
    assert "# leadpipe stays: it was not made by leadpipe setup" in ran.out


@pytest.mark.parametrize("name", ["certificate_pem", "managed_identity_user"])
def test_other_ways_to_sign_in_get_their_user(setup: Setup, run_there: Setup, organisation: Standin, name: str) -> None:
    assert setup("--apply", "--no-doctor", **way(organisation, name)).code == 0

    assert wrong(run_there("doctor", "--json", **way(organisation, name))) == []


def test_a_system_identity_is_set_up_by_its_application_id(
    setup: Setup, run_there: Setup, organisation: Standin
) -> None:
    settings = way(organisation, "managed_identity_system")
    token = organisation.session.get(
        settings["IDENTITY_ENDPOINT"],
        params={"resource": organisation.url, "api-version": "2019-08-01"},
        headers={"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"]},
        timeout=20,
    ).json()

    unknown = setup("--apply", **{**settings, "DATAVERSE_CLIENT_ID": ""})
    done = setup("--apply", "--client-id", token["client_id"], "--no-doctor", **settings)

    assert (unknown.code, "the client id is not known yet" in unknown.err) == (1, True)
    assert setup("--azure", **settings).code == 0
    assert "az ad sp show" in unknown.out
    assert done.code == 0
    assert wrong(run_there("doctor", "--json", **settings)) == []


def test_away_from_azure_the_doctor_does_not_sign_in_as_the_identity(setup: Setup, organisation: Standin) -> None:
    settings = {**way(organisation, "managed_identity_user"), "IDENTITY_ENDPOINT": "", "IDENTITY_HEADER": ""}

    ran = setup("--apply", **settings)

    (sign_in,) = [line for line in ran.lines if "only the app itself can sign in as its identity" in line]
    assert (ran.code, sign_in[0]) == (0, "–")
    assert "✗" not in ran.out


def test_an_account_only_gets_the_role(setup: Setup, run_there: Setup, organisation: Standin) -> None:
    settings = way(organisation, "user_password")

    ran = setup("--apply", "--json", **settings)

    assert in_state(ran, "changed") == ["role", "privileges", "role given"]
    assert wrong(run_there("doctor", "--json", **settings)) == []


# Signing in.
def test_who_may_not_change_anything_is_told_so(setup: Setup, organisation: Standin) -> None:
    organisation.configure(person="user")

    ran = setup("--apply")

    assert ran.code == 1
    assert (
        "your account may not do this (prvCreateRole): sign in as somebody with the role System Administrator"
        in ran.out
    )
    assert [line[0] for line in ran.lines if line[0] != " "] == ["✗"]  # what leans on it is not tried


def test_a_stranger_is_told_that_he_is_one(setup_process: Setup, organisation: Standin) -> None:
    organisation.configure(person="stranger")

    ran = setup_process("--apply")

    assert (ran.code, ran.out) == (1, "")
    assert "sign in as one of its System Administrators" in ran.err


@pytest.mark.parametrize(("how", "number"), [("declined", "AADSTS70018"), ("expired", "AADSTS70020")])
def test_a_sign_in_that_is_refused_ends_the_command_in_one_line(
    setup_process: Setup, organisation: Standin, how: str, number: str
) -> None:
    organisation.configure(device_sign_in=how)

    ran = setup_process("--apply")

    assert (ran.code, ran.out) == (1, "")
    assert f"nobody was signed in ({number}): run it again and confirm the code in time" in ran.err
    assert "Traceback" not in ran.err


def test_another_directory_can_be_named(setup_process: Setup) -> None:
    ran = setup_process("--apply", "--tenant", "00001111-aaaa-2222-bbbb-3333cccc4444")

    assert ran.code == 1
    assert "nobody was signed in (AADSTS90002): the sign-in host knows no such directory: correct --tenant" in ran.err
    assert "confirm the code" not in ran.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to interrupt another process alone")
def test_ctrl_c_says_that_what_was_done_stays_done(
    organisation: Standin, storage_account: str, python: str, tmp_path: Path
) -> None:
    organisation.configure(device_sign_in="on_the_page")
    settings = {**organisation.settings, "AzureWebJobsStorage": storage_account, "PATH": str(tmp_path)}
    running = subprocess.Popen(
        [python, "-m", "leadpipe", "setup", "--apply"],
        env={**bare_environment(), **settings},
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert running.stderr is not None
    assert any("enter the code" in line for line in running.stderr)

    running.send_signal(signal.SIGINT)
    _, words = running.communicate(timeout=30)

    assert (running.returncode, "Traceback" in words) == (130, False)
    assert "stopped; finished steps stay done: run it again" in words


def azure_cli(folder: Path, answer: str, code: int = 0) -> dict[str, str]:
    """A command `az` that says this, on a PATH that has nothing else."""
    folder.mkdir()
    (folder / "answer").write_text(answer)
    program = folder / "az"
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        f"sys.stdout.write(pathlib.Path({str(folder / 'answer')!r}).read_text())\nsys.exit({code})\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": os.pathsep.join((str(folder), "/bin", "/usr/bin"))}


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for az is a script")
def test_whoever_is_signed_in_at_the_azure_cli_is_the_administrator(
    setup: Setup, organisation: Standin, tmp_path: Path
) -> None:
    token = organisation.person_token()
    path = azure_cli(tmp_path / "cli", f'{{"accessToken": "{token}", "expires_on": 4102444800}}')
    organisation.configure(device_sign_in="declined")

    ran = setup("--apply", "--no-doctor", **path)

    assert (ran.code, "signed in with the account of the Azure CLI" in ran.err) == (0, True)
    assert token not in ran.out + ran.err


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for az is a script")
def test_where_the_azure_cli_has_no_token_a_code_is_shown(setup: Setup, tmp_path: Path) -> None:
    ran = setup("--apply", "--no-doctor", **azure_cli(tmp_path / "cli", "Please run 'az login'", code=1))

    assert ran.code == 0
    assert "the Azure CLI gave no token: signing in by code instead" in ran.err
    assert "enter the code" in ran.err


# The commands for Azure alone.
def test_the_commands_for_azure_need_nobody_to_sign_in(setup: Setup, organisation: Standin) -> None:
    organisation.control("DELETE", "requests")

    ran = setup("--azure", "--sign-in", "certificate", "--json")

    assert ran.code == 0
    assert any("--create-cert" in line for step in ran.records for line in step["bash"])
    assert "on this machine: an app in Azure cannot reach it" in ran.err
    assert organisation.control("GET", "requests")["counts"] == []


def test_the_commands_for_azure_need_no_storage_account(setup_process: Setup) -> None:
    ran = setup_process("--azure", AzureWebJobsStorage="", DATAVERSE_URL="https://contoso.crm4.dynamics.com")

    assert ran.code == 0, ran.err
    assert "dataverseUrl=https://contoso.crm4.dynamics.com" in ran.out
    assert "on this machine" not in ran.err


def test_it_is_one_or_the_other(setup: Setup) -> None:
    assert setup("--apply", "--remove").code == 2
    assert setup("--client-id", "contoso").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--azure", "--apply"),
        ("--azure", "--remove"),
        ("--tenant", "$(id)"),
        ("--tenant", "contoso"),
        ("--business-unit", ""),
    ],
)
def test_what_would_be_passed_over_is_a_usage_error(setup: Setup, arguments: tuple[str, ...]) -> None:
    assert setup(*arguments).code == 2
