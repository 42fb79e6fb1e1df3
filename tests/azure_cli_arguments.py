"""Writes the arguments of `az` commands, as the Azure CLI itself declares them, into tests/samples/azure_cli.

The azure-cli package is too large to be a dependency of the tests (1 GB with what it needs, a minute to load), so its
tables are read once. For a newer one, or when a command is added to COMMANDS:

    python3 -m venv /tmp/azure-cli && /tmp/azure-cli/bin/pip install azure-cli
    /tmp/azure-cli/bin/python tests/azure_cli_arguments.py
"""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "samples" / "azure_cli" / "arguments.json"
COMMANDS = (
    "account get-access-token",
    "account list-locations",
    "account set",
    "account show",
    "ad app create",
    "ad app credential delete",
    "ad app credential list",
    "ad app credential reset",
    "ad app federated-credential create",
    "ad app permission add",
    "ad app permission admin-consent",
    "ad app update",
    "ad signed-in-user show",
    "ad sp create",
    "ad sp show",
    "deployment group create",
    "deployment group show",
    "deployment sub create",
    "deployment sub show",
    "functionapp config appsettings delete",
    "functionapp config appsettings list",
    "functionapp config appsettings set",
    "functionapp config ssl upload",
    "functionapp create",
    "functionapp flex-migration list",
    "functionapp flex-migration revert",
    "functionapp flex-migration start",
    "functionapp function keys delete",
    "functionapp function keys list",
    "functionapp function keys set",
    "functionapp identity assign",
    "functionapp identity show",
    "functionapp list",
    "functionapp list-flexconsumption-locations",
    "functionapp restart",
    "functionapp show",
    "group create",
    "group delete",
    "identity create",
    "identity list",
    "identity show",
    "keyvault create",
    "keyvault secret set",
    "keyvault secret show",
    "keyvault set-policy",
    "keyvault show",
    "login",
    "rest",
    "role assignment create",
    "role assignment list",
    "storage account create",
    "storage account list",
    "storage account show",
    "storage account show-connection-string",
    "storage account update",
    "storage container create",
    "storage container list",
    "storage queue list",
    "storage table list",
)
_GLOBAL = {"--cmd", "--debug", "--help", "-h", "--only-show-errors", "--verbose", "--output", "-o", "--query"}


def arguments_of(command: Any) -> list[dict[str, Any]]:
    found = []
    for argument in command.arguments.values():
        options = argument.type.settings
        names = [getattr(each, "target", each) for each in argument.options_list or ()]
        if {*names} <= _GLOBAL or str(options.get("action", "")) == "==SUPPRESS==" or not names:
            continue
        choices = options.get("choices")
        found.append(
            {
                "options": sorted(map(str, names)),
                "required": bool(options.get("required")),
                "values": values_of(options),
                **({"choices": sorted(map(str, choices))} if choices else {}),
            }
        )
    return sorted(found, key=lambda each: each["options"])


def values_of(options: dict[str, Any]) -> str:
    """How many values it takes: "0" for a flag, "1", "?", "+" or "*"."""
    if str(options.get("action")) in {"store_true", "store_false"}:
        return "0"
    return str(options.get("nargs") or "1")


def main() -> None:
    from azure.cli.core import get_default_cli
    from azure.cli.core.file_util import create_invoker_and_load_cmds_and_args

    cli = get_default_cli()
    create_invoker_and_load_cmds_and_args(cli)
    table = cli.invocation.commands_loader.command_table
    missing = [name for name in COMMANDS if name not in table]
    print("not in this Azure CLI, so left out:", ", ".join(missing) or "none")  # noqa: T201
    found = {
        "azure-cli": importlib.metadata.version("azure-cli"),
        "written by": "tests/azure_cli_arguments.py",
        "commands": {name: arguments_of(table[name]) for name in COMMANDS if name in table},
    }
    TABLE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
