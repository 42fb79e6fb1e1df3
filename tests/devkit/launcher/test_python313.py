"""`make test` finds a Python 3.13, and says what did not run where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devkit import python313, test
from devkit.azurite.install import InstallError
from tests.devkit.launcher.test_check import step

ROOT = Path(__file__).parents[3]
A_313 = 'echo "3 13"'


def put_program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return folder / name


def environment(folder: Path, **more: str) -> dict[str, str]:
    """A machine that has what is in `folder` alone."""
    return {"PATH": str(folder / "path"), "PYENV_ROOT": str(folder / "pyenv"), **more}


@pytest.fixture(autouse=True)
def _no_neighbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of this run shall not count as one of the machine's."""
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "versions" / "3.11.7"))


def test_a_machine_without_one_has_none(tmp_path: Path) -> None:
    assert python313.find(environment(tmp_path)) is None


def test_the_one_on_the_path_is_found(tmp_path: Path) -> None:
    found = put_program(tmp_path / "path", "python3.13", A_313)

    assert python313.find(environment(tmp_path)) == str(found)


@pytest.mark.parametrize(
    "stub",
    ["echo 'no such version is chosen' >&2; exit 127", 'echo "3 12"', "echo 'No module named ensurepip' >&2; exit 1"],
    ids=["a stub", "another version", "without venv"],
)
def test_a_program_that_will_not_do_is_passed_over_for_pyenvs(tmp_path: Path, stub: str) -> None:
    put_program(tmp_path / "path", "python3.13", stub)
    put_program(tmp_path / "pyenv/versions/3.12.1/bin", "python", 'echo "3 12"')
    put_program(tmp_path / "pyenv/versions/3.13.0rc1/bin", "python", "exit 1")
    found = put_program(tmp_path / "pyenv/versions/3.13.0/bin", "python", A_313)

    assert python313.find(environment(tmp_path)) == str(found)


def test_one_that_pyenv_installed_beside_this_python_is_found_without_pyenvs_settings(tmp_path: Path) -> None:
    found = put_program(tmp_path / "versions/3.13.0/bin", "python", A_313)

    assert python313.find(environment(tmp_path)) == str(found)


@pytest.mark.parametrize(
    ("name", "arguments"), [("uv", "python find 3.13"), ("py", "-3.13 -c import sys; print(sys.executable)")]
)
def test_uv_and_the_launcher_of_windows_are_asked(tmp_path: Path, name: str, arguments: str) -> None:
    found = put_program(tmp_path, "found", A_313)
    put_program(tmp_path / "path", name, f'[ "$*" = "{arguments}" ] && echo {found}')

    assert python313.find(environment(tmp_path)) == str(found)


def test_one_that_is_named_is_the_only_one_tried(tmp_path: Path) -> None:
    put_program(tmp_path / "path", "python3.13", A_313)
    named = put_program(tmp_path, "mine", A_313)

    assert python313.find(environment(tmp_path, PYTHON313=str(named))) == str(named)
    assert python313.find(environment(tmp_path, PYTHON313=str(tmp_path / "missing"))) is None


def test_it_installs_what_it_needs_while_the_first_python_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python313, "VERSION", (4, 0))
    asked = tmp_path / "asked"
    named = put_program(tmp_path, "named", f'if [ "$1" = -c ]; then echo "4 0"; else echo "$*" > {asked}; fi')
    machine = environment(tmp_path, PYTHON313=str(named))

    installation = python313.install_ahead(machine)

    assert installation is not None
    assert installation.wait() == 0
    assert asked.read_text() == "-m devkit.python313 install\n"
    assert machine["PYTHON313"] == str(named)


@pytest.mark.skipif(os.name == "nt", reason="a link needs a privilege there")
def test_where_the_first_python_cannot_be_prepared_the_second_goes_on_no_longer(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "devkit", clone / "devkit", ignore=shutil.ignore_patterns("__pycache__"))
    (clone / ".venv").symlink_to(tmp_path)
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, clone)
    second = put_program(tmp_path, "second", f'if [ "$1" = -c ]; then {A_313}; else exec sleep 60; fi')

    # It has the same stdout, so this waits for its end too.
    done = subprocess.run(
        [sys.executable, "-m", "devkit", "test"],
        cwd=clone, env={**os.environ, "PYTHON313": str(second)}, capture_output=True, check=False, timeout=30,
    )  # fmt: skip

    assert done.returncode == 2


