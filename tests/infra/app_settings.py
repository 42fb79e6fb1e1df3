"""Checks the app settings: their names, their order after the roles, and where secrets go."""

import re
from collections.abc import Iterator, Mapping

from tree_sitter import Node

from tests.infra.bicep import Bicep, Declared, keys, pairs, strings, text_of, used, walk
from tests.test_agreement import EXAMPLE, PLATFORM, names_read_by_settings

# https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations
FORBIDDEN_SETTINGS = frozenset(
    {
        *("ENABLE_ORYX_BUILD", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME"),
        *("FUNCTIONS_WORKER_RUNTIME_VERSION", "FUNCTIONS_WORKER_PROCESS_COUNT", "FUNCTIONS_MAX_HTTP_CONCURRENCY"),
        *("FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED", "SCM_DO_BUILD_DURING_DEPLOYMENT"),
    }
)
FORBIDDEN_PREFIXES = ("WEBSITE_", "WEBSITES_")
# Read by the host for telemetry; the README's table has what leadpipe reads.
OF_TELEMETRY = frozenset({"APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"})
SETTINGS = (frozenset(names_read_by_settings()) | PLATFORM | OF_TELEMETRY) - FORBIDDEN_SETTINGS
STORAGE_BY_IDENTITY = frozenset(
    f"AzureWebJobsStorage__{part}"
    for part in ("blobServiceUri", "queueServiceUri", "tableServiceUri", "credential", "clientId")
)


def setting_faults(file: Bicep) -> Iterator[str]:
    """Each name of an app setting, be it a key or a text, has to be one that Flex takes and leadpipe knows."""
    found = {key for node in file.nodes if node.type == "object" for key, _ in pairs(node) if isinstance(key, str)}
    named = {key for key in found if re.match(r"[A-Z]{3,}[A-Z0-9]*_|AzureWebJobs", key)}
    texts = {text for text in strings(file.root) if re.fullmatch(r"(LEADPIPE|DATAVERSE)_[A-Z_]+", text)}
    for name in sorted(named | texts):
        if name in FORBIDDEN_SETTINGS or name.startswith(FORBIDDEN_PREFIXES):
            yield f"Flex forbids the setting {name}"
        elif name not in SETTINGS:
            yield f"{name} is not a setting of the README's table"
    storage = file.get("storageByIdentity")
    if file.name == "settings.bicep" and (storage is None or keys(file.body(storage)) != STORAGE_BY_IDENTITY):
        yield f"storage by identity needs exactly {sorted(STORAGE_BY_IDENTITY)}"
    for node in file.nodes:
        if node.type == "object":
            empty = [key for key, value in pairs(node) if key == "AzureWebJobsStorage" and text_of(value) == "''"]
            yield from (f"{key} is empty: the host would refuse every post" for key in empty)
    threads = re.search(r"PYTHON_THREADPOOL_THREAD_COUNT: '(\d+)'", file.source)
    if threads and threads[1] != EXAMPLE["PYTHON_THREADPOOL_THREAD_COUNT"]:
        yield "PYTHON_THREADPOOL_THREAD_COUNT is not that of local.settings.json.example"


def order_faults(files: Mapping[str, Bicep]) -> Iterator[str]:
    """The settings come after the roles: the host starts with them and would find neither its keys nor its queues."""
    for name, awaited in (("leadpipe.bicep", ["roles"]), ("console.bicep", ["roles", "readSecrets", "signIn"])):
        settings = files[name].get("settings")
        order = re.search(r"dependsOn: \[([^\]]*)\]", text_of(settings.node)) if settings else None
        missing = {*awaited} - {*re.findall(r"\w+", order[1] if order else "")}
        yield from (f"{name}: the module settings does not wait for {each}" for each in sorted(missing))
    makers = [file.name for file in files.values() if any(_makes_settings(file, each) for each in file.of("resource"))]
    if makers != ["settings.bicep"]:
        yield f"app settings are made by {makers}, not by settings.bicep alone"
    inside = [key for file in files.values() for each in file.of("resource") for key in keys(file.body(each))]
    if "appSettings" in inside:
        yield "app settings stand in the site, where they come before the roles"


def secret_faults(files: Mapping[str, Bicep]) -> Iterator[str]:
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
