from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Starter
from tests.nursery import Nursery
from tests.standin_process import Standin


@pytest.fixture
def start_app(nursery: Nursery, tmp_path: Path, standin: Standin) -> Iterator[Starter]:
    """As elsewhere, but the functions run in Microsoft's worker runtime."""
    starter = Starter(nursery, standin, tmp_path, host="tests.integration.runtime.host")
    yield starter
    starter.stop()
