"""Every `az` and `func` line that is printed, or stands in a document, is one that the program takes.

The tables come from the azure-cli package: tests/azure_cli_arguments.py says from which version, and how to renew them.
"""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from leadpipe.operations.setup.azure_commands import commands_for
from leadpipe.operations.setup.sign_in import Known, SignInMethod
from tests.azure_cli import COMMANDS, NotACommand, commands_in, take_az, take_func
from tests.test_named_commands import SOURCES as OF_THE_PROGRAM
from tests.test_named_commands import texts_of

ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 26)
CLIENT = "11112222-bbbb-3333-cccc-4444dddd5555"
EMPTY = Known(url="https://contoso.crm4.dynamics.com")
FULL = Known(
    url="https://contoso.crm.microsoftdynamics.us",
    authority="https://login.microsoftonline.us",
    client_id=CLIENT,
    tenant_id=CLIENT,
    username="leads@contoso.com",
    identity=CLIENT,
)
SOURCES = [*OF_THE_PROGRAM, *sorted((ROOT / "infra" / "hooks").glob("*.py"))]
_BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def take(line: str) -> list[str]:
    """The names of its commands. Raises NotACommand."""
    taken = []
    for program, *words in commands_in(line):
        if program == "az":
            taken.append(take_az(words)[0])
        else:
            take_func(words)
            taken.append(" ".join(words[:3]))
    return taken


def printed(way: SignInMethod, known: Known) -> Iterator[str]:
    for step in commands_for(way, known, TODAY):
        yield from step.bash
        yield from step.powershell


def in_blocks(document: Path) -> Iterator[str]:
    """The lines of its blocks of code, continued ones put together."""
    for block in _BLOCK.findall(document.read_text(encoding="utf-8")):
        yield from re.sub(r"\\\n\s*", " ", block).splitlines()


def in_sentences(document: Path) -> Iterator[str]:
    for found in re.findall(r"`((?:az|func)\s[^`]+)`", _BLOCK.sub("", document.read_text(encoding="utf-8"))):
        yield " ".join(found.split())


SYSTEMS = Known(url=EMPTY.url, identity="system")


@pytest.mark.parametrize("known", [EMPTY, FULL, SYSTEMS], ids=["little is known", "all is known", "system identity"])
@pytest.mark.parametrize("way", SignInMethod)
def test_each_printed_line_is_one_that_az_or_func_takes(way: SignInMethod, known: Known) -> None:
    taken = [name for line in printed(way, known) for name in take(line)]

    assert {"deployment group create", "functionapp config appsettings set", "azure functionapp publish"} <= {*taken}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_line_of_a_document_is_one_too(document: Path) -> None:
    for line in in_blocks(document):
        take(line)
    for line in in_sentences(document):
        # There a command may stand for itself, without what it needs.
        assert line.removeprefix("az ") in COMMANDS or take(line)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_each_line_that_a_command_or_a_hook_names_is_one_too(source: Path) -> None:
    for text in texts_of(source):
        for line in re.findall(r"`((?:az|func) [^`]+)`", text):
            assert line.removeprefix("az ") in COMMANDS or take(line)


def test_docs_setup_has_commands_of_each_way_to_deploy() -> None:
    taken = {name for line in in_blocks(ROOT / "docs" / "setup.md") for name in take(line)}

    assert {
        "deployment group create",
        "azure functionapp publish",
        "functionapp function keys list",
        "functionapp function keys set",
        "functionapp flex-migration start",
    } <= taken


@pytest.mark.parametrize(
    "line",
    [
        "az functionapp config ssl upload --name A --resource-group G --certificate-file F",
        "az functionapp config ssl upload -n A -g G --certificate-file F --certificate-password P --load-to-code maybe",
        "az functionapp function keys show --name A",
        'APP="$(az functionapp list --resourcegroup G)"',
        "az identity show --ids",
        "printf %s x | az keyvault secret set --vault V --name N --file /dev/stdin",
        "az storage queue list --account-name S --auth-mode identity",
        'func azure functionapp publish "$APP" --language python',
        "func azure functionapp keys list",
    ],
)
def test_a_line_that_would_not_be_taken_is_noticed(line: str) -> None:
    with pytest.raises(NotACommand):
        take(line)
