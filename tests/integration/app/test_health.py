"""Health with half a set of storage settings, which the functions host survives: 503 with the setting's name.

Each is a process of its own, since settings are read once.
"""

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.host_process import ROOT, clean_environment

STRING = "AzureWebJobsStorage"
ADDRESSES = {
    f"{STRING}__{service}ServiceUri": f"https://contoso.{service}.core.windows.net"
    for service in ("blob", "queue", "table")
}
ASK = """
import function_app
health, = (each for each in function_app.app.get_functions() if each.get_function_name() == "health")
answer = health.get_user_function()(None)
print(answer.status_code, answer.get_body().decode())
"""


Health = Callable[[dict[str, str]], tuple[int, dict[str, str]]]


@pytest.fixture
def health(python: str) -> Health:
    def ask(settings: dict[str, str]) -> tuple[int, dict[str, str]]:
        environment = {**clean_environment(), **settings}
        asked = subprocess.run(
            [python, "-c", ASK], capture_output=True, text=True, cwd=ROOT, env=environment, check=True
        )
        status, _, body = asked.stdout.strip().partition(" ")
        return int(status), json.loads(body)

    return ask


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("half", ["empty", "missing"])
def test_without_one_of_the_addresses_health_is_503_and_names_it(health: Health, name: str, half: str) -> None:
    settings = {**ADDRESSES, name: ""}
    if half == "missing":
        del settings[name]
    status, body = health(settings)
    assert (status, body["error"]) == (503, "not_ready")
    assert body["detail"].startswith(f"{name} is not set")


@pytest.mark.parametrize("identity", [ADDRESSES, {f"{STRING}__accountName": "contoso"}])
def test_an_empty_connection_string_beside_an_identity_is_503_and_named(
    health: Health, identity: dict[str, str]
) -> None:
    status, body = health({**identity, STRING: ""})
    assert (status, body["error"]) == (503, "not_ready")
    assert body["detail"].startswith(f"{STRING} is empty beside identity settings")


@pytest.mark.parametrize("settings", [{}, {STRING: ""}])
def test_without_any_storage_health_is_503_and_says_so(health: Health, settings: dict[str, str]) -> None:
    status, body = health(settings)
    assert (status, body["error"]) == (503, "not_ready")
    assert body["detail"].startswith(f"{STRING} is not set")
