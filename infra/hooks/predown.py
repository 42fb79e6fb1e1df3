"""Before everything in Azure is deleted: says what stays in Dynamics, and takes it away if that is wanted.

Stops where leads are kept that Dynamics does not have yet: with the storage account they would be gone.
"""

from __future__ import annotations

import json
import os

from deployed_app import DeployedApp, raw_settings, settings_here, the_app
from hook import Stop, is_interactive, leadpipe, leadpipe_answer, run, say, value

REMOVE = "LEADPIPE_DOWN_REMOVES_USER"
LOSE = "LEADPIPE_DOWN_LOSES_LEADS"
EVER = "3650d"
_LONGEST = 300
# The leads in these states are in the storage account alone.
KEPT_HERE = ("accepted", "deferred", "poisoned", "fallback")


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
            " about them; `leadpipe fallback drain` sends those that rest to Dynamics"
        )
    say("✓ no lead is in the storage account alone")


def leads_left(settings: dict[str, str]) -> str:
    """How many leads of all time are in each state that Dynamics knows nothing of."""
    counts = {state: count for state, count in _counts(settings).items() if state in KEPT_HERE and count}
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _counts(settings: dict[str, str]) -> dict[str, int]:
    answer, said = leadpipe_answer("status", "--json", "--since", EVER, settings=settings)
    try:
        return dict(json.loads(answer)[0]["states"])
    except (ValueError, LookupError, TypeError) as error:
        raise Stop(f"the ledger cannot be read, so it is not known whether leads wait: {said[-_LONGEST:]}") from error


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
