"""Where settings come from, and what counts where two places name the same."""

import json
from pathlib import Path

import pytest

from leadpipe.model.errors import SettingsError
from leadpipe.operations.settings_source import Source, find_source, read_values

STORAGE = "AzureWebJobsStorage"


def write(file: Path, **values: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"IsEncrypted": False, "Values": values}), encoding="utf-8")
    return file


def find(folder: Path, *, chosen: Path | None = None, **environment: str) -> Source:
    return find_source(chosen, environment=environment, folders=[folder])


@pytest.mark.parametrize("name", [STORAGE, *(f"{STORAGE}__{part}" for part in ("accountName", "tableServiceUri"))])
def test_an_environment_that_names_storage_counts_more_than_files_in_the_folder(tmp_path: Path, name: str) -> None:
    write(tmp_path / "local.settings.json", **{STORAGE: "file"})
    found = find(tmp_path, **{name: "environment"})
    assert (found.where, found.environment) == ("the environment", {name: "environment"})


def test_local_settings_count_more_than_what_make_run_left(tmp_path: Path) -> None:
    local = write(tmp_path / "local.settings.json", **{STORAGE: "local"})
    write(tmp_path / ".devkit" / "settings.json", **{STORAGE: "run"})
    assert find(tmp_path).where == str(local)


def test_what_make_run_left_is_the_last_place(tmp_path: Path) -> None:
    write(tmp_path / "local.settings.json", **{STORAGE: " ", "DATAVERSE_URL": "https://unused"})
    left = write(tmp_path / ".devkit" / "settings.json", **{STORAGE: "run"})
    found = find(tmp_path)
    assert (found.where, found.environment) == (str(left), {STORAGE: "run"})


def test_local_settings_that_only_name_the_emulator_give_way_to_that_of_make_run(tmp_path: Path) -> None:
    local = write(tmp_path / "local.settings.json", **{STORAGE: "UseDevelopmentStorage=true"})
    assert find(tmp_path).where == str(local)
    left = write(tmp_path / ".devkit" / "settings.json", **{STORAGE: "run"})
    assert find(tmp_path).where == str(left)


def test_folders_are_looked_through_in_their_order(tmp_path: Path) -> None:
    here = write(tmp_path / "here" / "local.settings.json", **{STORAGE: "here"})
    write(tmp_path / "app" / "local.settings.json", **{STORAGE: "app"})
    found = find_source(None, environment={}, folders=[tmp_path / "here", tmp_path / "app"])
    assert found.where == str(here)


def test_a_chosen_file_counts_more_than_the_environment_which_fills_in_the_rest(tmp_path: Path) -> None:
    chosen = write(tmp_path / "prod.json", **{STORAGE: "file", "DATAVERSE_URL": "file", "DATAVERSE_CLIENT_SECRET": ""})
    found = find(tmp_path, chosen=chosen, DATAVERSE_URL="environment", DATAVERSE_CLIENT_SECRET="environment")
    assert found.environment == {STORAGE: "file", "DATAVERSE_URL": "file", "DATAVERSE_CLIENT_SECRET": "environment"}


def test_an_empty_connection_string_of_a_file_is_seen_since_the_host_trips_over_it(tmp_path: Path) -> None:
    chosen = write(tmp_path / "prod.json", **{STORAGE: "", f"{STORAGE}__accountName": "file"})
    found = find(tmp_path, chosen=chosen, **{STORAGE: "environment"})
    assert found.environment == {STORAGE: "", f"{STORAGE}__accountName": "file"}


@pytest.mark.parametrize("name", [f"{STORAGE}__blobServiceUri", f"{STORAGE}:accountName", STORAGE.upper()])
def test_storage_is_named_in_any_way_that_the_host_reads(tmp_path: Path, name: str) -> None:
    assert find(tmp_path, **{name: "environment"}).where == "the environment"


def test_storage_settings_are_never_mixed_from_two_places(tmp_path: Path) -> None:
    chosen = write(tmp_path / "prod.json", **{f"{STORAGE}__accountName": "file"})
    found = find(tmp_path, chosen=chosen, **{STORAGE: "environment", f"{STORAGE}__clientId": "environment"})
    assert found.environment == {f"{STORAGE}__accountName": "file"}


def test_no_storage_anywhere_names_the_three_ways(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        find(tmp_path)
    assert all(way in raised.value.detail for way in ("AzureWebJobsStorage", "local.settings.json", "--settings"))
    assert "\n" not in raised.value.detail


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "not JSON text in UTF-8"),
        (b"[]", "not a JSON object"),
        (b"{}", "no object `Values`"),
        (b'{"IsEncrypted": true, "Values": {"a": "secret"}}', "func settings decrypt"),
        (b'{"Values": {"DATAVERSE_CLIENT_SECRET": ["secret"]}}', "the value of DATAVERSE_CLIENT_SECRET is not a text"),
    ],
)
def test_an_unreadable_file_is_told_in_one_line_without_its_values(tmp_path: Path, text: bytes, says: str) -> None:
    file = tmp_path / "local.settings.json"
    file.write_bytes(text)
    with pytest.raises(SettingsError) as raised:
        find(tmp_path)
    assert says in raised.value.detail
    assert str(file) in raised.value.detail
    assert "secret" not in raised.value.detail
    assert "\n" not in raised.value.detail


def test_a_file_may_start_with_a_byte_order_mark_and_hold_numbers(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    file.write_bytes(b'\xef\xbb\xbf{"Values": {"PORT": 7071, "NOTHING": null}}')
    assert read_values(file) == {"PORT": "7071"}


def test_taking_effect_makes_the_process_environment_the_source_s_own() -> None:
    process = {STORAGE: "old", f"{STORAGE}__clientId": "old", "PATH": "/bin"}
    environment = {"PATH": "/bin", STORAGE: "new", "REQUESTS_CA_BUNDLE": "ca.pem"}
    Source(where="a file", environment=environment).take_effect(process)
    assert process == environment


@pytest.mark.parametrize(
    ("host", "port"),
    [({"LocalHttpPort": 7072}, 7072), ({}, 7071), (None, 7071), ("x", 7071), ({"LocalHttpPort": 70000}, 7071)],
)
def test_the_local_port_is_that_of_the_file_else_the_usual_one(tmp_path: Path, host: object, port: int) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"Values": {STORAGE: "x"}, "Host": host}), encoding="utf-8")
    assert find(tmp_path, chosen=file).local_port == port


def test_settings_of_the_environment_go_with_the_usual_port(tmp_path: Path) -> None:
    assert find(tmp_path, **{STORAGE: "x"}).local_port == 7071
