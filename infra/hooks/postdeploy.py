"""After leadpipe was put there: lets it into Dynamics, sends a test lead, and prints the address for Partner Center.

Every step finds out by itself what is done already, so the hook can be run again as often as wanted.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from deployed_app import DeployedApp, raw_settings, reader_of, settings_here, the_app
from hook import Refused, Stop, az, az_or_stop, leadpipe, longest_wait, run, say, value, wait_until

FUNCTION = "leads"
_ANSWER_SECONDS = 30
_LONGEST = 300
# The part of the whole wait after which an app without its secrets is restarted.
_PATIENCE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionKey:
    name: str
    value: str = field(repr=False)


def main() -> None:
    app = the_app()
    wait_for_health(app)
    raw = raw_settings(app)
    settings = settings_here(raw)
    organisation = settings.get("DATAVERSE_URL", "").strip()
    if organisation:
        let_into_dynamics(settings)
    examine(settings)
    key = None if raw.get("LEADPIPE_AUTH", "").strip().lower() == "keys" else function_key(app)
    if organisation:
        send_test_lead(app, settings, key)
    else:
        say("– no test lead is sent: without an organisation it would rest. `azd env set DATAVERSE_URL …`, `azd up`")
    print_address(app, raw, key)


def wait_for_health(app: DeployedApp) -> None:
    """Waits, and restarts the app once if a secret of the vault stays unreadable for a quarter of the time.

    The platform reads a reference when the app starts. If that was before the app's role on the vault had spread, it
    may read it again only a day later: https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
    """
    restart_at = time.monotonic() + longest_wait() * _PATIENCE
    restarted = False

    def why_not() -> str:
        nonlocal restarted
        why = why_not_healthy(app.health)
        if not restarted and lacks_a_secret(why) and time.monotonic() >= restart_at:
            restarted = True
            restart(app)
        return why

    wait_until(why_not, f"leadpipe is ready at {app.health}")


def lacks_a_secret(why: str) -> bool:
    return "Key Vault reference" in why or "LEADPIPE_KEYS is not set" in why


def restart(app: DeployedApp) -> None:
    say("… the app is restarted, so that it reads its secrets in the key vault again")
    try:
        az("functionapp", "restart", *app.named)
    except Refused as refused:
        raise Stop(f"the app cannot be restarted: the Azure CLI says: {refused}") from refused


def why_not_healthy(address: str) -> str:
    """What the app says instead of "ready". A new app has no functions for a while, and its roles may still spread."""
    request = urllib.request.Request(address, headers={"Accept": "application/json"})  # noqa: S310 - the template's own
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
            return "" if answer.status == 200 else f"it answers {answer.status}"
    except urllib.error.HTTPError as error:
        return f"it answers {error.code}{_detail(error.read(_LONGEST * 10))}"
    except OSError as error:
        return f"it does not answer ({type(error).__name__})"


def let_into_dynamics(settings: dict[str, str]) -> None:
    words = ["setup", "--apply", "--no-doctor"]
    if settings.get("DATAVERSE_MANAGED_IDENTITY", "").strip():
        words += ["--client-id", value("LEADPIPE_IDENTITY_CLIENT_ID"), *_tenant()]
    if leadpipe(*words, settings=settings):
        raise Stop("the application user in Dynamics is not as it should be: see ✗ above")


def _tenant() -> tuple[str, ...]:
    """The directory of the subscription, since an identity is known in no other; yours may be another one."""
    found = az_or_stop("the directory of the subscription cannot be read", "account", "show", "--query", "tenantId")
    return ("--tenant", str(found))


def examine(settings: dict[str, str]) -> None:
    if leadpipe("doctor", settings=settings):
        raise Stop("a lead would not get through: see ✗ above")


def send_test_lead(app: DeployedApp, settings: dict[str, str], key: FunctionKey | None) -> None:
    """Follows the lead in the ledger. The key goes by the environment, so that no list of processes shows it."""
    if key:
        settings = {**settings, "LEADPIPE_KEY": key.value}
    if leadpipe("send-test", "--url", app.endpoint, "--wait", "180", settings=settings):
        raise Stop("the test lead did not get through: see ✗ above")


def function_key(app: DeployedApp) -> FunctionKey:
    """A key of the function itself, which opens nothing else.

    The host makes the one named `default` when it is first asked for it. Who has changed the key has deleted that one,
    and has a key of another name.
    """
    found: dict[str, str] = {}

    def why_not() -> str:
        try:
            answer = az("functionapp", "function", "keys", "list", *app.named, "--function-name", FUNCTION)
        except Refused as refused:
            return f"the Azure CLI says: {refused}"
        found.update({name: text for name, text in (answer or {}).items() if text})
        return "" if found else "the host has not made it yet"

    wait_until(why_not, f"the function {FUNCTION} has a key")
    name = "default" if "default" in found else min(found)
    return FunctionKey(name=name, value=found[name])


def print_address(app: DeployedApp, raw: dict[str, str], key: FunctionKey | None) -> None:
    say("\nFor Partner Center: Offer setup → Customer leads → Connect → HTTPS endpoint. The address is\n")
    say(f"  {app.endpoint}?code=KEY\n")
    if key is None:
        say("with one of LEADPIPE_KEYS in place of KEY: of `name:value` only what stands after the `:`.")
        if reader := reader_of(raw.get("LEADPIPE_KEYS", "")):
            say(f"This shows them; keep them to yourself:\n\n  az {' '.join(reader)} --output tsv\n")
        return
    say("This shows what to put in place of KEY; it is a secret, and so is the whole address:\n")
    words = ("functionapp", "function", "keys", "list", *app.named, "--function-name", FUNCTION)
    say(f"  az {' '.join(words)}{_subscription()} {_only(key.name)}\n")


def _only(name: str) -> str:
    """Chooses one key. A name with a hyphen would need quotes, which shells hand on differently: then all are shown."""
    return f"--query {name} --output tsv" if name.isascii() and name.isidentifier() else "--output json"


def _subscription() -> str:
    chosen = os.environ.get("AZURE_SUBSCRIPTION_ID", "").strip()
    return f" --subscription {chosen}" if chosen else ""


def _detail(body: bytes) -> str:
    """Leadpipe's own reason, which names a setting and never a value; nothing of what another server says."""
    try:
        answer: Any = json.loads(body)
    except ValueError:
        return ""
    known = isinstance(answer, dict) and answer.get("error") == "not_ready"
    return f": {str(answer.get('detail'))[:_LONGEST]}" if known else ""


if __name__ == "__main__":
    run("postdeploy", main)
