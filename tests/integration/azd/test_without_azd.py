"""docs/setup.md, the same without azd: its blocks run as they stand, in bash, with fakes of `az` and `func`."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.host_process import ROOT
from tests.integration.azd.conftest import Azd
from tests.integration.conftest import App
from tests.standin_process import Standin

BASH = shutil.which("bash")
SECTION = re.compile(r"^### Without azd\n(.*?)^### ", re.DOTALL | re.MULTILINE)


def blocks() -> list[str]:
    (section,) = SECTION.findall((ROOT / "docs" / "setup.md").read_text(encoding="utf-8"))
    return re.findall(r"```\n(.*?)```", section, re.DOTALL)


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_its_blocks_lead_from_nothing_to_the_test_lead_and_back(
    azd: Azd, deployed: App, organisation: Standin, storage_account: str, programs: Path, python: str, tmp_path: Path
) -> None:
    azd.answer("login", [])
    azd.answer("group create", None)
    azd.answer("ad signed-in-user show", {"id": "person"})
    azd.answer("deployment group create", None)
    azd.answer("group delete", None)
    azd.answer("functionapp list", [{"name": "contoso-leads-1a2b3c-console"}, {"name": "contoso-leads-1a2b3c"}])
    (programs / "leadpipe").write_text(f'#!/bin/sh\nexec "{python}" -m leadpipe "$@"\n')
    (programs / "leadpipe").chmod(0o755)
    folder = tmp_path / "project"
    folder.mkdir()
    # The same settings as in the document, but for what is not Azure here: storage, and where people sign in.
    values = {
        "AzureWebJobsStorage": storage_account,
        "DATAVERSE_MANAGED_IDENTITY": azd.outputs["LEADPIPE_IDENTITY_CLIENT_ID"],
        "DATAVERSE_URL": organisation.url,
        "DATAVERSE_AUTHORITY": organisation.url,
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
    }
    (folder / "local.settings.json").write_text(json.dumps({"Values": values}))
    *steps, removal = blocks()
    making = "\n".join(steps).replace("https://$APP.azurewebsites.net", deployed.host.url)
    environment = {**azd.variables, "PYTHONPATH": str(ROOT)}

    done = in_bash(f"set -eu\n{making}", folder, environment)
    made = len(organisation.leads())
    undone = in_bash(removal, folder, {**environment, "GROUP": "contoso-leads-group"}, typed="y\n")

    assert done.returncode == 0, done.stdout
    assert "changed: role, privileges, application user, role given" in done.stdout
    assert "the test lead got through" in done.stdout
    assert deployed.host.function_key() not in done.stdout
    assert made == 1
    assert azd.calls("func") == [["func", "azure", "functionapp", "publish", "contoso-leads-1a2b3c", "--python"]]
    (deployment,) = azd.calls("az", "deployment", "group", "create")
    assert {"operatorPrincipalId=person", "environmentName=contoso-leads"} <= {*deployment}
    assert undone.returncode == 0, undone.stdout
    assert "changed: role given, application user, role" in undone.stdout
    assert azd.calls("az", "group", "delete") == [["az", "group", "delete", "--name", "contoso-leads-group"]]


def in_bash(
    script: str, folder: Path, environment: dict[str, str], *, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BASH), "-c", script], input=typed, cwd=folder, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not (ROOT / "infra" / "leadpipe.bicep").exists(), reason="infra/leadpipe.bicep is not here")
def test_it_gives_the_template_parameters_that_it_has() -> None:
    given = {*re.findall(r"\b([a-z]\w+)=", blocks()[0].partition("--parameters")[2])}
    parameters = {*re.findall(r"^param (\w+)", (ROOT / "infra" / "leadpipe.bicep").read_text(), re.MULTILINE)}

    assert given <= parameters
    assert "operatorPrincipalId" in given
