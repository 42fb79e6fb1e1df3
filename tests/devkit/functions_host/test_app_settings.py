import json
from pathlib import Path

import pytest

from devkit.functions_host import app_settings, storage
from devkit.functions_host.errors import CannotStart


def written(folder: Path, document: object) -> Path:
    path = folder / "local.settings.json"
    path.write_text(json.dumps(document))
    return path


def test_values_become_settings_unless_set_already(tmp_path: Path) -> None:
    environ = {"A": "kept"}
    app_settings.load(written(tmp_path, {"Values": {"A": "1", "B": "2"}}), required=True, environ=environ)
    assert environ == {"A": "kept", "B": "2"}


def test_only_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    app_settings.load(tmp_path / "none.json", required=False, environ={})
    with pytest.raises(CannotStart, match=r"none\.json"):
        app_settings.load(tmp_path / "none.json", required=True, environ={})


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="decrypt"):
        app_settings.load(written(tmp_path, {"IsEncrypted": True, "Values": {}}), required=True, environ={})


def test_a_setting_between_percent_signs_is_filled_in_or_named_as_missing() -> None:
    assert app_settings.resolve("a-%NAME%-b", where="x", environ={"NAME": "q"}) == "a-q-b"
    with pytest.raises(CannotStart, match="%NAME%"):
        app_settings.resolve("%NAME%", where="x", environ={})


def test_a_connection_is_looked_up_with_the_prefix_first() -> None:
    environ = {"AzureWebJobsLeads": "first", "Leads": "second", "AzureWebJobsStorage": "own"}
    assert storage.connection_string("Leads", where="f", environ=environ) == "first"
    assert storage.connection_string("", where="f", environ=environ) == "own"


def test_an_identity_connection_is_refused_by_name() -> None:
    with pytest.raises(CannotStart, match="AzureWebJobsStorage__accountName"):
        storage.connection_string("", where="f", environ={"AzureWebJobsStorage__accountName": "x"})


def test_a_missing_connection_is_named() -> None:
    with pytest.raises(CannotStart, match="setting Leads is missing"):
        storage.connection_string("Leads", where="f", environ={})
