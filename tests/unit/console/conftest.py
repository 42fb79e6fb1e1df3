import pytest

from tests.console_browser import Browser, FakeTarget, console_on
from tests.fakes import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def browser(world: World) -> Browser:
    """A browser that came in by the start address."""
    return Browser(console_on(FakeTarget(world.ports), world.now))
