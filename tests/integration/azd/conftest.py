"""`azd up` and `azd down` as azd runs them, with fakes of `az`, `azd` and `func`, in a clean clone.

azd itself is played: it reads azure.yaml, runs the hooks in their order with its environment as variables, each in the
folder of its script, and stops where one fails. What the template would make is what a test says that it gave out; the
app that is deployed is the functions host with the real app, on Azurite, against the stand-in.
"""

import json
import os
import pty
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.host_process import ROOT
from tests.integration.cli.conftest import bare_environment
from tests.integration.conftest import UNLIMITED, App, Starter
from tests.standin_process import Standin
from tests.test_package import own_files

FAKE = Path(__file__).with_name("fake_azure.py")
ACCOUNT = {"user": {"name": "admin@contoso.com"}, "name": "Contoso", "tenantId": "", "id": "subscription"}
ROLES = [{"roleDefinitionName": name} for name in ("Storage Blob Data Owner", "Storage Queue Data Contributor")]
NOT_YET = (
    "\nYou do not have the required permissions needed to perform this operation.\nDepending on your operation, you may"
    ' need to be assigned one of the following roles:\n    "Storage Blob Data Owner"\n'
)


@dataclass
class Ran:
    code: int
    out: str


@dataclass
class Azd:
    """One environment of azd. `outputs`: what the template gives out, once it is deployed. `python`: for the hooks."""

    clone: Path
    fake: Path
    variables: dict[str, str]
    outputs: dict[str, str]
    python: str
    ran: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.fake / "environment.json").read_text())
        return found

    def set(self, **values: str) -> None:
        (self.fake / "environment.json").write_text(json.dumps({**self.environment, **values}))

    def answer(self, command: str, *answers: Any) -> None:
        file = self.fake / "answers.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), command: answers}))

    def app_settings(self, **settings: str) -> None:
        rows = [{"name": name, "value": value, "slotSetting": False} for name, value in settings.items()]
        self.answer("functionapp config appsettings list", rows)

    def calls(self, *words: str) -> list[list[str]]:
        """The calls that begin with these words."""
        file = self.fake / "calls.jsonl"
        found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [call for call in found if call[: len(words)] == [*words]]

    def up(self, typed: str | None = None) -> Ran:
        """Runs `azd up`. `typed`: what a person types at the terminal; None: there is no terminal."""
        ran = Ran(0, "")
        for step in ("preprovision", "provision", "postprovision", "postdeploy"):
            if step == "provision":
                continue
            done = self.hook(step, typed)
            ran = Ran(done.code, ran.out + done.out)
            if ran.code:
                break
        return ran

    def hook(self, name: str, typed: str | None = None) -> Ran:
        hook = yaml.safe_load((self.clone / "azure.yaml").read_text(encoding="utf-8"))["hooks"][name]
        assert hook["kind"] == "python"
        self.ran.append(name)
        if name != "preprovision":
            self.set(**self.outputs)
        script = (self.clone / hook["run"]).resolve()
        variables = {**self.variables, **self.environment}
        command = [self.python, str(script)]
        if typed is None or not hook.get("interactive"):
            done = subprocess.run(
                command, cwd=script.parent, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, encoding="utf-8", timeout=300, check=False,
            )  # fmt: skip
            return Ran(done.returncode, done.stdout)
        return _at_a_terminal(command, script.parent, variables, typed)


