"""What leadpipe asks of its templates beyond being Bicep: the rules of Flex Consumption, roles, settings, names."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from leadpipe.storage.lead_queue import QUEUE
from leadpipe.storage.poison_queue import POISON_QUEUE
from tests.infra.alert_rules import alert_faults
from tests.infra.app_settings import order_faults, secret_faults, setting_faults
from tests.infra.bicep import Bicep, Declared, keys, strings, text_of
from tests.infra.console import console_faults
from tests.infra.entry_points import entry_point_faults, parameter_file_faults
from tests.infra.names import name_faults
from tests.infra.resource_types import has_property, type_faults
from tests.infra.symbols import symbol_faults
from tests.test_agreement import ROOT

FOLDER = ROOT / "infra"
SITE = "Microsoft.Web/sites@"

# https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations
FORBIDDEN_PROPERTIES = frozenset(
    {
        *("alwaysOn", "containerSize", "ftpsState", "functionAppScaleLimit", "isReserved", "isXenon", "javaVersion"),
        *("linuxFxVersion", "minimumElasticInstanceCount", "netFrameworkVersion", "nodeVersion", "phpVersion"),
        *("powerShellVersion", "preWarmedInstanceCount", "pythonVersion", "use32BitWorkerProcess", "windowsFxVersion"),
        *("vnetBackupRestoreEnabled", "vnetContentShareEnabled", "vnetImagePullEnabled", "vnetRouteAllEnabled"),
    }
)
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
ROLES = {
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
}
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_FUNCTIONS_OF_RESOURCES = {"listKeys"}

# What must stand in each resource of a type, so that nothing is reached by a key or without TLS.
REQUIRED = {
    "Microsoft.Storage/storageAccounts@": {"allowBlobPublicAccess": False, "supportsHttpsTrafficOnly": True},
    "Microsoft.Insights/components@": {"DisableLocalAuth": True},
    "Microsoft.KeyVault/vaults@": {"enableRbacAuthorization": True},
    "Microsoft.Web/sites@": {"httpsOnly": True},
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies@": {"allow": False},
}


def own_templates() -> dict[str, str]:
    """The text of each file in infra/, by its name."""
    return {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir() if path.is_file()}


def faults(texts: Mapping[str, str]) -> list[str]:
    """All that is wrong with the templates of a folder, given the text of each of its files."""
    files = {name: _parsed(name, text) for name, text in texts.items() if name.endswith(".bicep")}
    found = list(symbol_faults(files, texts))
    for file in files.values():
        found += [f"{file.name}: {fault}" for fault in _faults_of(file)]
    found += [f"main.bicepparam: {fault}" for fault in parameter_file_faults(texts["main.bicepparam"], files)]
    found += [
        *entry_point_faults(files),
        *order_faults(files),
        *secret_faults(files),
        *console_faults(files),
        *_queues(files),
        *name_faults(files["leadpipe.bicep"]),
    ]
    found += [f"alerts.json: {fault}" for fault in alert_faults(files["alerts.bicep"], texts["alerts.json"])]
    return found + list(_linter(texts["bicepconfig.json"]))


# Of the many copies that a test plants a mistake in, most files are the same.
_parsed = lru_cache(maxsize=None)(Bicep)


def _faults_of(file: Bicep) -> Iterator[str]:
    for resource in file.of("resource"):
        body = file.body(resource)
        if resource.existing:
            continue
        yield from type_faults(resource.kind, body)
        yield from _required(resource, body)
        if resource.kind.startswith(SITE):
            yield from (f"{resource.name}: Flex forbids {key}" for key in keys(body) if key in FORBIDDEN_PROPERTIES)
    yield from _properties_read(file)
    yield from setting_faults(file)
    yield from _role_ids(file)


def _properties_read(file: Bicep) -> Iterator[str]:
    kinds = {each.name: each.kind for each in file.of("resource")}
    for name, *path in sorted(file.members):
        if name in kinds and path[-1] not in _FUNCTIONS_OF_RESOURCES and not has_property(kinds[name], tuple(path)):
            yield f"{name} has no property {'.'.join(path)}"


def _required(resource: Declared, body: object) -> Iterator[str]:
    properties = body.get("properties") if isinstance(body, dict) else None
    for start, wanted in REQUIRED.items():
        for key, value in wanted.items() if resource.kind.startswith(start) else ():
            if not isinstance(properties, dict) or properties.get(key) != value:
                yield f"{resource.name}: {key} has to be {str(value).lower()}"


def _role_ids(file: Bicep) -> Iterator[str]:
    for node in file.nodes:
        for text in strings(node) if node.type == "string" else ():
            if _GUID.fullmatch(text):
                parent = node.parent
                name = text_of(parent.named_children[0]) if parent else ""
                if ROLES.get(name) != text:
                    yield f"{name} is {text}, which is not the id of that role"
    granted = [text_of(arguments[1]) for call, arguments in file.calls if call == "subscriptionResourceId"]
    yield from (f"a role is granted by {each}, not by its name" for each in granted if each not in {*ROLES, "role"})


def _queues(files: Mapping[str, Bicep]) -> Iterator[str]:
    made = set()
    for each in files["storage.bicep"].of("resource"):
        body = files["storage.bicep"].body(each)
        if each.kind.partition("@")[0].endswith("/queues") and isinstance(body, dict):
            made.add(body["name"])
    if made != {QUEUE, POISON_QUEUE}:
        yield f"storage.bicep: makes the queues {sorted(map(str, made))}, and the app uses {QUEUE} and {POISON_QUEUE}"


def _linter(text: str) -> Iterator[str]:
    core = json.loads(text)["analyzers"]["core"]
    lax = [name for name, rule in core["rules"].items() if rule["level"] not in {"error", "warning"}]
    if not core["enabled"] or lax:
        yield f"bicepconfig.json: the linter is off, or lax about {lax}"
