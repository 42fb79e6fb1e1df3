"""docs/setup.md says what the program does."""

import json
import re
from pathlib import Path

import pytest

from leadpipe.model.settings import Settings, StorageByIdentity
from leadpipe.operations.causes import CAUSES
from leadpipe.operations.setup.privileges import LEVELS, OF_MERGE, MappingNeeds, needed
from leadpipe.operations.setup.sign_in import SignInMethod
from leadpipe.operations.setup.vault_commands import vault
from tests.test_agreement import names_read_by_settings

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "setup.md").read_text(encoding="utf-8")


def test_every_setting_that_it_names_is_read() -> None:
    named = set(re.findall(r"`((?:DATAVERSE|AzureWebJobs|LEADPIPE)\w+)`", DOCUMENT))

    hooks = "".join(hook.read_text(encoding="utf-8") for hook in (ROOT / "infra" / "hooks").glob("*.py"))
    of_hooks = {name for name in named if f'"{name}"' in hooks}
    assert named - {"LEADPIPE_KEY"} - of_hooks <= names_read_by_settings()  # that one is the command line's own
    assert "DATAVERSE_MANAGED_IDENTITY" in named


def test_its_table_has_every_privilege_with_its_level() -> None:
    table = [line for line in DOCUMENT.splitlines() if line.startswith("| `prv")]
    levels = {name: line.split("|")[2] for line in table for name in re.findall(r"`(prv\w+)`", line)}

    assert {name: level.strip() for name, level in levels.items() if name in {each.name for each in needed(NONE)}} == {
        each.name: LEVELS[each.depth] for each in needed(NONE)
    }
    assert {"prvAppendLead", "prvAssignLead"} <= {*levels}
    of_notes = {name: depth for name, depth in OF_MERGE.items() if name != "prvReadLead"}
    assert {name: levels[name].strip() for name in of_notes} == {
        name: LEVELS[depth] for name, depth in of_notes.items()
    }


def test_the_settings_for_ones_own_machine_can_be_read_and_hold_no_secret() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    values = json.loads(block)["Values"]
    filled = {
        **values,
        "AzureWebJobsStorage__accountName": "stcontoso",
        "DATAVERSE_MANAGED_IDENTITY": "11112222-bbbb-3333-cccc-4444dddd5555",
    }

    settings = Settings.from_environment(filled)

    assert settings.faults == ()
    assert isinstance(settings.storage, StorageByIdentity)
    assert not settings.storage.managed  # so the commands reach it as the person


@pytest.mark.parametrize("way", SignInMethod)
def test_it_names_each_way_to_sign_in_as_the_command_line_does(way: SignInMethod) -> None:
    assert f"`{way}`" in DOCUMENT or f"--sign-in {way}`" in DOCUMENT


def test_it_makes_the_key_vault_with_the_roles_that_the_commands_give() -> None:
    roles = {"Key Vault Secrets Officer", "Key Vault Secrets User"}

    assert roles == {role for role in roles if role in DOCUMENT and role in str(vault())}
    assert "az keyvault create" in DOCUMENT


def test_the_sections_that_its_list_and_the_causes_point_to_are_there() -> None:
    headings = {line.removeprefix("## ").strip() for line in DOCUMENT.splitlines() if line.startswith("## ")}
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    fixes = " ".join(cause.fix for cause in CAUSES.values())

    below = {
        line.removeprefix("### ").lower().replace(" ", "-") for line in DOCUMENT.splitlines() if line[:4] == "### "
    }
    assert {*re.findall(r"\]\(#([\w-]+)\)", DOCUMENT)} - below == anchors
    assert {*re.findall(r"docs/setup\.md, section (\w+)", fixes)} <= headings
    assert fixes.count("docs/setup.md") == fixes.count("docs/setup.md, section")


NONE = MappingNeeds()
