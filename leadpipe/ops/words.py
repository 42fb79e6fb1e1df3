"""What is said to the operator: on stderr, so that stdout holds data alone."""

import re
from collections.abc import Callable
from itertools import count

import typer

from leadpipe.model.cause import CAUSES, Cause
from leadpipe.model.errors import LeadpipeError
from leadpipe.ops.hostile_text import one_line

# Of damaged rows, where a command says something else.
MOST_NAMED = 5

_ID = re.compile(r"\bID\b")
# What a lead can wait out is, for somebody who waits at a terminal, something to look into.
_FIXES_NOW = {
    "storage_unreachable": "check the account's name, the network and the account's firewall, then try again",
    "storage_error": "try again; if it lasts, look at the storage account's health in the portal, and at the proxy in"
    " between if there is one",
    "storage_refused": "check the key in AzureWebJobsStorage, or the roles of the identity that you signed in with",
    "storage_network_closed": "in the storage account, Networking: let in the address that you work from. The"
    " emulator's tables answer so to a wrong key",
    "storage_role_missing": "give the identity that you signed in with Storage Queue Data Contributor and Storage Table"
    " Data Contributor on the account; a new role counts after some minutes",
    "storage_no_token": "sign in with `az login`, as somebody with a role on the storage account",
    "sign_in_unavailable": "check DATAVERSE_AUTHORITY and the network; if it lasts, look at Entra's service health",
    "throttled": "wait a few minutes, and see what else works as the same user",
    "dynamics_error": "try again; if it lasts, look at the organisation's health in the Power Platform admin centre",
    "dynamics_busy": "try again; if it lasts, look at the organisation's health in the Power Platform admin centre",
}


def say(text: str) -> None:
    typer.echo(one_line(text), err=True)


def damage_reporter() -> Callable[[str], None]:
    """Says which rows of the ledger are damaged; after the first few, that there are more."""
    number = count(1)

    def report(row: str) -> None:
        match next(number):
            case nth if nth <= MOST_NAMED:
                say(f"a row of the ledger is damaged: {row}")
            case nth if nth == MOST_NAMED + 1:
                say("more rows are damaged: `leadpipe balance` names each")

    return report


def cause_of(reason: str, lead_id: str = "ID") -> Cause:
    """The reason in words and what mends it, the commands in it made out for that lead."""
    cause = CAUSES.get(reason)
    if cause is None:
        return Cause(says=reason, fix=f"`leadpipe show {lead_id}` has the details")
    return Cause(says=cause.says, fix=_ID.sub(lead_id, cause.fix))


def fix_now(reason: str) -> str:
    """What mends it, said to somebody who does not want to wait for it."""
    return _FIXES_NOW.get(reason) or cause_of(reason).fix


def failure_in_words(error: LeadpipeError) -> str:
    """One line: what went wrong and what mends it."""
    cause = CAUSES.get(error.slug)
    if cause is None:
        return one_line(error.detail or error.slug)
    detail = f" ({error.detail})" if error.detail else ""
    return one_line(f"{cause.says}{detail}: {fix_now(error.slug)}")
