"""Reads `az` and `func` command lines as the programs themselves would, by tables taken from them.

The tables: tests/samples/azure_cli/arguments.json, written by tests/azure_cli_arguments.py, and FUNC below.
"""

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "samples" / "azure_cli" / "arguments.json").read_text(encoding="utf-8")
)
COMMANDS: dict[str, list[dict[str, Any]]] = TABLE["commands"]
# https://learn.microsoft.com/azure/azure-functions/functions-core-tools-reference, each with the options that are used
FUNC = {
    ("azure", "functionapp", "publish"): {"--python", "--build", "--no-build"},
    ("azure", "functionapp", "fetch-app-settings"): set[str](),
    ("azure", "functionapp", "list-functions"): {"--show-keys"},
    ("azure", "functionapp", "logstream"): set[str](),
    ("settings", "decrypt"): set[str](),
    ("start",): {"--port"},
}
_NESTED = re.compile(r"\$\((az [^()]*(?:\([^()]*\)[^()]*)*)\)")
_OPERATORS = {"|", "||", "&&", ";", ">", "<"}


class NotACommand(Exception):
    """The program would not take this line; the text says why."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise NotACommand(message)


def take_az(words: Sequence[str]) -> tuple[str, argparse.Namespace]:
    """The command, and the values of its arguments by their longest option. `words`: without `az`."""
    name = next((" ".join(words[:end]) for end in range(len(words), 0, -1) if " ".join(words[:end]) in COMMANDS), "")
    if not name:
        raise NotACommand(
            f"az has no such command, or tests/azure_cli_arguments.py does not list it: {' '.join(words)}"
        )
    return name, _parser(name).parse_args([*words[len(name.split()) :]])


def take_func(words: Sequence[str]) -> None:
    options = next((options for command, options in FUNC.items() if tuple(words[: len(command)]) == command), None)
    if options is None:
        raise NotACommand(f"func has no such command: {' '.join(words)}")
    if unknown := {word for word in words if word.startswith("-")} - options:
        raise NotACommand(f"func takes no {', '.join(unknown)}")


def _parser(name: str) -> _Parser:
    parser = _Parser(prog=f"az {name}", add_help=False, allow_abbrev=False)
    for argument in COMMANDS[name]:
        parser.add_argument(
            *argument["options"], required=argument["required"], dest=_longest(argument), **_of(argument)
        )
    for option in (("--output", "-o"), ("--query",)):
        parser.add_argument(*option)
    for flag in ("--only-show-errors", "--verbose", "--debug"):
        parser.add_argument(flag, action="store_true")
    return parser


def _longest(argument: dict[str, Any]) -> str:
    return str(max(argument["options"], key=len).strip("-").replace("-", "_"))


def _of(argument: dict[str, Any]) -> dict[str, Any]:
    if argument["values"] == "0":
        return {"action": "store_true"}
    nargs = {} if argument["values"] == "1" else {"nargs": argument["values"]}
    # A value that the shell fills in can be anything.
    choices = argument.get("choices")
    return {**nargs, **({"choices": _Choices(choices)} if choices else {})}


class _Choices(list[str]):
    def __contains__(self, value: object) -> bool:
        return "$" in str(value) or str(value).lower() in {each.lower() for each in self}


def commands_in(line: str) -> Iterator[list[str]]:
    """The `az` and `func` commands of a line of bash or PowerShell, each as words, those in $(…) first."""
    while nested := _NESTED.search(line):
        yield from commands_in(nested[1])
        line = line.replace(nested[0], "$VALUE", 1)
    found: list[str] = []
    for word in [*_words(line), ";"]:
        if word in _OPERATORS:
            if found:
                yield found
            found = []
        elif found or word in {"az", "func"}:
            found.append(word)


def _words(line: str) -> list[str]:
    """Quotes are taken off; PowerShell's own (`"` inside a text) are no matter here."""
    found = re.findall(r"""(?:[^\s"'|;&]|"(?:`.|[^"])*"|'(?:''|[^'])*')+|\|\||&&|[|;&]""", line)
    return [word if word in _OPERATORS else re.sub(r"""^(['"])(.*)\1$""", r"\2", word) for word in found]
