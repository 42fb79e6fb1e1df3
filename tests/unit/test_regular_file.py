"""Reading a file that a setting names, whatever it is."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from leadpipe.dataverse.auth.certificate import load_certificate
from leadpipe.mapping.watched import WatchedMapping
from leadpipe.model.errors import Blocked
from leadpipe.regular_file import read_at_once
from tests.factories import LEAD_ID, lead

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="Windows has none of these in its folders"),
    pytest.mark.timeout(10),
]


def _socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
    return path


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _link(path: Path, to: str) -> Path:
    path.symlink_to(to)
    return path


THINGS: dict[str, Callable[[Path], Path]] = {
    "folder": lambda folder: folder,
    "pipe": lambda folder: _pipe(folder / "pipe"),
    "link to a pipe": lambda folder: _link(folder / "link", str(_pipe(folder / "pipe"))),
    "socket": lambda folder: _socket(folder / "s"),
    "endless device": lambda _: Path("/dev/zero"),
    "terminal": lambda _: Path("/dev/tty"),
}
NOTHING: dict[str, Callable[[Path], Path]] = {
    "dangling link": lambda folder: _link(folder / "link", "nowhere"),
    "link to itself": lambda folder: _link(folder / "link", "link"),
    "name that can be no path": lambda _: Path("a\0b"),
    "name that is too long": lambda _: Path("x" * 300),
}


@pytest.mark.parametrize("make", THINGS.values(), ids=THINGS)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(OSError, match="it is not a regular file"):
        read_at_once(make(tmp_path), 10)


@pytest.mark.parametrize("make", NOTHING.values(), ids=NOTHING)
def test_so_is_what_is_not_there(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(OSError, match=r".+"):
        read_at_once(make(tmp_path), 10)


def test_what_is_put_in_the_files_place_before_it_is_opened_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mapping.toml"
    file.touch()
    seen = file.stat()
    file.unlink()
    _pipe(file)
    monkeypatch.setattr(Path, "stat", lambda _: seen)
    with pytest.raises(OSError, match="it is not a regular file"):
        read_at_once(file, 10)


def test_of_a_file_no_more_is_read_than_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert read_at_once(_link(tmp_path / "link", "file"), 4) == b"0123"


@pytest.mark.parametrize("make", [*THINGS.values(), *NOTHING.values()], ids=[*THINGS, *NOTHING])
def test_a_mapping_that_is_none_blocks_the_lead(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(Blocked) as blocked:
        WatchedMapping(str(make(tmp_path))).columns_of(lead(), LEAD_ID)
    assert blocked.value.slug == "mapping_unusable"


@pytest.mark.parametrize("make", [*THINGS.values(), *NOTHING.values()], ids=[*THINGS, *NOTHING])
def test_a_certificate_that_is_none_blocks_the_lead(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(Blocked, match="names no file that can be read"):
        load_certificate(str(make(tmp_path)), None)
