"""The real Azurite: installed whole or not at all, and the same after a restart."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient

from devkit import node
from devkit.azurite import Azurite, install
from devkit.launcher.part import PartError


def put_program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs on a PATH of their own, and a home to install into."""
    programs = tmp_path / "bin"
    put_program(programs, "node", "echo v22.1.0")
    put_program(programs, "npm", 'if [ "$1" = ci ]; then rm -rf node_modules; mkdir node_modules; echo >> installs; fi')
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    (tmp_path / "home").mkdir()
    return programs


def installs(home: Path) -> int:
    return len((home / "installs").read_text().splitlines())


def test_azurite_is_installed_once(machine: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    said: list[str] = []

    for _ in range(2):
        found = install.ensure_azurite(said.append, home)

    assert found.node == str(machine / "node")
    assert installs(home) == 1
    assert said[0] == "first run: installing Azurite into .devkit, about half a minute"


@pytest.mark.usefixtures("machine")
def test_an_install_that_was_killed_half_way_is_done_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "node_modules" / "azurite").mkdir(parents=True)

    install.ensure_azurite(print, home)

    assert installs(home) == 1


def test_a_node_that_is_gone_makes_it_install_again(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    install.ensure_azurite(print, home)
    (machine / "node").unlink()
    put_program(other, "node", "echo v24.0.0")
    monkeypatch.setenv("PATH", str(other), prepend=os.pathsep)

    assert install.ensure_azurite(print, home).node == str(other / "node")


def test_without_a_network_one_line_says_what_to_do(machine: Path, tmp_path: Path) -> None:
    put_program(machine, "npm", 'if [ "$1" = ci ]; then echo "npm error code EAI_AGAIN"; exit 1; fi')

    with pytest.raises(install.InstallError) as raised:
        install.ensure_azurite(print, tmp_path / "home")

    assert str(raised.value).startswith("the npm registry cannot be reached: connect this machine, or set HTTPS_PROXY")


def test_a_node_that_is_too_old_is_not_used(machine: Path) -> None:
    put_program(machine, "node", "echo v18.19.0")

    assert node.machines_node() is None


def test_the_pinned_azurite_is_the_one_in_the_lock_file() -> None:
    asked = json.loads((install.HERE / "package.json").read_text())["dependencies"]["azurite"]
    locked = json.loads((install.HERE / "package-lock.json").read_text())

    assert locked["packages"]["node_modules/azurite"]["version"] == asked
    assert "resolved" not in (install.HERE / "package-lock.json").read_text()


def test_azurite_restarts_on_the_same_ports_with_its_data(tmp_path: Path) -> None:
    azurite = Azurite(data=tmp_path / "data", log=tmp_path / "log")
    with azurite:
        before = azurite.connection_string("leadpipe")
        table = TableServiceClient.from_connection_string(before).create_table("kept")
        table.create_entity({"PartitionKey": "a", "RowKey": "b", "Said": "😀"})

        azurite.stop()
        azurite.start()

        assert azurite.connection_string("leadpipe") == before
        assert table.get_entity("a", "b")["Said"] == "😀"


def test_a_port_in_use_is_told_with_azurites_own_words(tmp_path: Path) -> None:
    with Azurite(log=tmp_path / "one") as first:
        ports = [int(first.url(service).rpartition(":")[2]) for service in ("blob", "queue", "table")]
        second = Azurite(ports=ports, log=tmp_path / "two")

        with pytest.raises(PartError, match="EADDRINUSE"):
            second.start()


def test_accounts_do_not_see_each_other(new_storage_account: Callable[[], str]) -> None:
    one, other = new_storage_account(), new_storage_account()
    TableServiceClient.from_connection_string(one).create_table("mine")

    assert not list(TableServiceClient.from_connection_string(other).list_tables())


def test_accounts_can_be_asked_for_at_the_same_time(new_storage_account: Callable[[], str]) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: new_storage_account(), range(24)))

    assert len(set(found)) == 24
