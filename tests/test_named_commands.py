"""Every command that a person is told to type is one that the command line takes."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadpipe.console.plans import CHOOSABLE, Choice, Verb, command_of
from leadpipe.model.record import State
from tests.command_line import command_line
from tests.factories import LEAD_ID

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for part in ("operations", "cli") for path in (ROOT / "leadpipe" / part).rglob("*.py"))
TEMPLATES = sorted((ROOT / "leadpipe" / "console" / "templates").glob("*.html"))
CHOOSING = ("lead_ids", "cause", "since", "offer", "state", "everything", "email")


def texts_of(source: Path) -> Iterator[str]:
    """What the program may say: its texts without the docstrings, what is filled in being a lead's id."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    said_to_nobody = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else LEAD_ID for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in said_to_nobody:
            yield node.value


def take(named: str) -> dict[str, Any]:
    """Has the command line read it, without running it. Raises its usage error."""
    words = shlex.split(re.sub(r"\bID\b", LEAD_ID, named), comments=True)
    command: Any = command_line()
    while hasattr(command, "commands") and not (command.invoke_without_command and is_option(words)):
        command = command.commands[words.pop(0)]
    parameters: dict[str, Any] = command.make_context(named, words).params
    return parameters


def is_option(words: list[str]) -> bool:
    """Whether what follows is no command of a group."""
    return not words or words[0].startswith("-")


def require_taken(text: str) -> None:
    """Of what stands in code, and of the lines of a block."""
    blocks = "".join(re.findall(r"```.*?```", text, re.DOTALL))
    for named in re.findall(r"`leadpipe ([^`]+)`", text) + re.findall(r"^ *leadpipe (.+)$", blocks, re.MULTILINE):
        parameters = take(named)
        chooses = [name for name in CHOOSING if name in parameters]
        assert "lead_ids" not in chooses or any(parameters[name] for name in chooses), f"leadpipe {named}: which leads?"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "leadpipe")))
def test_every_command_that_the_program_names_can_be_typed(source: Path) -> None:
    for text in texts_of(source):
        require_taken(text)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_command_that_a_page_shows_can_be_typed(template: Path) -> None:
    text = template.read_text(encoding="utf-8").replace("{{ record.lead_id }}", LEAD_ID)
    for named in re.findall(r"<code>leadpipe (.*?)</code>", text):
        require_taken(f"`leadpipe {re.sub('{{.*?}}', 'refused', named)}`")


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("lead_ids", [(LEAD_ID,), ()])
def test_every_command_of_a_plan_can_be_typed(verb: Verb, lead_ids: tuple[str, ...]) -> None:
    if lead_ids or verb in CHOOSABLE:
        state = State.FALLBACK if verb is Verb.DRAIN else State.POISONED
        require_taken(f"`{command_of(Choice(verb=verb, lead_ids=lead_ids, state=state, reason='refused'))}`")


def test_every_command_of_the_runbook_can_be_typed() -> None:
    require_taken((ROOT / "docs" / "operating.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("named", ["poison discard ID", "poison replay", "poison edit", "send-test --url", "sta"])
def test_one_that_cannot_be_typed_is_noticed(named: str) -> None:
    with pytest.raises(BaseException):  # noqa: B017, PT011 - a usage error, no such command, or no choice of leads
        require_taken(f"`leadpipe {named}`")
