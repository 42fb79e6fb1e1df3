"""What is shown once all is up."""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from devkit.functions_host.http_functions import Call
from devkit.functions_host.http_reply import Reply
from devkit.functions_host.http_server import HttpServer
from devkit.functions_host.keys import KeyFile
from devkit.launcher.screen import Screen
from devkit.launcher.settings import Given
from devkit.launcher.tour import Tour


@pytest.fixture
def host(tmp_path: Path) -> Iterator[HttpServer]:
    """What the functions host does with keys, and nothing else of it."""
    keys = KeyFile(tmp_path / "host" / "keys.json")

    def answer(call: Call) -> Reply:
        return Reply(status=200 if keys.open_("function", call.headers.get("x-functions-key")) else 401)

    server = HttpServer(host="127.0.0.1", port=0, allow_chunked=False)
    server.start(answer)
    yield server
    server.stop()


@pytest.mark.parametrize("enable_auth", [True, False])
def test_where_the_function_key_is_stands_below_the_address_where_one_is_asked_for(
    tmp_path: Path, enable_auth: bool, host: HttpServer
) -> None:
    options = argparse.Namespace(data=tmp_path, enable_auth=enable_auth, no_sample=True, empty=False)
    given = Given.read(tmp_path, {})
    shown = io.StringIO()
    settings = given.with_started(None, {"DATAVERSE_URL": "https://localhost:1"})
    tour = Tour(options, given, settings, Screen(Console(file=shown, soft_wrap=True)), tmp_path / "settings.json")
    tour.host_url = f"http://127.0.0.1:{host.server_address[1]}"
    tour.show()
    assert (tmp_path / "host" / "keys.json").exists() == enable_auth
    assert (f"`default` in {tmp_path / 'host' / 'keys.json'}" in shown.getvalue()) == enable_auth


def test_of_leadpipes_own_keys_the_setting_is_named_and_never_a_value(tmp_path: Path, host: HttpServer) -> None:
    options = argparse.Namespace(data=tmp_path, enable_auth=True, no_sample=True, empty=False)
    given = Given.read(tmp_path, {"LEADPIPE_AUTH": "keys", "LEADPIPE_KEYS": "a:0123456789abcdef"})
    shown = io.StringIO()
    settings = given.with_started(None, {"DATAVERSE_URL": "https://localhost:1"})
    tour = Tour(options, given, settings, Screen(Console(file=shown, soft_wrap=True)), tmp_path / "settings.json")
    tour.host_url = f"http://127.0.0.1:{host.server_address[1]}"
    tour.show()
    assert "one of LEADPIPE_KEYS" in shown.getvalue()
    assert "0123456789abcdef" not in shown.getvalue()
