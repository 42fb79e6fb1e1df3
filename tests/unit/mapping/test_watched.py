"""The mapping file as it is now."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from leadpipe.mapping import watched
from leadpipe.mapping.chosen import chosen_mapping
from leadpipe.mapping.watched import _APP, WatchedMapping, place_of
from leadpipe.model.errors import Blocked
from tests.factories import LEAD_ID, lead


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.toml"
    path.write_text("[columns]\nfax = 'one'")
    return path


def fax(mapping: WatchedMapping) -> object:
    return mapping.columns_of(lead(), LEAD_ID)["fax"]


def test_a_changed_file_counts_from_the_next_lead_on(file: Path) -> None:
    mapping = WatchedMapping(str(file))
    assert fax(mapping) == "one"
    file.write_text("[columns]\nfax = 'changed'")
    assert fax(mapping) == "changed"


def test_an_unchanged_file_is_read_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = WatchedMapping(str(file))
    fax(mapping)
    monkeypatch.setattr(watched, "read_file", None)
    assert fax(mapping) == "one"


def test_a_faulty_file_blocks_with_its_faults_until_it_is_mended(file: Path) -> None:
    mapping = WatchedMapping(str(file))
    file.write_text("[columns]\njobtitel = 'x'")
    for _ in range(2):
        with pytest.raises(Blocked) as blocked:
            fax(mapping)
        assert (blocked.value.slug, blocked.value.lead_only) == ("mapping_unusable", False)
        assert blocked.value.detail.startswith("mapping.toml:2: jobtitel")
    file.write_text("[columns]\nfax = 'mended'")
    assert fax(mapping) == "mended"


@pytest.mark.parametrize("error", [OSError("too many open files"), MemoryError("a,b"), KeyError("a,b")])
def test_what_goes_wrong_with_reading_blocks_and_the_same_file_is_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: object) -> None:
        raise error

    mapping = WatchedMapping(str(file))
    with monkeypatch.context() as patch:
        patch.setattr(watched, "read_mapping", failing)
        with pytest.raises(Blocked) as blocked:
            fax(mapping)
    assert blocked.value.slug == "mapping_unusable"
    assert "cannot be read" in blocked.value.detail
    assert "a,b" not in blocked.value.detail
    assert fax(mapping) == "one"


def test_a_path_that_no_file_can_have_blocks() -> None:
    with pytest.raises(Blocked, match="mapping_unusable"):
        fax(WatchedMapping("a\x00b.toml"))


def test_a_missing_file_blocks_until_it_is_there(file: Path) -> None:
    mapping = WatchedMapping(str(file))
    file.unlink()
    with pytest.raises(Blocked, match="cannot be read"):
        fax(mapping)
    file.write_text("[columns]\nfax = 'back'")
    assert fax(mapping) == "back"


def test_what_is_read_and_what_is_wrong_is_logged_once(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, watched.__name__)
    mapping = WatchedMapping(str(file))
    fax(mapping)
    fax(mapping)
    file.write_text("[columns]\njobtitel = 'x'")
    for _ in range(2):
        with pytest.raises(Blocked):
            fax(mapping)
    assert [line.split()[0] for line in caplog.messages] == ["mapping_read", "mapping_unusable"]


def test_without_a_file_the_default_mapping_counts_and_a_file_waits_for_a_lead(tmp_path: Path) -> None:
    assert "fax" not in chosen_mapping(None)(lead(), LEAD_ID)
    waits = chosen_mapping(str(tmp_path / "later.toml"))
    (tmp_path / "later.toml").write_text("[columns]\nfax = 'x'")
    assert waits(lead(), LEAD_ID)["fax"] == "x"


def test_a_relative_name_is_looked_for_here_and_then_beside_the_app(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    assert place_of("mapping.toml").resolve() == file
    assert (place_of("host.json").parent / "function_app.py").exists()


def test_without_a_file_nothing_of_it_is_imported() -> None:
    """What every cold start would pay for."""
    script = (
        "import sys, leadpipe.dataverse.client, leadpipe.mapping.chosen as choice\n"
        "choice.chosen_mapping(None)\n"
        "print([name for name in sys.modules if name.endswith(('tomllib', 'watched', 'file_reader'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=_APP, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
