from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.standin_process import Standin, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


@pytest.fixture(scope="session")
def one_for_all(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    with running(tmp_path_factory.mktemp("standin") / "data", python=python) as standin:
        # Once and first, so that no test's fault meets this sign-in, whichever test comes first.
        standin.token()
        standin.control("DELETE", "requests")
        yield standin


@pytest.fixture
def standin(one_for_all: Standin) -> Iterator[Standin]:
    """As after its first start: no leads, no faults, the documented limits."""
    yield one_for_all
    for what in ("faults", "leads", "config", "requests"):
        one_for_all.control("DELETE", what)
    one_for_all.session.cookies.clear()


@pytest.fixture
def own_standin(tmp_path: Path) -> Callable[..., AbstractContextManager[Standin]]:
    """Starts stand-ins on a folder of the test's own, one after another."""
    return lambda *arguments: running(tmp_path / "data", *arguments)
