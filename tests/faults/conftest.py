"""leadpipe's own processes on real Azurite, against the stand-in, each of which can be told where to die."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.rig import Rig
from tests.integration.conftest import UNLIMITED
from tests.nursery import Nursery
from tests.standin_process import Standin, running


@pytest.fixture(scope="session")
def one_standin(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    with running(tmp_path_factory.mktemp("standin") / "data", python=python) as standin:
        standin.configure(**UNLIMITED)
        yield standin


@pytest.fixture
def rig(
    nursery: Nursery, one_standin: Standin, storage_account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", one_standin.settings["REQUESTS_CA_BUNDLE"])
    rig = Rig(nursery, one_standin, storage_account, tmp_path)
    yield rig
    rig.stop()
    for what in ("faults", "leads"):
        one_standin.control("DELETE", what)
