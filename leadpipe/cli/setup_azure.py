"""Prints the commands for Azure, for either shell."""

import sys
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from leadpipe.cli.json_output import print_json
from leadpipe.cli.say import say
from leadpipe.cli.terminal_text import one_line
from leadpipe.operations.setup.application import Subject
from leadpipe.operations.setup.azure_commands import commands_for
from leadpipe.operations.setup.shell import Commands

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def print_azure(subject: Subject, today: date, *, as_json: bool) -> None:
    found = commands_for(subject.sign_in, subject.known(), today)
    if urlsplit(subject.organisation.url).hostname in _THIS_MACHINE:
        say(
            f"DATAVERSE_URL is {subject.organisation.url}, on this machine: an app in Azure cannot reach it. Set the"
            " address of your organisation first, or change it in the commands"
        )
    if as_json:
        print_json(_fields(each) for each in found)
        return
    sys.stdout.write("\nIn Entra and on the function app, by the Azure CLI. For bash:\n\n")
    sys.stdout.writelines(line for each in found for line in _script(each.title, each.bash))
    sys.stdout.write("Where PowerShell differs:\n\n")
    sys.stdout.writelines(line for each in found if each.powershell for line in _script(each.title, each.powershell))


def _fields(commands: Commands) -> dict[str, Any]:
    return {"title": commands.title, "bash": commands.bash, "powershell": commands.powershell or commands.bash}


def _script(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"  # {one_line(title)}\n"
    for line in lines:
        yield f"  {one_line(line)}\n"
    yield "\n"
