"""The templates, read by a library's grammar and compared with the compiler's types, and with leadpipe itself."""

import json
import re
import sys
from pathlib import Path
from uuid import UUID

import pytest

from leadpipe.console.principal import AppRole
from leadpipe.model.settings import Settings, StorageByIdentity
from tests.infra.bicep import Bicep
from tests.infra.compiler import NO_COMPILER, NO_SNAPSHOT, SNAPSHOT, compiler, compiler_faults, snapshot_faults
from tests.infra.names import HOST_ID_LETTERS, SECOND_APP, longest_text
from tests.infra.rules import FOLDER, ROOT, faults, own_templates


def test_the_templates_have_no_fault() -> None:
    assert faults(own_templates()) == []


# Each mistake: the file, what stands there, what is planted instead, and what the fault says.
MISTAKES = {
    "broken syntax": ("app.bicep", "resource plan '", "resource plan plan '", "is not Bicep"),
    "an unclosed object": (
        "vault.bicep",
        "    softDeleteRetentionInDays: 7\n  }\n}",
        "    softDelete: 7\n  }\n",
        "is not Bicep",
    ),
    "an undeclared name": ("app.bicep", "serverFarmId: plan.id", "serverFarmId: farm.id", "farm is not declared"),
    "an undeclared name in a text": ("storage.bicep", "name: 'leads'", "name: '${lead}'", "lead is not declared"),
    "a name outside its loop": ("roles.bicep", "scope: insights", "scope: role", "role is not declared"),
    "an unknown function": ("vault.bicep", "replace(setting", "replaced(setting", "replaced() is not a known function"),
    "an unused parameter": (
        "identity.bicep",
        "param tags object",
        "param tags object\nparam more string",
        "param more is not used",
    ),
    "an unused variable": (
        "roles.bicep",
        "var rolesOfTheApp",
        "var idle = 1\nvar rolesOfTheApp",
        "var idle is not used",
    ),
    "an unused existing resource": (
        "app.bicep",
        "value: '${account.properties.primaryEndpoints.blob}${packageContainer}'",
        "value: packageContainer",
        "resource account is not used",
    ),
    "a name declared twice": ("app.bicep", "var flex = {", "var plan = 1\nvar flex = {", "plan is declared twice"),
    "a key that stands twice": ("storage.bicep", "name: 'leads'", "name: 'leads'\n  name: 'x'", "name stands twice"),
    "a module without a file": ("leadpipe.bicep", "'roles.bicep'", "'rolls.bicep'", "there is no file rolls.bicep"),
    "a parameter that a module lacks": (
        "leadpipe.bicep",
        "planName:",
        "farmName:",
        "app.bicep has no parameter farmName",
    ),
    "a missing parameter": (
        "leadpipe.bicep",
        "    planName: 'plan-${appName}'\n",
        "",
        "parameter planName of app.bicep is missing",
    ),
    "a parameter of another kind": (
        "leadpipe.bicep",
        "allowSharedKeyAccess: storageAuth == 'key'",
        "allowSharedKeyAccess: 'no'",
        "allowSharedKeyAccess is of type string, and bool is expected",
    ),
    "an output that a module lacks": (
        "leadpipe.bicep",
        "app.outputs.origin",
        "app.outputs.host",
        "app.bicep has no output host",
    ),
    "an output behind a condition": (
        "leadpipe.bicep",
        "vault!.outputs.uri",
        "vault!.outputs.url",
        "vault.bicep has no output url",
    ),
    "a file that is not there": ("alerts.bicep", "'alerts.json'", "'alarms.json'", "there is no such file"),
    "a file that is not JSON": ("workbook.json", '"version"', "version", "is not JSON"),
    "an unknown type": ("app.bicep", "serverfarms@2025-03-01", "serverfarms@2025-03-02", "is not in bicep_types.json"),
    "an unknown property": (
        "app.bicep",
        "httpsOnly: true",
        "httpsOnly: true\n    https: true",
        "https is not a property",
    ),
    "a property in other letters": (
        "app.bicep",
        "instanceMemoryMB: inst",
        "instanceMemoryMb: inst",
        "but instanceMemoryMB",
    ),
    "an unknown property in a branch": (
        "app.bicep",
        "instanceCount: always",
        "count: always",
        "count is not a property",
    ),
    "a property of another kind": (
        "storage.bicep",
        "allowBlobPublicAccess: false",
        "allowBlobPublicAccess: 'false'",
        "bool is expected",
    ),
    "a parameter in a property of another kind": (
        "app.bicep",
        "serverFarmId: plan.id",
        "serverFarmId: httpConcurrency",
        "is of type int, and string is expected",
    ),
    "an unknown value": ("availability.bicep", "kind: 'standard'", "kind: 'simple'", "is 'simple', which is none of"),
    "a number that is too large": (
        "storage.bicep",
        "  name: 'default'\n}\n\nresource packages",
        "  name: 'default'\n  properties: { deleteRetentionPolicy: { days: 366 } }\n}\n\nresource packages",
        "days is 366, which is too small or too large",
    ),
    "an unknown case": ("alerts.bicep", "SingleResourceMultipleMetric", "SingleResource", "which is none of"),
    "a missing property": ("vault.bicep", "    tenantId: tenantId\n", "", "tenantId is missing"),
    "a value that is read only": (
        "identity.bicep",
        "  tags: tags\n",
        "  tags: tags\n  properties: { clientId: name }\n",
        "read only",
    ),
    "a text that is too long": (
        "alerts.bicep",
        "groupShortName: 'leadpipe'",
        "groupShortName: 'leadpipe-alerts'",
        "too long",
    ),
    "a text in a number's place": (
        "vault.bicep",
        "softDeleteRetentionInDays: 7",
        "softDeleteRetentionInDays: '7'",
        "int is expected",
    ),
    "an object in a list's place": (
        "availability.bicep",
        "Locations: [{ Id: 'emea-nl-ams-azr' }, { Id: 'us-va-ash-azr' }]",
        "Locations: {}",
        "list is expected",
    ),
    "a property that nothing has": (
        "identity.bicep",
        "identity.properties.clientId",
        "identity.properties.applicationId",
        "identity has no property properties.applicationId",
    ),
    "a property of a thing that is not there": (
        "settings.bicep",
        "primaryEndpoints.queue",
        "primaryEndpoints.queues",
        "account has no property properties.primaryEndpoints.queues",
    ),
    "a secret that anyone may read": (
        "leadpipe.bicep",
        "@secure()\n@description('Where leadpipe posts",
        "@description('Where leadpipe posts",
        "notifyUrl is kept in the vault and is not secure",
    ),
    "a secret outside the vault": (
        "leadpipe.bicep",
        "    tenantId: tenantId\n",
        "    tenantId: endpointKeys\n",
        "endpointKeys is given to settings",
    ),
    "a vault whose values are not secure": ("vault.bicep", "@secure()\n", "", "values is not secure"),
    "a setting that Flex forbids": (
        "settings.bicep",
        "var telemetry = {",
        "var telemetry = {\n  FUNCTIONS_WORKER_RUNTIME: 'python'",
        "Flex forbids the setting FUNCTIONS_WORKER_RUNTIME",
    ),
    "another setting that Flex forbids": (
        "settings.bicep",
        "var telemetry = {",
        "var telemetry = {\n  WEBSITE_RUN_FROM_PACKAGE: '1'",
        "Flex forbids the setting WEBSITE_RUN_FROM_PACKAGE",
    ),
    "a site property that Flex forbids": (
        "app.bicep",
        "minTlsVersion: '1.2'",
        "alwaysOn: true",
        "Flex forbids alwaysOn",
    ),
    "another site property that Flex forbids": (
        "app.bicep",
        "minTlsVersion: '1.2'",
        "linuxFxVersion: 'x'",
        "Flex forbids linuxFxVersion",
    ),
    "a setting that leadpipe lacks": (
        "settings.bicep",
        "DATAVERSE_TENANT_ID:",
        "DATAVERSE_TENANT:",
        "DATAVERSE_TENANT is not a setting",
    ),
    "such a setting in the vault": (
        "leadpipe.bicep",
        "'LEADPIPE_NOTIFY_URL'",
        "'LEADPIPE_NOTICE_URL'",
        "LEADPIPE_NOTICE_URL is not",
    ),
    "another number of threads": (
        "settings.bicep",
        "THREAD_COUNT: '32'",
        "THREAD_COUNT: '8'",
        "local.settings.json.example",
    ),
    "no blob address": (
        "settings.bicep",
        "  AzureWebJobsStorage__blobServiceUri: account.properties.primaryEndpoints.blob\n",
        "",
        "storage by identity needs exactly",
    ),
    "an empty connection string beside an identity": (
        "settings.bicep",
        "var telemetry = {",
        "var telemetry = {\n  AzureWebJobsStorage: ''",
        "AzureWebJobsStorage is empty",
    ),
    "settings before the roles": ("leadpipe.bicep", "  dependsOn: [roles]\n", "", "settings does not wait for roles"),
    "settings in the site": ("app.bicep", "minTlsVersion: '1.2'", "appSettings: []", "come before the roles"),
    "settings made elsewhere": ("settings.bicep", "name: 'appsettings'", "name: 'web'", "app settings are made by []"),
    "a wrong role": ("roles.bicep", "974c5e8b-45b9", "974c5e8b-45b8", "storageQueueDataContributor is 974c5e8b-45b8"),
    "two roles in each other's place": (
        "roles.bicep",
        "var storageTableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'",
        "var storageTableDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'",
        "storageTableDataContributor is 974c5e8b",
    ),
    "a role by its id": (
        "vault.bicep",
        "roleDefinitions', keyVaultSecretsUser)",
        "roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6')",
        "not by its name",
    ),
    "another queue": ("storage.bicep", "name: 'leads'", "name: 'lead'", "makes the queues ['lead', 'leads-poison']"),
    "blobs for everyone": (
        "storage.bicep",
        "allowBlobPublicAccess: false",
        "allowBlobPublicAccess: true",
        "has to be false",
    ),
    "telemetry by key": ("monitoring.bicep", "    DisableLocalAuth: true\n", "", "DisableLocalAuth has to be true"),
    "a deployment by password": (
        "app.bicep",
        "name: 'scm'\n  properties: { allow: false }",
        "name: 'scm'\n  properties: { allow: true }",
        "allow has to be false",
    ),
    "a name that is too long": ("leadpipe.bicep", "@maxLength(17)", "@maxLength(18)", "appName may have 25 letters"),
    "a name without a limit": ("leadpipe.bicep", "@maxLength(17)\n", "", "appName may have None letters"),
    "a vault's name that is too long": (
        "leadpipe.bicep",
        "'kv-${token}'",
        "'kv-${appName}'",
        "vaultName may have 27 letters",
    ),
    "a parameter without a description": (
        "main.bicep",
        "@description('Python of the app.')\n",
        "",
        "parameter pythonVersion has no description",
    ),
    "a parameter without a default": (
        "main.bicep",
        "pythonVersion string = '3.12'",
        "pythonVersion string",
        "pythonVersion has no default",
    ),
    "a default that is not allowed": (
        "main.bicep",
        "pythonVersion string = '3.12'",
        "pythonVersion string = '3.9'",
        "is '3.9', which is none",
    ),
    "two defaults": (
        "main.bicep",
        "httpConcurrency int = 16",
        "httpConcurrency int = 8",
        "the parameter httpConcurrency differs",
    ),
    "a secret that is not secure": (
        "main.bicep",
        "@secure()\n@description('Keys",
        "@description('Keys",
        "endpointKeys differs",
    ),
    "an output that hooks miss": (
        "main.bicep",
        "output LEADPIPE_ENDPOINT",
        "output LEADPIPE_ADDRESS",
        "output LEADPIPE_ENDPOINT is missing",
    ),
    "a parameter file for nothing": (
        "main.bicepparam",
        "using 'main.bicep'",
        "using 'mean.bicep'",
        "which does not exist",
    ),
    "a value for no parameter": (
        "main.bicepparam",
        "param pythonVersion",
        "param python",
        "main.bicep has no parameter python",
    ),
    "a value that is not allowed": (
        "main.bicepparam",
        "instanceMemoryMB = 512",
        "instanceMemoryMB = 500",
        "is 500, which is none of",
    ),
    "a value of another kind": (
        "main.bicepparam",
        "httpConcurrency = 16",
        "httpConcurrency = '16'",
        "is of type string, and int",
    ),
    "a parameter that the file leaves out": (
        "main.bicepparam",
        "param storageAuth = 'identity'\n",
        "",
        "does not mention storageAuth",
    ),
    "broken syntax in the parameters": ("main.bicepparam", "= 'identity'", "= 'identity", "is not Bicep"),
    "a rule that lacks something": ("alerts.json", '"severity"', '"urgency"', "severity is missing"),
    "a rule without a period": ("alerts.json", '"windowSize": "P', '"windowSize": "Q', "windowSize is 'Q"),
    "a console that strangers get into": (
        "console.bicep",
        "'RedirectToLoginPage'",
        "'AllowAnonymous'",
        "the sign-in is not asked for at every address",
    ),
    "an address of the console without a sign-in": (
        "console.bicep",
        "      requireAuthentication: true",
        "      requireAuthentication: true\n      excludedPaths: ['/api/console/leads']",
        "the sign-in is not asked for at every address",
    ),
    "a sign-in that is off": (
        "console.bicep",
        "platform: { enabled: true }",
        "platform: { enabled: false }",
        "the sign-in is not asked for at every address",
    ),
    "a sign-in before the marketplace's endpoint": (
        "app.bicep",
        "output id string",
        "resource first 'Microsoft.Web/sites/config@2025-03-01' = { name: 'authsettingsV2' }\noutput id string",
        "people sign in by ['app.bicep', 'console.bicep'], not by console.bicep alone",
    ),
    "tokens that are kept": (
        "console.bicep",
        "tokenStore: { enabled: false }",
        "tokenStore: { enabled: true }",
        "kept",
    ),
    "a console on several instances": (
        "console.bicep",
        "maximumInstanceCount: 1\n",
        "maximumInstanceCount: 10\n",
        "may have more than one instance",
    ),
    "a console that takes leads": ("console.bicep", "'console' })", "'intake' })", "it would take and deliver leads"),
    "a console before its roles": ("console.bicep", "[roles, readSecrets, signIn]", "[signIn]", "wait for readSecrets"),
    "a console before its sign-in": ("console.bicep", "readSecrets, signIn]", "readSecrets]", "wait for signIn"),
    "a console of another name": (
        "leadpipe.bicep",
        "'${appName}-console'",
        "'${appName}-web'",
        "is not named by appName",
    ),
    "a console that nobody asked for": (
        "leadpipe.bicep",
        "if (!empty(consoleClientId)) {",
        "if (!empty(appName)) {",
        "made without being asked for",
    ),
    "a lax linter": ("bicepconfig.json", '"level": "error"', '"level": "off"', "or lax about"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_found(mistake: str) -> None:
    file, old, new, fault = MISTAKES[mistake]
    texts = own_templates()
    assert old in texts[file], f"{file} has changed: plant the mistake anew"
    found = faults({**texts, file: texts[file].replace(old, new, 1)})
    assert [each for each in found if fault in each], found


def test_an_app_and_its_console_differ_in_the_letters_that_the_host_reads() -> None:
    longest = longest_text(Bicep("leadpipe.bicep", own_templates()["leadpipe.bicep"]), "appName")
    assert longest is not None
    name = "n" * longest
    assert name[:HOST_ID_LETTERS] != f"{name}{SECOND_APP}"[:HOST_ID_LETTERS]
    assert len(f"{name}{SECOND_APP}") <= HOST_ID_LETTERS


def test_the_addresses_of_the_templates_are_those_of_the_functions() -> None:
    texts, app = own_templates(), (ROOT / "function_app.py").read_text(encoding="utf-8")
    prefix = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["http"]["routePrefix"]
    named = set(re.findall(r"origin\}/(\w+)/(\w+)/?'", texts["leadpipe.bicep"] + texts["console.bicep"]))
    assert named == {(prefix, "leads"), (prefix, "health"), (prefix, "console")}
    assert {route for _, route in named} == set(re.findall(r'route="(leads|health|console)(?:/{\*path})?"', app))


def test_the_roles_of_the_registration_are_those_that_the_console_asks_for() -> None:
    roles = json.loads(own_templates()["console-roles.json"])
    assert {role["value"] for role in roles} == {*AppRole}
    assert len({str(UUID(role["id"])) for role in roles}) == len(roles)
    assert [(role["allowedMemberTypes"], role["isEnabled"]) for role in roles] == [(["User"], True)] * 2


def test_no_template_gives_the_key_of_an_account_but_where_it_is_asked_for() -> None:
    texts = own_templates()
    assert {name for name, text in texts.items() if "listKeys" in text} == {"settings.bicep"}
    assert len(re.findall(r"listKeys\(|\.listKeys", texts["settings.bicep"])) == 1


IDENTITY = "11112222-bbbb-3333-cccc-4444dddd5555"
IN_AZURE = {
    "AzureWebJobsStorage__blobServiceUri": "https://stabc.blob.core.windows.net/",
    "AzureWebJobsStorage__queueServiceUri": "https://stabc.queue.core.windows.net/",
    "AzureWebJobsStorage__tableServiceUri": "https://stabc.table.core.windows.net/",
    "DATAVERSE_URL": "https://contoso.crm4.dynamics.com",
    "DATAVERSE_CLIENT_SECRET": "made-up",
}


@pytest.mark.parametrize("groups", [[], ["signInByIdentity"], ["signInBySecret"]])
def test_leadpipe_finds_no_fault_in_the_settings_of_the_template(groups: list[str]) -> None:
    """What is known only in Azure is filled in: addresses as Azure writes them, ids, and the vault's secret."""
    template = Bicep("settings.bicep", own_templates()["settings.bicep"])
    given: dict[str, str] = {}
    for name in ["storageByIdentity", "telemetry", *groups]:
        declared = template.get(name)
        assert declared is not None
        values = template.body(declared)
        assert isinstance(values, dict)
        given |= {
            key: value if isinstance(value, str) else IN_AZURE.get(key, IDENTITY) for key, value in values.items()
        }
    if "signInBySecret" in groups:
        given["DATAVERSE_CLIENT_SECRET"] = IN_AZURE["DATAVERSE_CLIENT_SECRET"]
    settings = Settings.from_environment(given)
    assert settings.faults == ()
    assert isinstance(settings.storage, StorageByIdentity)
    assert (settings.storage.client_id, settings.storage.managed) == (IDENTITY, True)
    assert (settings.dataverse is None) == (groups == [])


def test_what_the_real_compiler_says() -> None:
    bicep = compiler()
    if bicep is None:
        pytest.skip(NO_COMPILER)
    assert list(compiler_faults(bicep, FOLDER)) == []


def test_the_compiler_predicts_the_kept_resources() -> None:
    bicep = compiler()
    if bicep is None:
        pytest.skip(NO_COMPILER)
    if not (FOLDER / SNAPSHOT).exists():
        pytest.skip(NO_SNAPSHOT)
    assert list(snapshot_faults(bicep, FOLDER)) == []


FAKE_BICEP = """
import pathlib, sys
word, path = sys.argv[1], sys.argv[2]
if word == {complains!r} or path.endswith({complains!r}):
    print("main.bicep(1,1) : Warning BCP037: something is wrong", file=sys.stderr)
if word == "format":
    print(pathlib.Path(path).read_text(encoding="utf-8") + {added!r})
"""


def fake_bicep(folder: Path, *, complains: str = "nothing", added: str = "") -> str:
    script = folder / "bicep.py"
    script.write_text(FAKE_BICEP.format(complains=complains, added=added), encoding="utf-8")
    command = folder / ("bicep.bat" if sys.platform == "win32" else "bicep")
    line = (
        f'@"{sys.executable}" "{script}" %*'
        if sys.platform == "win32"
        else f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"'
    )
    command.write_text(f"{line}\n", encoding="utf-8")
    command.chmod(0o755)
    return str(command)


def test_a_compiler_that_says_nothing_finds_no_fault(tmp_path: Path) -> None:
    assert list(compiler_faults(fake_bicep(tmp_path), FOLDER)) == []
    assert list(snapshot_faults(fake_bicep(tmp_path), FOLDER)) == []


@pytest.mark.parametrize("complains", ["build", "lint", "build-params"])
def test_a_warning_of_the_compiler_is_a_fault(tmp_path: Path, complains: str) -> None:
    found = list(compiler_faults(fake_bicep(tmp_path, complains=complains), FOLDER))
    assert found
    assert all("BCP037" in fault for fault in found)


def test_a_snapshot_that_differs_is_a_fault(tmp_path: Path) -> None:
    (fault,) = snapshot_faults(fake_bicep(tmp_path, complains="snapshot"), FOLDER)
    assert "BCP037" in fault


def test_a_file_that_the_formatter_changes_is_a_fault(tmp_path: Path) -> None:
    found = list(compiler_faults(fake_bicep(tmp_path, added="// more"), FOLDER))
    assert len(found) == len([*FOLDER.glob("*.bicep*")])


def test_a_compiler_that_is_named_is_the_one_that_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = fake_bicep(tmp_path)
    monkeypatch.setenv("BICEP", command)
    assert compiler() == command
    monkeypatch.delenv("BICEP")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(compiler() or "").parent == tmp_path
