"""What nobody foresaw ends a command with one line and exit code 1: no traceback, no text of an exception."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from tests.factories import LEAD_ID, environment
from tests.integration.cli.conftest import Ran, bare_environment

SECRET = "jane.doe@fabrikam.com Bearer made-up-token"
NOWHERE = (
    "DefaultEndpointsProtocol=http;AccountName=c;AccountKey=bWFkZS11cA==;"
    "TableEndpoint=http://127.0.0.1:9/c;QueueEndpoint=http://127.0.0.1:9/c;BlobEndpoint=http://127.0.0.1:9/c"
)
AZURE = "__import__('azure.core.exceptions').core.exceptions"
# Each as it may be raised with something in its text that nobody may see.
KINDS = {
    "TypeError": "TypeError(SECRET)",
    "AttributeError": "AttributeError(SECRET)",
    "KeyError": "KeyError(SECRET)",
    "RecursionError": "RecursionError(SECRET)",
    "MemoryError": "MemoryError(SECRET)",
    "UnicodeDecodeError": "UnicodeDecodeError('utf-8', SECRET.encode(), 0, 1, SECRET)",
    "PermissionError (Permission denied)": "PermissionError(13, SECRET, SECRET)",
    "OSError (Too many open files)": "OSError(24, SECRET)",
    "ConnectionError": "__import__('requests').ConnectionError(SECRET)",
    "ClientAuthenticationError": f"{AZURE}.ClientAuthenticationError(SECRET)",
    "DecodeError": f"{AZURE}.DecodeError(SECRET)",
    "IdTokenIssuerError": "__import__('msal.oauth2cli.oidc').oauth2cli.oidc.IdTokenIssuerError(SECRET, 0, {})",
    "ParseError": "__import__('xml.etree.ElementTree').etree.ElementTree.ParseError(SECRET)",
    "ExceptionGroup": "ExceptionGroup(SECRET, [ValueError(SECRET)])",
    "PanicException": "type('PanicException', (BaseException,), {})(SECRET)",
}
COMMANDS = [
    "status",
    "status --json",
    "leads",
    "leads --json",
    f"show {LEAD_ID}",
    "poison list --json",
    "poison replay --all --yes",
    f"poison edit {LEAD_ID} --set Email=x@y.example",
    f"poison discard {LEAD_ID} --why no",
    "fallback list",
    "fallback drain --yes --json",
    "balance",
    "import --yes",
    f"erase {LEAD_ID}",
    "erase --email jane@x.example --json",
    "mapping show",
    "mapping check --json",
    "setup --json",
    "doctor",
    "doctor --json",
    "send-test --json",
]
# The place is leadpipe's own; the function that fails is not.
FAILS = """
import sys, typer
SECRET = sys.argv.pop()
def fail(*_, **__):
    raise {error}
"""
SAYING = "typer.echo = fail"


@dataclass(frozen=True)
class Place:
    """Where it fails: Python that breaks a part of somebody else's; `kept`: what was asked is done all the same."""

    breaking: str
    command: str = "mapping show"
    kept: bool = False