def test_where_there_is_none_nothing_is_installed_ahead(tmp_path: Path) -> None:
    machine = environment(tmp_path, PYTHON313=str(tmp_path / "missing"))

    assert python313.install_ahead(machine) is None
    assert machine == environment(tmp_path, PYTHON313=str(tmp_path / "missing"))


def test_where_none_is_named_it_says_how_to_get_one(tmp_path: Path) -> None:
    said = python313.why_there_is_none(environment(tmp_path))

    assert said.startswith("there is no Python 3.13: install it")
    assert "PYTHON313=/path/to/python3.13" in said


@pytest.fixture
def _no_newer_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose Pythons are all too old."""
    monkeypatch.setattr(python313, "VERSION", (4, 0))
    monkeypatch.setenv("PYTHON313", sys.executable)


@pytest.mark.usefixtures("_no_newer_python")
@pytest.mark.parametrize("code", [0, 1])
def test_without_one_a_note_says_what_did_not_run_and_why(
    code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("REQUIRE_PYTHON313", raising=False)
    monkeypatch.setattr(test, "without_io", list)
    monkeypatch.setattr(test, "with_io", lambda second: [step(f"with {second}", code)])

    assert test.main([]) == code
    said = capfd.readouterr().out
    assert "with None" in said
    assert "not run: tests/integration/runtime, " in said
    assert f"PYTHON313={sys.executable} is no Python 3.13" in said


@pytest.mark.usefixtures("_no_newer_python")
def test_where_it_is_required_nothing_runs_without_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REQUIRE_PYTHON313", "1")
    monkeypatch.setattr(test, "without_io", lambda: [step("anything", 0)])

    assert test.main([]) == 1
    said = capfd.readouterr().out
    assert said.startswith(f"✗ REQUIRE_PYTHON313 is set and PYTHON313={sys.executable} is no Python 3.13")
    assert "anything" not in said


@pytest.mark.usefixtures("_no_newer_python")
def test_where_azurite_cannot_be_installed_what_needs_none_is_shown_and_nothing_else_runs(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_say: object) -> None:
        raise InstallError("the npm registry cannot be reached")

    monkeypatch.delenv("REQUIRE_PYTHON313", raising=False)
    monkeypatch.setattr(test, "ensure_azurite", fail)
    monkeypatch.setattr(test, "without_io", lambda: [step("lint", 0)])
    monkeypatch.setattr(test, "with_io", lambda _: [step("anything", 0)])

    assert test.main([]) == 1
    said = capfd.readouterr().out
    assert said.endswith("✗ the npm registry cannot be reached\n")
    assert "✓ lint" in said
    assert "anything" not in said


def test_continuous_integration_requires_it() -> None:
    assert "REQUIRE_PYTHON313=1 exec make test" in (ROOT / ".ci" / "run").read_text()


def test_what_an_older_python_leaves_out_is_what_the_newer_one_runs() -> None:
    left_out = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if "version_info < " in path.read_text() and path != Path(__file__)
    }

    assert left_out
    assert all(path.startswith(python313.NEEDS_IT) for path in left_out)


def test_what_is_chosen_for_it_is_there() -> None:
    for place in (*python313.NEEDS_IT, *python313.COULD_DIFFER):
        path, _, name = place.partition("::")
        assert (ROOT / path).exists()
        assert name in ((ROOT / path).read_text() if name else "")


def test_a_python_as_new_needs_no_other(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(python313, "VERSION", sys.version_info[:2])
    monkeypatch.setenv("PYTHON313", "/missing")
    monkeypatch.setenv("REQUIRE_PYTHON313", "1")
    monkeypatch.setattr(test, "without_io", list)
    monkeypatch.setattr(test, "with_io", lambda second: [step(f"with {second}", 0)])

    assert test.main([]) == 0
    said = capfd.readouterr().out
    assert "with None" in said
    assert "not run" not in said
