import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from devkit.functions_host.errors import CannotStart
from devkit.functions_host.keys import KeyFile, Keys, NoKeys


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys.json"


def kept(path: Path) -> Keys:
    keys = Keys.load(path)
    assert keys is not None
    return keys


def test_the_first_request_with_a_key_is_refused_and_makes_the_keys(path: Path) -> None:
    keys = KeyFile(path)
    assert not keys.open_("function", None)
    assert not path.exists()
    assert not keys.open_("function", "anything")
    assert keys.open_("function", kept(path).default)
    assert keys.open_("admin", kept(path).master)
    assert not keys.open_("admin", kept(path).default)


def test_a_key_that_comes_to_an_anonymous_function_makes_them_too(path: Path) -> None:
    keys = KeyFile(path)
    assert keys.open_("anonymous", None)
    assert not path.exists()
    assert keys.open_("anonymous", "anything")
    assert path.exists()


def test_keys_that_exist_are_known_from_the_first_request_on(path: Path) -> None:
    Keys.make(path)
    assert KeyFile(path).open_("function", kept(path).default)


def test_keys_are_made_once_for_their_owner_only(path: Path) -> None:
    Keys.make(path)
    made = kept(path)
    Keys.make(path)
    assert kept(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]
    assert made.master not in repr(made)


def test_two_hosts_of_one_folder_come_to_the_same_keys(path: Path) -> None:
    hosts = [KeyFile(path), KeyFile(path)]
    together = threading.Barrier(2)

    def ask(host: KeyFile) -> Callable[[], None]:
        def run() -> None:
            together.wait(10)
            host.open_("function", "anything")

        return run

    threads = [threading.Thread(target=ask(host)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [host.open_("function", kept(path).default) for host in hosts] == [True, True]


def test_a_file_that_holds_no_keys_stops_the_start(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{}")
    with pytest.raises(CannotStart, match="delete it for new ones"):
        KeyFile(path)


def test_without_blobs_no_key_is_right_and_anonymous_functions_are_served() -> None:
    keys = NoKeys()
    assert keys.open_("anonymous", None)
    assert keys.open_("anonymous", "anything")
    assert not keys.open_("function", "anything")
    assert not keys.open_("admin", "anything")
