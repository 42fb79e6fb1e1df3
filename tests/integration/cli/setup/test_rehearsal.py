"""The commands of docs/setup.md's first section, as they stand there, against an empty stand-in."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.integration.cli.conftest import Ran
from tests.integration.conftest import UNLIMITED, Starter
from tests.standin_process import Standin

DOCUMENT = Path(__file__).parents[4] / "docs" / "setup.md"


def commands() -> list[list[str]]:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## Try it without Azure first")[2].partition("\n## ")[0]
    return [line.split()[1:] for line in re.findall(r"^leadpipe .+$", section, re.MULTILINE)]


def test_a_newcomer_gets_from_nothing_to_written(
    run_with_dynamics: Callable[..., Ran], standin: Standin, start_app: Starter, storage_account: str
) -> None:
    standin.configure(**UNLIMITED, application_user="missing", roles=[], solutions=[])
    url = start_app(storage_account).host.url

    ran = [run_with_dynamics(*command, answer="y\n", LEADPIPE_URL=url, PATH="/nowhere") for command in commands()]

    assert [command[0] for command in commands()] == ["doctor", "setup", "setup", "send-test", "setup"]
    assert [each.code for each in ran] == [1, 0, 0, 0, 0], [each.err for each in ran]
    assert ran[0].out.count("✗") == 1
    assert ran[1].out.count("\n+") + 1 == 4
    assert "✗" not in ran[2].out
    assert "written" in ran[3].out
    assert "it stays, deactivated" in ran[4].out
