"""Before everything in Azure is deleted: says what stays in Dynamics, and takes it away if that is wanted.

Stops where leads are kept that Dynamics does not have yet: with the storage account they would be gone.
"""

from __future__ import annotations

import json
import os
from typing import Any

from deployed_app import DeployedApp, raw_settings, settings_here, the_app
from hook import Stop, is_interactive, leadpipe, leadpipe_answer, run, say, value

REMOVE = "LEADPIPE_DOWN_REMOVES_USER"
LOSE = "LEADPIPE_DOWN_LOSES_LEADS"
EVER = "3650d"
_LONGEST = 300
# The leads in these states are in the storage account alone. A rejected post may be one: those with a wrong key are
# replayed when the key is right.
KEPT_HERE = ("accepted", "deferred", "poisoned", "fallback", "rejected")


def main() -> None:
    if not os.environ.get("AZURE_FUNCTION_APP_NAME", "").strip():
        say("predown: nothing was deployed, so nothing of it is in Dynamics")
        return
    app = the_app()
    settings = looked_at(app)
    say(f"Posts to {app.endpoint} are lost from now on: take the address out of Partner Center first.")
    if settings.get("DATAVERSE_URL", "").strip():
        of_dynamics(settings)


def looked_at(app: DeployedApp) -> dict[str, str]:
    """The settings of an app that holds no lead, or whose leads may be lost; none where they cannot be read."""
    settings: dict[str, str] = {}
    try:
        settings = settings_here(raw_settings(app))
        require_no_leads(settings)
    except Stop as stop:
        say(f"✗ {stop}")
        if not agreed(LOSE, "Delete everything nevertheless?"):
            raise Stop(f"leads may be lost; if that is meant: `azd env set {LOSE} yes`") from stop
    return settings


def require_no_leads(settings: dict[str, str]) -> None:
    if left := leads_left(settings):
        raise Stop(
            f"{left}: they are in the storage account alone, and are deleted with it. `leadpipe status` says what to do"
            " about them; `leadpipe fallback drain` sends those that rest to Dynamics, `leadpipe import` takes rows in,"
            " `leadpipe poison list --state rejected` shows the rejected"
        )
    say("✓ no lead is in the storage account alone")


def leads_left(settings: dict[str, str]) -> str:
    """How many leads of all time are in each state that Dynamics knows nothing of, and how many have no record yet."""
    status = _answer("status", "--since", EVER, settings=settings)[0]
    counts = {state: status["states"][state] for state in KEPT_HERE}
    counts["messages without a record"] = status["messages_without_record"]
    counts["rows of the marketplace not taken in"] = len(_answer("import", "--dry-run", settings=settings))
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _answer(command: str, *arguments: str, settings: dict[str, str]) -> list[dict[str, Any]]:
    """The records that one of leadpipe's commands prints; all of them read and change nothing."""
    answer, said = leadpipe_answer(command, *arguments, "--json", settings=settings)
    try:
        return list(json.loads(answer))
    except (ValueError, TypeError) as error:
        raise Stop(
            f"`leadpipe {command}` cannot read the ledger, so it is not known whether leads wait: {said[-_LONGEST:]}"
        ) from error


def of_dynamics(settings: dict[str, str]) -> None:
    words = ["setup", "--remove"]
    if settings.get("DATAVERSE_MANAGED_IDENTITY", "").strip():
        words += ["--client-id", value("LEADPIPE_IDENTITY_CLIENT_ID")]
    say("These stay in Dynamics: the leads, the application user, and the role leadpipe Lead Writer.")
    if not agreed(REMOVE, "Remove the application user and the role there too? The leads stay"):
        say(f"– they stay. `azd env set {REMOVE} yes`, or `leadpipe setup --remove` later, removes them")
        return
    if leadpipe(*words, "--yes", settings=settings):
        raise Stop("not everything could be removed from Dynamics: see ✗ above")


def agreed(name: str, question: str) -> bool:
    """What azd's environment says, else what a person answers, else no."""
    known = os.environ.get(name, "").strip().lower()
    if known or not is_interactive():
        return known == "yes"
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


if __name__ == "__main__":
    run("predown", main)
