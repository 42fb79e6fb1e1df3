"""Before anything is made: are the tools there and signed in, and is everything known that the template needs?"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from hook import Refused, Stop, ask, az, is_interactive, keep, run, say
from leadpipe.model.settings import ANY_EMULATOR, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

ORGANISATION = "DATAVERSE_URL"
MAIL = "LEADPIPE_ALERT_EMAIL"
# As infra/main.bicep allows: the functions host tells apps apart by the first 32 letters of their names.
LONGEST_NAME = 17


def main() -> None:
    require_short_name()
    require_azd_sign_in()
    require_az_sign_in()
    ask_once(
        ORGANISATION,
        "Address of the Dynamics organisation, such as https://contoso.crm4.dynamics.com\n"
        "(make.powerapps.com → the environment → Settings → Session details, Instance url).\n"
        "Empty: leads are kept, and rest in the fallback table until one is set",
        organisation_fault,
    )
    ask_once(MAIL, "Mail address for alerts; empty: the owners of the subscription get them", mail_fault)


def require_short_name() -> None:
    name = os.environ.get("AZURE_ENV_NAME", "").strip()
    if len(name) > LONGEST_NAME:
        raise Stop(
            f"the environment's name {name} has {len(name)} letters, and everything is named after it: at most"
            f" {LONGEST_NAME}; `azd env new SHORTER` makes another environment"
        )


def require_azd_sign_in() -> None:
    try:
        answer = json.loads(ask("azd", "auth", "login", "--check-status", "--output", "json"))
    except (Refused, ValueError):
        answer = {}
    if answer.get("status") != "success":
        raise Stop("nobody is signed in to azd: `azd auth login`")


def require_az_sign_in() -> None:
    try:
        account = az("account", "show")
    except Refused as refused:
        subscription = os.environ.get("AZURE_SUBSCRIPTION_ID", "").strip()
        which = f" with an account that sees the subscription {subscription}" if subscription else ""
        raise Stop(f"the Azure CLI is not signed in{which}: `az login`") from refused
    say(f"✓ the Azure CLI is signed in as {account['user']['name']}, subscription {account['name']}")


def ask_once(name: str, question: str, fault: Callable[[str], str]) -> None:
    """Asks for a value that azd's environment does not have; an empty answer is an answer too, and is kept."""
    known = os.environ.get(name)
    if known is not None:
        require_good(name, known.strip(), fault)
        return
    if not is_interactive():
        raise Stop(f'{name} is not known, and nobody can be asked here: `azd env set {name} "…"`, or "" for none')
    while True:
        answer = input(f"\n{question}:\n> ").strip()
        why = fault(answer) if answer else ""
        if not why:
            keep(name, answer)
            return
        say(why)


def require_good(name: str, text: str, fault: Callable[[str], str]) -> None:
    if text and (why := fault(text)):
        raise Stop(f"{why}; `azd env set {name} VALUE` changes it")


def organisation_fault(address: str) -> str:
    """What leadpipe itself would say about it."""
    settings = Settings.from_environment(
        {ORGANISATION: address, "DATAVERSE_MANAGED_IDENTITY": "system", "AzureWebJobsStorage": ANY_EMULATOR}
    )
    return "; ".join(map(str, settings.faults))


def mail_fault(address: str) -> str:
    local, at, domain = address.partition("@")
    return "" if local and at and "." in domain and " " not in address else f"{MAIL} is not a mail address"


if __name__ == "__main__":
    run("preprovision", main)
