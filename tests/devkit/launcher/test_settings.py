"""What is set already is used; what the launcher starts takes the place of everything on the same subject."""

import json
import stat
from pathlib import Path

import pytest

from devkit.launcher.settings import SHOWN, Given, SettingsFileError, reach_this_machine_directly, write_file

STANDIN = {"DATAVERSE_URL": "https://localhost:1", "DATAVERSE_CLIENT_SECRET": "made-up"}


def given(*, file: dict[str, str] | None = None, **environment: str) -> Given:
    return Given(environment=environment, file=file or {})


def test_nothing_set_means_that_everything_is_started() -> None:
    nothing = given(AzureWebJobsStorage="", DATAVERSE_URL=" ")

    assert nothing.where_storage_is_set() is None
    assert nothing.where_dynamics_is_set() is None


def test_the_environment_goes_before_the_file() -> None:
    both = given(file={"DATAVERSE_URL": "https://file"}, DATAVERSE_URL="https://environment")

    assert both.where_dynamics_is_set() == "the environment"
    assert both.dynamics_url() == "https://environment"


def test_storage_reached_by_identity_counts_as_set() -> None:
    assert given(file={"AzureWebJobsStorage__accountName": "x"}).where_storage_is_set() == "local.settings.json"


def test_core_tools_word_for_the_emulator_means_an_azurite_of_our_own() -> None:
    assert given(AzureWebJobsStorage="UseDevelopmentStorage=true").where_storage_is_set() is None


def test_another_way_to_sign_in_does_not_get_in_the_stand_ins_way() -> None:
    settings = given(file={"DATAVERSE_USERNAME": "x"}, DATAVERSE_CERTIFICATE_PATH="y").with_started(None, STANDIN)

    assert {name: value for name, value in settings.process.items() if name.startswith("DATAVERSE")} == STANDIN


def test_a_secret_from_the_environment_is_never_written_to_the_file() -> None:
    settings = given(AzureWebJobsStorage="secret", LEADPIPE_KEY="secret").with_started(None, STANDIN)

    assert settings.process["AzureWebJobsStorage"] == "secret"
    assert settings.file == STANDIN


def test_what_the_app_was_told_by_the_environment_is_in_the_file_too() -> None:
    told = {
        "LEADPIPE_FALLBACK_AFTER": "5s",
        "AzureWebJobs.deliver.Disabled": "1",
        "AzureWebJobs_sweep_Disabled": "true",
        "AzureWebJobsStorage__clientId": "x",
    }
    settings = given(file={"LEADPIPE_FALLBACK_AFTER": "4h"}, **told).with_started(None, STANDIN)

    del told["AzureWebJobsStorage__clientId"]
    assert settings.file == STANDIN | told
    assert told.items() <= settings.process.items()


@pytest.mark.parametrize("set_in", ["environment", "file"])
@pytest.mark.parametrize("folder", ["here", "app"])
def test_a_mapping_file_goes_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_in: str, folder: str
) -> None:
    app, here = tmp_path / "app", tmp_path / "here"
    for each in (app, here):
        each.mkdir()
    (tmp_path / folder / "mapping.toml").touch()
    monkeypatch.chdir(here)
    mapping = {"LEADPIPE_MAPPING": "mapping.toml"}
    if set_in == "file":
        (app / "local.settings.json").write_text(json.dumps({"Values": mapping}))

    settings = Given.read(app, mapping if set_in == "environment" else {}).with_started(None, STANDIN)

    whole = str(tmp_path / folder / "mapping.toml")
    assert (settings.file["LEADPIPE_MAPPING"], settings.process["LEADPIPE_MAPPING"]) == (whole, whole)


def test_without_a_mapping_file_none_is_set(tmp_path: Path) -> None:
    settings = Given.read(tmp_path, {"LEADPIPE_MAPPING": " "}).with_started(None, STANDIN)

    assert not settings.file["LEADPIPE_MAPPING"].strip()


def test_every_setting_of_the_apps_own_is_shown_but_those_of_its_keys() -> None:
    example = json.loads((Path(__file__).parents[3] / "local.settings.json.example").read_text())["Values"]

    secret = {"LEADPIPE_KEYS", "LEADPIPE_NOTIFY_URL", "LEADPIPE_CANARY_URL"}
    beside_it = {"LEADPIPE_AUTH", "LEADPIPE_NOTIFY_FORMAT", "LEADPIPE_CANARY"}  # a fault without the secret
    on_azure = {"LEADPIPE_APP", "LEADPIPE_CONSOLE_HOST"}
    assert {name for name in example if name.startswith("LEADPIPE_")} - secret - beside_it - on_azure == SHOWN


def test_what_is_kept_out_of_the_file_is_named() -> None:
    environment = {"LEADPIPE_NOTIFY_URL": "https://contoso.example/key", "LEADPIPE_RETENTION": "7d"}
    assert Given(environment=environment, file={}).with_started(None, {}).kept_out == ["LEADPIPE_NOTIFY_URL"]


@pytest.mark.parametrize(
    ("file", "written"),
    [
        ({}, {}),
        ({"LEADPIPE_KEYS": "a:0123456789abcdef"}, {"LEADPIPE_AUTH": "keys", "LEADPIPE_KEYS": "a:0123456789abcdef"}),
    ],
)
def test_the_tools_hear_of_keys_only_where_the_file_has_them(file: dict[str, str], written: dict[str, str]) -> None:
    settings = given(file=file, LEADPIPE_AUTH="keys", LEADPIPE_KEYS="b:from-the-environment").with_started(
        None, STANDIN
    )

    assert settings.file == STANDIN | written
    assert settings.process["LEADPIPE_KEYS"] == "b:from-the-environment"


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("older")
    path.chmod(0o644)

    write_file(path, STANDIN, port=7072)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {
        "IsEncrypted": False,
        "Values": {"FUNCTIONS_WORKER_RUNTIME": "python", "PYTHON_THREADPOOL_THREAD_COUNT": "32", **STANDIN},
        "Host": {"LocalHttpPort": 7072},
    }


def test_a_settings_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "local.settings.json").write_text("{")

    with pytest.raises(SettingsFileError, match=r"local\.settings\.json cannot be read as settings"):
        Given.read(tmp_path, {})


def test_a_proxy_is_not_asked_for_this_machine() -> None:
    environment = {"NO_PROXY": "intranet"}

    reach_this_machine_directly(environment)

    assert environment["NO_PROXY"] == "intranet,localhost,127.0.0.1"
