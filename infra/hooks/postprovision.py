"""After everything is made: waits until the roles count at the storage account.

A role takes up to some minutes to reach a service after it was given. The first deployment would fail with 403 until
then, and azd does not repeat it. Nothing can ask as the app's identity from here, so two things are waited for that can
be seen: that its roles are given, and that those of the person who deploys, given at the same time on the same account,
already count. https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
"""

from __future__ import annotations

from functools import partial

from hook import Refused, Stop, az, az_or_stop, run, say, value, wait_until

PACKAGE_ROLES = {"Storage Blob Data Owner", "Storage Blob Data Contributor"}
# The Azure CLI's words for AuthorizationPermissionMismatch. It has others for a firewall, where waiting does not help.
_NOT_YET = ("required permissions", "AuthorizationPermissionMismatch")
SERVICES = {"queues": "queue", "tables": "table"}


def main() -> None:
    account, group = value("AZURE_STORAGE_ACCOUNT_NAME"), value("AZURE_RESOURCE_GROUP")
    identity = value("LEADPIPE_IDENTITY_NAME")
    named = ("--resource-group", group, "--query")
    principal = az_or_stop(
        "the app's identity cannot be read", "identity", "show", "--name", identity, *named, "principalId"
    )
    scope = az_or_stop(
        "the storage account cannot be read", "storage", "account", "show", "--name", account, *named, "id"
    )
    wait_until(lambda: identity_lacks(principal, scope), "the app's identity has its role for the package")
    for service, command in SERVICES.items():
        wait_until(partial(person_lacks, command, account), f"your role for {service} counts")
    say("postprovision: done; what follows is the deployment")


def identity_lacks(principal: str, scope: str) -> str:
    given = az_or_stop(
        "the roles on the storage account cannot be read",
        *("role", "assignment", "list", "--assignee", principal, "--scope", scope, "--include-inherited"),
        *("--query", "[].roleDefinitionName"),
    )
    return "" if PACKAGE_ROLES & {*given} else "it is not given yet"


def person_lacks(command: str, account: str) -> str:
    """Why the person may not list that service's contents yet. Raises Stop for anything that waiting does not help."""
    try:
        az("storage", command, "list", "--account-name", account, "--auth-mode", "login", "--query", "[].name")
    except Refused as refused:
        if any(sign in refused.complaint for sign in _NOT_YET):
            return "403, the role has not spread yet"
        raise Stop(f"the storage account cannot be reached as you: {refused}") from refused
    return ""


if __name__ == "__main__":
    run("postprovision", main)
