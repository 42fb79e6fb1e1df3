"""What any test may ask for: a storage account of its own on the real Azurite, and a free port.

Azurite starts with the first test that asks, so that `pytest tests/unit` never waits for it.
"""

import atexit
import gc
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from devkit.azurite.accounts import AccountServer, Address, fresh_account
from devkit.launcher.ports import any_free

if TYPE_CHECKING:
    from tests.nursery import Nursery

# A run starts hundreds of processes, and with this variable each compiles leadpipe anew: a command then takes 0.77 s
# of processor time in place of 0.55 s, and each round of the swapped statements compiles delivery's tests again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# On CI the same examples every time: a commit must not turn red that changed nothing. At home new ones are looked for.
# No deadline for an example: how fast a machine is that does other work as well says nothing about the code.
hypothesis.settings.register_profile("home", deadline=None)
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "home")

TESTS = Path(__file__).parent
ACCOUNT_SERVER = pytest.StashKey[AccountServer]()
ADDRESS = pytest.StashKey[Address]()


def pytest_configure(config: pytest.Config) -> None:
    # A shell ignores Ctrl-C for what it starts in the background, and what ignores it passes that on to its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Until all tests are collected nearly nothing of what is made is let go again.
    gc.disable()
    from_controller = getattr(config, "workerinput", None)
    if from_controller:
        config.stash[ADDRESS] = Address(*from_controller["accounts"])
        # When all is reported. Python would first let go one by one of what the tests made, for ten seconds and more.
        atexit.register(os._exit, 0)
        return
    config.stash[ACCOUNT_SERVER] = AccountServer()
    config.stash[ADDRESS] = config.stash[ACCOUNT_SERVER].address


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells each pytest-xdist worker where the controller hands out accounts."""
    node.workerinput["accounts"] = tuple(node.config.stash[ADDRESS])


def pytest_unconfigure(config: pytest.Config) -> None:
    if ACCOUNT_SERVER in config.stash:
        config.stash[ACCOUNT_SERVER].close()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out a file all of whose tests would be deselected as quick: each worker collects all that there is."""
    if config.option.markexpr != "not quick" or not collection_path.is_file() or not needs_no_io(collection_path):
        return None
    return None if says_slow(collection_path) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need no I/O as `quick`: those in tests/unit and of the documents, but for the slow ones."""
    places: dict[Path, bool] = {}
    for item in items:
        if item.path not in places:
            places[item.path] = needs_no_io(item.path)
        if not places[item.path]:
            continue
        if not item.get_closest_marker("slow"):
            item.add_marker("quick")
        elif not says_slow(item.path):
            raise pytest.UsageError(f"{item.nodeid} is slow: write pytest.mark.slow into its file, or it is not run")
    spread_what_waits(items)


def spread_what_waits(items: list[pytest.Item]) -> None:
    """Puts the tests marked `waits` evenly between the files, so that they run beside tests that compute.

    Among the tests of one file they would take down what those share.
    """
    waiting = deque(item for item in items if item.get_closest_marker("waits"))
    others = [item for item in items if not item.get_closest_marker("waits")]
    share = len(waiting) / max(1, len(others))
    items.clear()
    passed = 0.0
    for _, file in groupby(others, key=lambda item: item.path):
        tests = list(file)
        items += tests
        passed += len(tests) * share
        while passed >= 1 and waiting:
            items.append(waiting.popleft())
            passed -= 1
    items += waiting


def says_slow(file: Path) -> bool:
    return "pytest.mark.slow" in file.read_text(encoding="utf-8")


def needs_no_io(file: Path) -> bool:
    return file.parent == TESTS or file.is_relative_to(TESTS / "unit")


def pytest_collection_finish() -> None:
    """Thousands of collected tests live as long as the run: the garbage collector need not look at them each time."""
    gc.enable()
    gc.freeze()


@pytest.fixture
def new_storage_account(request: pytest.FixtureRequest) -> Callable[[], str]:
    """For a test that needs more than one."""
    address = request.config.stash[ADDRESS]
    return lambda: fresh_account(address)


@pytest.fixture
def storage_account(new_storage_account: Callable[[], str]) -> str:
    """The connection string of a storage account that no other test has seen."""
    return new_storage_account()


@pytest.fixture(scope="session")
def session_storage_account(request: pytest.FixtureRequest) -> str:
    """The connection string of an account that this process's tests share."""
    return fresh_account(request.config.stash[ADDRESS])


@pytest.fixture(scope="module")
def module_storage_account(request: pytest.FixtureRequest) -> str:
    """The connection string of an account that the tests of one file share."""
    return fresh_account(request.config.stash[ADDRESS])


@pytest.fixture(scope="session")
def nursery() -> Iterator["Nursery"]:
    from tests.nursery import Nursery

    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def python(nursery: "Nursery") -> str:
    """A command that takes what `python` takes, and starts in a tenth of the time; see tests/forked_python.py."""
    return nursery.python


@pytest.fixture
def free_port() -> int:
    return any_free()