PLACES = {
    "while the packages are imported": Place("import rich.table; del rich.table.Table"),
    "while a table is printed": Place("sys.stdout.write = fail"),
    "while JSON is printed": Place("import json; json.dumps = fail", "mapping show --json"),
    "in a generator of the SDK's": Place(
        "from azure.core.paging import ItemPaged as I; I.__next__ = fail", "leads --json"
    ),
    "in whatever storage is asked": Place(
        "from azure.core.pipeline.transport import RequestsTransport as T; T.send = fail", "balance --json"
    ),
    "in a thread of a pool": Place(
        "import threading as t; from azure.core.pipeline.transport import RequestsTransport as T\n"
        "T.send = lambda *_, **__: fail()",
        f"poison replay {LEAD_ID} 01890a5d-ac96-774b-bcce-b302099a8058 --yes --json",
    ),
    "in a thread of its own": Place(
        "import threading as t; real = typer.echo\n"
        "def echo(*a, **k):\n    n = t.Thread(target=fail); n.start(); n.join(); real(*a, **k)\n"
        "typer.echo = echo",
        "mapping show --json",
    ),
    "while a question is asked": Place("typer.confirm = fail; import azure.data.tables", f"erase {LEAD_ID}"),
    "while an object is collected": Place(
        "real = typer.echo\nclass Left:\n    __del__ = fail\n"
        "def echo(*a, **k):\n    Left(); real(*a, **k)\n"
        "typer.echo = echo",
        kept=True,
    ),
    "at the interpreter's end": Place("import atexit; atexit.register(fail)", kept=True),
    "in a log handler": Place(
        "import logging; logging.Handler.handle = fail\n"
        "h = logging.StreamHandler(); h.emit = lambda r: h.handleError(r); logging.getLogger('x').addHandler(h)\n"
        "real = typer.echo\n"
        "def echo(*a, **k):\n    logging.getLogger('y').error(SECRET); real(*a, **k)\n"
        "typer.echo = echo",
        kept=True,
    ),
    "as a warning": Place(
        "import warnings; real = typer.echo\n"
        "def echo(*a, **k):\n    warnings.warn(SECRET, stacklevel=1); real(*a, **k)\n"
        "typer.echo = echo",
        kept=True,
    ),
}


def run_broken(command: str, breaking: str, folder: Path, *, python: str, error: str = KINDS["TypeError"]) -> Ran:
    program = f"{FAILS.format(error=error)}\n{breaking}\nfrom leadpipe.__main__ import main\nmain()"
    done = subprocess.run(
        [python, "-c", program, *command.split(), SECRET],
        cwd=folder,
        env={**bare_environment(), **environment(), "AzureWebJobsStorage": NOWHERE},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        input="",
    )
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in ran.out + ran.err
    assert not [word for word in SECRET.split() if word in ran.out + ran.err]
    if "--json" in command and ran.out:
        json.loads(ran.out)
    return ran


@pytest.mark.parametrize(("command", "kind"), list(zip(COMMANDS, cycle(KINDS), strict=False)))
def test_any_fault_in_any_command_is_one_line_with_its_kind_and_place(
    command: str, kind: str, python: str, tmp_path: Path
) -> None:
    ran = run_broken(command, SAYING, tmp_path, python=python, error=KINDS[kind])
    place = r"leadpipe/(?:operations|cli)/\w+\.py line \d+: this is a fault in leadpipe, report it"
    assert re.fullmatch(rf"leadpipe: unforeseen: {re.escape(kind)} in {place}\n", ran.err)
    assert ran.code == 1
    assert ran.out in {"", "[]\n"}


@pytest.mark.parametrize("place", PLACES.values(), ids=[*PLACES])
def test_wherever_it_happens_nothing_but_words_of_leadpipes_own_is_printed(
    place: Place, python: str, tmp_path: Path
) -> None:
    if place is PLACES["while the packages are imported"]:
        python = sys.executable  # a fork has them already
    ran = run_broken(place.command, place.breaking, tmp_path, python=python)
    assert ran.code == (0 if place.kept else 1)
    assert len(ran.err.splitlines()) <= 4
    if not place.kept:
        assert "leadpipe: " in ran.err or "failed" in ran.out + ran.err


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full", ">&- 2>&-", ">/dev/full 2>/dev/full"])
def test_without_a_place_to_say_it_there_is_still_no_traceback(stream: str, python: str, tmp_path: Path) -> None:
    program = f"{FAILS.format(error=KINDS['KeyError'])}\n{SAYING}\nfrom leadpipe.__main__ import main\nmain()"
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" status x {stream}', python, program],
        cwd=tmp_path,
        env={**bare_environment(), "AzureWebJobsStorage": NOWHERE},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (1, "")
