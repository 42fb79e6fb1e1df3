"""The commands for Entra and the function app."""

import json
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from leadpipe.model.settings import Settings
from leadpipe.ops.setup.azure import Commands, Known, Way, commands_for

EXAMPLE = Path(__file__).parents[4] / "local.settings.json.example"
TODAY = date(2026, 11, 22)
CLIENT = "11112222-bbbb-3333-cccc-4444dddd5555"
KNOWN = Known(url="https://contoso.crm4.dynamics.com", tenant_id="aaaabbbb-0000-cccc-1111-dddd2222eeee")


def found(way: Way, known: Known = KNOWN) -> list[Commands]:
    return commands_for(way, known, TODAY)


def bash(way: Way, known: Known = KNOWN) -> str:
    return "\n".join(line for each in found(way, known) for line in each.bash)


@pytest.mark.parametrize("way", Way)
def test_bash_understands_every_command(way: Way) -> None:
    program = shutil.which("bash")
    if program is None:
        pytest.skip("there is no bash")
    done = subprocess.run([program, "-n"], input=bash(way), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("way", Way)
def test_every_setting_that_is_set_is_one_that_is_read(way: Way) -> None:
    names = set(re.findall(r'"(\w+)=', " ".join(line for line in bash(way).splitlines() if " --settings " in line)))

    assert names - {"WEBSITE_LOAD_CERTIFICATES"} <= {*json.loads(EXAMPLE.read_text(encoding="utf-8"))["Values"]}
    assert "DATAVERSE_URL" in names


@pytest.mark.parametrize("way", Way)
def test_the_settings_choose_one_way_to_sign_in(way: Way) -> None:
    (line,) = [line for line in bash(way).splitlines() if "DATAVERSE_URL=" in line]
    values = dict(re.findall(r'"(\w+)=([^"]*)"', line))
    # What the shell and the platform put in.
    values = {name: CLIENT if value == "$CLIENT" else value for name, value in values.items()}
    values = {name: "secret" if value.startswith("@Microsoft.") else value for name, value in values.items()}

    settings = Settings.from_environment({**values, "AzureWebJobsStorage": "UseDevelopmentStorage=true"})

    assert settings.faults == ()
    assert settings.dataverse is not None


def test_no_secret_is_shown_on_its_way_into_the_key_vault() -> None:
    (line,) = [line for line in bash(Way.SECRET).splitlines() if "credential reset" in line]

    assert line.startswith("az keyvault secret set")
    assert "--output none" in line
    assert "--append" in line  # the one before stays good until it is taken away
    assert "--end-date 2027-11-22" in line
    assert "DATAVERSE_SECRET_EXPIRES=2027-11-22" in bash(Way.SECRET)


def test_what_is_known_is_filled_in() -> None:
    known = Known(url=KNOWN.url, client_id=CLIENT, tenant_id=KNOWN.tenant_id)

    assert f'CLIENT="{CLIENT}"' in bash(Way.SECRET, known)
    assert "az ad app create" not in bash(Way.SECRET, known)
    assert "az ad app create" in bash(Way.SECRET)


def test_an_identity_is_asked_for_its_application_id() -> None:
    assert "az ad sp show" in bash(Way.MANAGED_IDENTITY)
    assert "DATAVERSE_MANAGED_IDENTITY=system" in bash(Way.MANAGED_IDENTITY)


def test_powershell_sets_its_variables_its_own_way_and_quotes_brackets_twice() -> None:
    lines = [line for each in found(Way.SECRET) for line in each.powershell]

    assert '$APP = "contoso-leads"' in lines
    (settings,) = [line for line in lines if "@Microsoft.KeyVault(" in line]
    assert settings.endswith(')`""')