def _at_a_terminal(command: list[str], folder: Path, variables: dict[str, str], typed: str) -> Ran:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed.encode())
        done = subprocess.run(
            command, cwd=folder, env=variables, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", timeout=300, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    return Ran(done.returncode, done.stdout)


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a person has who has just cloned the project."""
    folder = tmp_path_factory.mktemp("clone")
    for file in own_files():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, folder / file)
    return folder


@pytest.fixture
def programs(python: str, tmp_path: Path) -> Path:
    """A folder with the three programs, and nothing else."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("az", "azd", "func"):
        (folder / name).write_text(f'#!/bin/sh\nexec "{python}" "{FAKE}" {name} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def organisation(standin: Standin) -> Standin:
    """Nobody has set anything up in it; the administrator is signed in at the Azure CLI."""
    standin.configure(**UNLIMITED, application_user="missing", roles=[], solutions=[], business_units=["EMEA"])
    return standin


@pytest.fixture
def deployed(start_app: Starter, organisation: Standin, storage_account: str) -> App:
    """The app as the template sets it up, but for storage, which Azurite gives by connection string only."""
    way = organisation.ways["managed_identity_user"]
    settings = {**way, "DATAVERSE_CLIENT_SECRET": "", "DATAVERSE_TENANT_ID": "", "DATAVERSE_CLIENT_ID": ""}
    return start_app(storage_account, "--enable-auth", **settings)


@pytest.fixture
def make_azd(python: str, tmp_path: Path, clone: Path, programs: Path, organisation: Standin) -> Callable[..., Azd]:
    def make(**outputs: str) -> Azd:
        fake = tmp_path / "fake"
        fake.mkdir()
        (fake / "environment.json").write_text(json.dumps({"AZURE_ENV_NAME": "test", "AZURE_SUBSCRIPTION_ID": "s-1"}))
        (fake / "answers.json").write_text("{}")
        kept = {name: text for name, text in bare_environment().items() if name not in {"PYTHONPATH", "CI"}}
        variables = {
            **kept,
            "PATH": os.pathsep.join((str(programs), "/bin", "/usr/bin")),
            "FAKE_AZURE": str(fake),
            "REQUESTS_CA_BUNDLE": organisation.settings["REQUESTS_CA_BUNDLE"],
            "AZURE_CONFIG_DIR": str(fake),
        }
        azd = Azd(clone, fake, variables, outputs, python)
        token = organisation.person_token()
        azd.answer("account show", {**ACCOUNT, "tenantId": organisation.settings["DATAVERSE_TENANT_ID"]})
        azd.answer("account get-access-token", {"accessToken": token, "expires_on": 4102444800})
        azd.answer("identity show", {"principalId": "principal"})
        azd.answer("storage account show", {"id": "/subscriptions/s-1/storage"})
        azd.answer("role assignment list", ROLES)
        azd.answer("storage queue list", [])
        azd.answer("storage table list", [])
        return azd

    return make


@pytest.fixture
def azd(make_azd: Callable[..., Azd], deployed: App, organisation: Standin, storage_account: str) -> Azd:
    """Everything answers as it should."""
    identity = organisation.ways["managed_identity_user"]["DATAVERSE_MANAGED_IDENTITY"]
    made = _answering(make_azd, deployed, identity=identity)
    made.set(DATAVERSE_URL=organisation.url)
    settings = {
        "AzureWebJobsStorage": storage_account,
        "DATAVERSE_URL": organisation.url,
        "DATAVERSE_AUTHORITY": organisation.url,
        "DATAVERSE_MANAGED_IDENTITY": identity,
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=not-for-leadpipe",
    }
    made.app_settings(**settings)
    return made


@pytest.fixture
def app_without_dynamics(start_app: Starter, storage_account: str) -> App:
    unset = dict.fromkeys(("URL", "AUTHORITY", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"), "")
    return start_app(storage_account, "--enable-auth", **{f"DATAVERSE_{name}": text for name, text in unset.items()})


@pytest.fixture
def azd_without_dynamics(make_azd: Callable[..., Azd], app_without_dynamics: App, storage_account: str) -> Azd:
    made = _answering(make_azd, app_without_dynamics, identity="aaaabbbb-0000-cccc-1111-dddd2222eeee")
    made.set(DATAVERSE_URL="")
    made.app_settings(AzureWebJobsStorage=storage_account, PYTHON_THREADPOOL_THREAD_COUNT="32")
    return made


def _answering(make_azd: Callable[..., Azd], app: App, *, identity: str) -> Azd:
    made = make_azd(
        AZURE_FUNCTION_APP_NAME="contoso-leads-1a2b3c",
        AZURE_RESOURCE_GROUP="rg-test",
        AZURE_STORAGE_ACCOUNT_NAME="stabc",
        LEADPIPE_ENDPOINT=f"{app.host.url}/api/leads",
        LEADPIPE_IDENTITY_CLIENT_ID=identity,
        LEADPIPE_IDENTITY_NAME="id-contoso-leads",
        LEADPIPE_KEY_VAULT_NAME="",
    )
    made.set(LEADPIPE_ALERT_EMAIL="")
    made.answer("functionapp function keys list", {"default": app.host.function_key()})
    return made
