"""What leadpipe asks of its templates beyond being Bicep: the rules of Flex Consumption, roles, settings, names."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from tree_sitter import Node

from leadpipe.storage.lead_queue import QUEUE
from leadpipe.storage.poison_queue import POISON_QUEUE
from tests.infra.alert_rules import alert_faults
from tests.infra.bicep import Bicep, Declared, Either, pairs, strings, text_of, used, walk
from tests.infra.entry_points import entry_point_faults, parameter_file_faults
from tests.infra.names import name_faults
from tests.infra.resource_types import has_property, type_faults
from tests.infra.symbols import symbol_faults
from tests.test_agreement import EXAMPLE, PLATFORM, ROOT, names_read_by_settings

FOLDER = ROOT / "infra"
SITE = "Microsoft.Web/sites@"

# https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations
FORBIDDEN_SETTINGS = frozenset(
    {
        *("ENABLE_ORYX_BUILD", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME"),
        *("FUNCTIONS_WORKER_RUNTIME_VERSION", "FUNCTIONS_WORKER_PROCESS_COUNT", "FUNCTIONS_MAX_HTTP_CONCURRENCY"),
        *("FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED", "SCM_DO_BUILD_DURING_DEPLOYMENT"),
    }
)
FORBIDDEN_PREFIXES = ("WEBSITE_", "WEBSITES_")
FORBIDDEN_PROPERTIES = frozenset(
    {
        *("alwaysOn", "containerSize", "ftpsState", "functionAppScaleLimit", "isReserved", "isXenon", "javaVersion"),
        *("linuxFxVersion", "minimumElasticInstanceCount", "netFrameworkVersion", "nodeVersion", "phpVersion"),
        *("powerShellVersion", "preWarmedInstanceCount", "pythonVersion", "use32BitWorkerProcess", "windowsFxVersion"),
        *("vnetBackupRestoreEnabled", "vnetContentShareEnabled", "vnetImagePullEnabled", "vnetRouteAllEnabled"),
    }
)
# Read by the host for telemetry; the README's table has what leadpipe reads.
OF_TELEMETRY = frozenset({"APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"})
SETTINGS = (frozenset(names_read_by_settings()) | PLATFORM | OF_TELEMETRY) - FORBIDDEN_SETTINGS
STORAGE_BY_IDENTITY = frozenset(
    f"AzureWebJobsStorage__{part}"
    for part in ("blobServiceUri", "queueServiceUri", "tableServiceUri", "credential", "clientId")
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
        *_order(files),
        *_secrets(files),
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
            yield from (f"{resource.name}: Flex forbids {key}" for key in _keys(body) if key in FORBIDDEN_PROPERTIES)
    yield from _properties_read(file)
    yield from _settings(file)
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


def _settings(file: Bicep) -> Iterator[str]:
    """Each name of an app setting, be it a key or a text, has to be one that Flex takes and leadpipe knows."""
    keys = {key for node in file.nodes if node.type == "object" for key, _ in pairs(node) if isinstance(key, str)}
    named = {key for key in keys if re.match(r"[A-Z]{3,}[A-Z0-9]*_|AzureWebJobs", key)}
    texts = {text for text in strings(file.root) if re.fullmatch(r"(LEADPIPE|DATAVERSE)_[A-Z_]+", text)}
    for name in sorted(named | texts):
        if name in FORBIDDEN_SETTINGS or name.startswith(FORBIDDEN_PREFIXES):
            yield f"Flex forbids the setting {name}"
        elif name not in SETTINGS:
            yield f"{name} is not a setting of the README's table"
    storage = file.get("storageByIdentity")
    if file.name == "settings.bicep" and (storage is None or _keys(file.body(storage)) != STORAGE_BY_IDENTITY):
        yield f"storage by identity needs exactly {sorted(STORAGE_BY_IDENTITY)}"
    for node in file.nodes:
        if node.type == "object":
            empty = [key for key, value in pairs(node) if key == "AzureWebJobsStorage" and text_of(value) == "''"]
            yield from (f"{key} is empty: the host would refuse every post" for key in empty)
    threads = re.search(r"PYTHON_THREADPOOL_THREAD_COUNT: '(\d+)'", file.source)
    if threads and threads[1] != EXAMPLE["PYTHON_THREADPOOL_THREAD_COUNT"]:
        yield "PYTHON_THREADPOOL_THREAD_COUNT is not that of local.settings.json.example"


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


def _order(files: Mapping[str, Bicep]) -> Iterator[str]:
    """The settings come after the roles: the host starts with them and would find neither its keys nor its queues."""
    group = files["leadpipe.bicep"]
    settings = group.get("settings")
    if settings is None or not re.search(r"dependsOn: \[[^\]]*\broles\b", text_of(settings.node)):
        yield "leadpipe.bicep: the module settings does not wait for roles"
    makers = [file.name for file in files.values() if any(_makes_settings(file, each) for each in file.of("resource"))]
    if makers != ["settings.bicep"]:
        yield f"app settings are made by {makers}, not by settings.bicep alone"
    inside = [key for file in files.values() for each in file.of("resource") for key in _keys(file.body(each))]
    if "appSettings" in inside:
        yield "app settings stand in the site, where they come before the roles"


def _secrets(files: Mapping[str, Bicep]) -> Iterator[str]:
    """What goes into the vault is a secure parameter, and a secure parameter goes nowhere else."""
    group, vault = files["leadpipe.bicep"], files["vault.bicep"]
    secure = {each.name for each in group.of("param") if "secure" in each.decorators}
    for module in group.of("module"):
        for name, value in _given(module):
            named = {text for text, _ in used(value)}
            if name == "values":
                yield from (f"leadpipe.bicep: {each} is kept in the vault and is not secure" for each in named - secure)
            else:
                yield from (f"leadpipe.bicep: {each} is given to {module.name}" for each in named & secure)
    values = vault.get("values")
    if values is None or "secure" not in values.decorators:
        yield "vault.bicep: values is not secure"


def _given(module: Declared) -> Iterator[tuple[str, Node]]:
    for node in walk(module.node):
        if node.type == "object_property" and text_of(node.named_children[0]) == "params":
            yield from ((str(name), value) for name, value in pairs(node.named_children[-1]))


def _makes_settings(file: Bicep, resource: Declared) -> bool:
    body = file.body(resource)
    is_config = resource.kind.startswith("Microsoft.Web/sites/config@")
    return is_config and isinstance(body, dict) and body.get("name") == "appsettings"


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


def _keys(value: object) -> set[str]:
    """Each key in a value, at any depth."""
    match value:
        case dict():
            inner = {key for key in value if isinstance(key, str)}
            return inner.union(*map(_keys, value.values()))
        case list():
            return set().union(*map(_keys, value))
        case Either(values=values):
            return set().union(*map(_keys, values))
        case _:
            return set()
