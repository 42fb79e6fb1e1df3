"""azure.yaml, the hooks and the template agree."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from preprovision import LONGEST_NAME, MAIL, ORGANISATION

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
HOOKS = ROOT / "infra" / "hooks"
# https://github.com/Azure/azure-dev/blob/main/schemas/v1.0/azure.yaml.json: what a hook and a service may have.
OF_A_HOOK = {"run", "kind", "dir", "shell", "interactive", "continueOnError", "secrets", "config"}
OF_A_SERVICE = {"project", "language", "host", "remoteBuild"}
EVENTS = {"preprovision", "postprovision", "predeploy", "postdeploy", "predown", "postdown", "preup", "postup"}
FROM_AZD_ITSELF = {"AZURE_SUBSCRIPTION_ID", "AZURE_ENV_NAME"}
needs_template = pytest.mark.skipif(not (ROOT / "infra" / "main.bicep").exists(), reason="infra/main.bicep is not here")


def template(name: str) -> str:
    return (ROOT / "infra" / name).read_text(encoding="utf-8")


def test_each_hook_is_a_script_that_azd_runs_by_python_in_its_own_environment() -> None:
    assert {*PROJECT["hooks"]} <= EVENTS
    for hook in PROJECT["hooks"].values():
        assert {*hook} <= OF_A_HOOK
        assert (ROOT / hook["run"]).is_file()
        assert hook["kind"] == "python"
        assert hook["config"] == {"virtualEnvName": "hooks_env"}
        assert hook["interactive"] is True
        assert not hook.get("continueOnError")


def test_the_hooks_environment_has_leadpipe_with_its_commands() -> None:
    lines = (HOOKS / "requirements.txt").read_text(encoding="utf-8").splitlines()
    (requirement,) = [line for line in lines if line and not line.startswith("#")]

    assert requirement == "--editable ../..[ops]"
    assert (HOOKS / "../.." / "pyproject.toml").resolve() == ROOT / "pyproject.toml"


def test_the_service_is_this_folder_built_by_azure() -> None:
    (service,) = PROJECT["services"].values()

    assert {*service} == OF_A_SERVICE
    assert (service["project"], service["language"], service["host"]) == (".", "python", "function")
    assert service["remoteBuild"] is True


@needs_template
def test_the_service_has_the_name_of_the_templates_tag() -> None:
    tags = re.findall(r"'azd-service-name': '(\w+)'", "".join(map(template, ("main.bicep", "leadpipe.bicep"))))

    assert {*tags} == {*PROJECT["services"]}


@needs_template
def test_what_a_hook_reads_of_azds_environment_the_template_gives_out() -> None:
    given = {*re.findall(r"^output (\w+) ", template("main.bicep"), re.MULTILINE)}
    read = {
        name
        for hook in HOOKS.glob("*.py")
        for name in re.findall(r'"(AZURE_\w+|LEADPIPE_(?:ENDPOINT|IDENTITY_\w+))"', hook.read_text(encoding="utf-8"))
    }

    assert read - FROM_AZD_ITSELF <= given
    assert {"LEADPIPE_ENDPOINT", "LEADPIPE_IDENTITY_CLIENT_ID"} <= read


@needs_template
def test_what_is_asked_goes_into_a_parameter() -> None:
    read = {*re.findall(r"readEnvironmentVariable\('(\w+)'", template("main.bicepparam"))}

    assert {ORGANISATION, MAIL} <= read


@needs_template
def test_a_name_is_as_long_as_the_template_allows() -> None:
    longest = re.search(r"@maxLength\((\d+)\)\s+param environmentName", template("main.bicep"))

    assert longest is not None
    assert int(longest[1]) == LONGEST_NAME
