"""The whole of `azd up`'s and `azd down`'s hooks, from a clean clone to the address for Partner Center."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

import hook
from deployed_app import DeployedApp, settings_here
from leadpipe.model.settings import Settings, StorageByIdentity
from postdeploy import FunctionKey, print_address
from tests.integration.azd.conftest import NOT_YET, Azd
from tests.integration.conftest import App, Starter
from tests.standin_process import Standin

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the fakes of az, azd and func are scripts")

FAILED = {"ERROR": "Please run 'az login' to setup account."}


def users(organisation: Standin) -> list[str]:
    """The application users that the organisation has."""
    rows = organisation.administer("GET", "systemusers?$select=applicationid,isdisabled").json()["value"]
    return [row["applicationid"] for row in rows if row.get("applicationid") and not row["isdisabled"]]


def test_from_a_clean_clone_to_the_address_for_partner_center(azd: Azd, deployed: App, organisation: Standin) -> None:
    azd.python = sys.executable  # a fork would have leadpipe's modules from here, not from the clone

    ran = azd.up()

    assert ran.code == 0, ran.out
    assert azd.ran == ["preprovision", "postprovision", "postdeploy"]
    assert "changed: role, privileges, application user, role given" in ran.out
    assert "a lead would get through" in ran.out
    assert "the test lead got through" in ran.out
    assert f"  {deployed.host.url}/api/leads?code=KEY\n" in ran.out
    assert len(organisation.leads()) == 1
    assert azd.outputs["LEADPIPE_IDENTITY_CLIENT_ID"] in users(organisation)
    require_no_secret(azd, ran.out, deployed.host.function_key())


def require_no_secret(azd: Azd, out: str, key: str) -> None:
    """How the key is read is printed; the key and the administrator's token are not, and stand in no command line."""
    (line,) = [line.strip() for line in out.splitlines() if line.strip().startswith("az functionapp function keys")]
    assert line.endswith("--function-name leads --subscription s-1 --query default --output tsv")
    (token,) = json.loads((azd.fake / "answers.json").read_text())["account get-access-token"]
    for secret in (key, token["accessToken"]):
        assert secret not in out
        assert not any(secret in word for call in azd.calls() for word in call)


def test_a_second_run_changes_nothing_and_ends_the_same(azd: Azd, organisation: Standin) -> None:
    first, second = azd.up(), azd.up()

    assert (first.code, second.code) == (0, 0)
    assert "nothing to change" in second.out
    assert second.out.splitlines()[-2:] == first.out.splitlines()[-2:]
    assert len(organisation.leads()) == 2  # a test lead each


def test_what_is_not_known_is_asked_once_and_kept(make_azd: Callable[..., Azd], organisation: Standin) -> None:
    azd = make_azd()
    typed = f"contoso\n{organisation.url}\nnobody\nleads@contoso.com\n"

    first, second = azd.hook("preprovision", typed), azd.hook("preprovision", "")

    assert (first.code, second.code) == (0, 0), first.out + second.out
    assert azd.environment["DATAVERSE_URL"] == organisation.url
    assert azd.environment["LEADPIPE_ALERT_EMAIL"] == "leads@contoso.com"
    assert first.out.count("Address of the Dynamics organisation") == 2  # "contoso" is no address
    assert "LEADPIPE_ALERT_EMAIL is not a mail address" in first.out
    assert "Address of" not in second.out


def test_an_empty_answer_is_kept_too(make_azd: Callable[..., Azd]) -> None:
    azd = make_azd()

    first, second = azd.hook("preprovision", "\n\n"), azd.hook("preprovision", "")

    assert (first.code, second.code) == (0, 0), first.out + second.out
    assert {azd.environment["DATAVERSE_URL"], azd.environment["LEADPIPE_ALERT_EMAIL"]} == {""}


def test_where_nobody_can_be_asked_it_says_how_to_set_the_value(make_azd: Callable[..., Azd]) -> None:
    ran = make_azd().hook("preprovision")

    assert ran.code == 1
    assert 'azd env set DATAVERSE_URL "…"' in ran.out


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda azd: azd.answer("account show", FAILED), "the Azure CLI is not signed in with an account that sees"),
        (lambda azd: (azd.fake / "azd-signed-out").touch(), "nobody is signed in to azd: `azd auth login`"),
        (lambda azd: azd.set(AZURE_ENV_NAME="contoso-marketplace-leads"), "has 25 letters, and everything is named"),
        (lambda azd: azd.set(DATAVERSE_URL="http://contoso"), "DATAVERSE_URL is not an https address"),
        (
            lambda azd: azd.set(LEADPIPE_ALERT_EMAIL="nobody"),
            "LEADPIPE_ALERT_EMAIL is not a mail address; `azd",
        ),
    ],
    ids=["az", "azd", "name", "organisation", "mail"],
)
def test_what_is_wrong_is_said_before_anything_is_made(azd: Azd, spoil: Callable[[Azd], None], says: str) -> None:
    spoil(azd)

    ran = azd.up()

    assert (ran.code, azd.ran) == (1, ["preprovision"])
    assert says in ran.out
    assert "`azd hooks run preprovision`, or `azd up`, goes on from there" in ran.out


def test_without_the_azure_cli_it_says_where_that_is_from(azd: Azd) -> None:
    (azd.fake.parent / "programs" / "az").unlink()

    ran = azd.up()

    assert (ran.code, "az is not installed, or not on the PATH" in ran.out) == (1, True)


def test_roles_that_spread_late_are_waited_for(azd: Azd) -> None:
    azd.answer("role assignment list", [], [], [{"roleDefinitionName": "Storage Blob Data Owner"}])
    azd.answer("storage queue list", {"ERROR": NOT_YET}, {"ERROR": NOT_YET}, [])

    ran = azd.hook("postprovision")

    assert ran.code == 0, ran.out
    assert ran.out.count("it is not given yet; waiting for at most 600 s") == 1
    assert ran.out.count("403, the role has not spread yet") == 1
    assert [len(azd.calls("az", "storage", service, "list")) for service in ("queue", "table")] == [3, 1]
    assert len(azd.calls("az", "role", "assignment", "list")) == 3


def test_a_long_wait_is_seen_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    monkeypatch.setattr(hook, "time", SimpleNamespace(monotonic=lambda: passed[0], sleep=sleep))

    hook.wait_until(lambda: "403" if passed[0] < 150 else "", "your role counts")

    first, second, third, last = capsys.readouterr().out.splitlines()
    assert first == "… your role counts: 403; waiting for at most 600 s"
    assert [line.partition("; ")[2] for line in (second, third)] == ["65 s have passed", "125 s have passed"]
    assert last == "✓ your role counts, after 155 s"


def test_roles_that_never_spread_end_it_and_a_second_run_goes_on(azd: Azd) -> None:
    azd.set(LEADPIPE_DEPLOY_WAIT="1")
    azd.answer("storage table list", {"ERROR": NOT_YET})

    first = azd.up()
    azd.answer("storage table list", [])
    second = azd.hook("postprovision")

    assert (first.code, second.code) == (1, 0), second.out
    assert "still not so after" in first.out
    assert azd.ran == ["preprovision", "postprovision", "postprovision"]  # nothing was deployed


@pytest.mark.parametrize("service", ["queue", "table"])
def test_another_refusal_of_the_storage_account_is_not_waited_for(azd: Azd, service: str) -> None:
    azd.answer(f"storage {service} list", {"ERROR": "The request may be blocked by network rules of storage account."})

    ran = azd.hook("postprovision")

    assert (ran.code, "may be blocked by network rules" in ran.out) == (1, True)
    assert len(azd.calls("az", "storage", service, "list")) == 1


def test_a_step_that_failed_in_dynamics_is_gone_on_with(azd: Azd, organisation: Standin) -> None:
    organisation.fault("status", status=503, count=1, match={"method": "POST", "path": "/systemusers"})

    first = azd.hook("postdeploy")
    second = azd.hook("postdeploy")

    assert (first.code, second.code) == (1, 0), second.out
    assert "the application user in Dynamics is not as it should be" in first.out
    assert "/api/leads?code=" not in first.out
    assert "changed: application user, role given" in second.out
    assert "/api/leads?code=KEY" in second.out


def test_an_app_that_is_not_ready_is_waited_for_with_its_own_reason(azd: Azd, free_port: int) -> None:
    azd.set(LEADPIPE_DEPLOY_WAIT="2")
    azd.outputs["LEADPIPE_ENDPOINT"] = f"http://127.0.0.1:{free_port}/api/leads"

    ran = azd.hook("postdeploy")

    assert (ran.code, "it does not answer" in ran.out) == (1, True)
    assert azd.calls("az", "functionapp") == []


@pytest.fixture
def serve_health(azd_without_app: Azd) -> Iterator[Callable[[str, bool], None]]:
    """An app that answers 503 for this reason, until it is restarted if that helps."""
    servers: list[ThreadingHTTPServer] = []

    def serve(reason: str, restart_helps: bool) -> None:
        class Health(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ready = restart_helps and bool(azd_without_app.calls("az", "functionapp", "restart"))
                self.send_response(200 if ready else 503)
                self.end_headers()
                self.wfile.write(json.dumps({"error": "not_ready", "detail": reason}).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base has it
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Health)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        azd_without_app.outputs["LEADPIPE_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}/api/leads"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def azd_without_app(make_azd: Callable[..., Azd]) -> Azd:
    azd = make_azd(AZURE_FUNCTION_APP_NAME="contoso-leads-1a2b3c", AZURE_RESOURCE_GROUP="rg-test")
    azd.set(LEADPIPE_DEPLOY_WAIT="4")
    azd.answer("functionapp restart", None)
    azd.answer("functionapp config appsettings list", {"ERROR": "the test ends here"})
    return azd


UNREAD = "LEADPIPE_KEYS is an unresolved Key Vault reference: give the app's identity access to the vault"
UNSET = "LEADPIPE_KEYS is not set, so no post is taken: on Linux a reference that cannot be read is not set"


@pytest.mark.parametrize("reason", [UNREAD, UNSET])
def test_a_secret_that_the_app_could_not_read_is_read_after_a_restart(
    azd_without_app: Azd, serve_health: Callable[[str, bool], None], reason: str
) -> None:
    serve_health(reason, True)

    ran = azd_without_app.hook("postdeploy")

    assert "✓ leadpipe is ready" in ran.out, ran.out
    (restarted,) = azd_without_app.calls("az", "functionapp", "restart")
    assert {"contoso-leads-1a2b3c", "rg-test"} <= {*restarted}


@pytest.mark.parametrize(("reason", "restarts"), [(UNREAD, 1), ("the queue leads: storage_unreachable", 0)])
def test_the_app_is_restarted_once_and_only_for_a_secret(
    azd_without_app: Azd, serve_health: Callable[[str, bool], None], reason: str, restarts: int
) -> None:
    serve_health(reason, False)

    ran = azd_without_app.hook("postdeploy")

    assert (ran.code, "still not so after" in ran.out) == (1, True)
    assert len(azd_without_app.calls("az", "functionapp", "restart")) == restarts


def test_a_key_that_the_host_has_not_made_yet_is_waited_for(azd: Azd, deployed: App) -> None:
    azd.answer("functionapp function keys list", {}, FAILED, {"default": deployed.host.function_key()})

    ran = azd.hook("postdeploy")

    assert ran.code == 0, ran.out
    assert "the host has not made it yet" in ran.out


def test_after_a_change_of_the_key_the_one_that_is_left_is_used(azd: Azd, deployed: App) -> None:
    azd.answer("functionapp function keys list", {"partnercenter2": deployed.host.function_key()})

    ran = azd.hook("postdeploy")

    assert ran.code == 0, ran.out
    assert " --query partnercenter2 --output tsv\n" in ran.out


def test_a_key_whose_name_needs_quotes_is_shown_with_all_others(capsys: pytest.CaptureFixture[str]) -> None:
    app = DeployedApp(name="leads", group="group", endpoint="https://leads.azurewebsites.net/api/leads")

    print_address(app, {}, FunctionKey(name="partner-center", value="s3cret"))

    said = capsys.readouterr().out
    assert ("--query" in said, " --output json\n" in said, "s3cret" in said) == (False, True, False)


def test_a_wrong_key_ends_it_before_an_address_is_printed(azd: Azd) -> None:
    azd.answer("functionapp function keys list", {"default": "another"})

    ran = azd.hook("postdeploy")

    assert (ran.code, "the test lead did not get through" in ran.out) == (1, True)
    assert "?code=" not in ran.out


@pytest.mark.parametrize(
    ("hook", "command", "answer", "says"),
    [
        ("preprovision", "account show", {"RAW": "s3cret <html>"}, "the Azure CLI is not signed in"),
        ("preprovision", "account show", {"s3cret": 1}, "preprovision: KeyError at preprovision.py:"),
        ("postprovision", "identity show", {"s3cret": 1}, "the app's identity cannot be read: the Azure CLI answers"),
        ("postprovision", "role assignment list", {"RAW": "s3cret"}, "its answer is not JSON"),
        (
            "postdeploy",
            "functionapp config appsettings list",
            {"s3cret": 1},
            "postdeploy: TypeError at deployed_app.py:",
        ),
        ("postdeploy", "functionapp config appsettings list", None, "the app's settings cannot be read"),
        ("predown", "functionapp config appsettings list", [{"s3cret": 1}], "predown: KeyError at deployed_app.py:"),
    ],
)
def test_an_answer_in_another_form_ends_the_hook_and_is_not_shown(
    azd: Azd, hook: str, command: str, answer: Any, says: str
) -> None:
    azd.answer(command, answer)

    ran = azd.hook(hook)

    assert ran.code == 1
    assert says in ran.out
    assert "s3cret" not in ran.out
    assert "Traceback" not in ran.out


def test_an_administrator_without_rights_is_named(azd: Azd, organisation: Standin) -> None:
    organisation.configure(device_sign_in="declined")
    azd.answer("account get-access-token", FAILED)

    ran = azd.hook("postdeploy")

    assert (ran.code, "nobody was signed in" in ran.out) == (1, True)
    assert "/api/leads?code=" not in ran.out


def test_the_commands_go_by_the_apps_settings_and_not_by_azds(azd_without_dynamics: Azd) -> None:
    azd_without_dynamics.set(DATAVERSE_URL="https://contoso.crm4.dynamics.com", LEADPIPE_AUTH="keys")

    ran = azd_without_dynamics.hook("postdeploy")

    assert (ran.code, "no organisation; settings from the environment" in ran.out) == (0, True), ran.out


def test_without_an_organisation_the_lead_rests_and_that_is_said(azd_without_dynamics: Azd) -> None:
    ran = azd_without_dynamics.hook("postdeploy")

    assert ran.code == 0, ran.out
    assert "no test lead is sent: without an organisation it would rest" in ran.out
    assert "/api/leads?code=KEY" in ran.out
    assert azd_without_dynamics.calls("az", "account", "get-access-token") == []


KEYS = "partner:Wj8kPq2vTz5xLm9sNd4rHb7y"
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://kv-1.vault.azure.net/secrets/LEADPIPE-KEYS)"


@pytest.fixture
def with_own_keys(azd: Azd, start_app: Starter, organisation: Standin, storage_account: str) -> Azd:
    """The app checks the keys itself, and they are in the key vault."""
    way = organisation.ways["managed_identity_user"]
    unset = {"DATAVERSE_CLIENT_SECRET": "", "DATAVERSE_TENANT_ID": "", "DATAVERSE_CLIENT_ID": ""}
    app = start_app(storage_account, **{**way, **unset, "LEADPIPE_AUTH": "keys", "LEADPIPE_KEYS": KEYS})
    azd.outputs["LEADPIPE_ENDPOINT"] = f"{app.host.url}/api/leads"
    here = {name: text for name, text in way.items() if name not in {*unset, "IDENTITY_ENDPOINT", "IDENTITY_HEADER"}}
    notify = {"LEADPIPE_NOTIFY_URL": REFERENCE.replace("KEYS", "NOTIFY-URL")}
    own = {"LEADPIPE_AUTH": "keys", "LEADPIPE_KEYS": REFERENCE, "AzureWebJobsStorage": storage_account}
    azd.app_settings(**here, **own, **notify)
    return azd


def test_keys_in_the_key_vault_are_read_there_and_never_shown(with_own_keys: Azd) -> None:
    refused = {"ERROR": "Caller is not authorized to perform action on resource."}
    with_own_keys.answer("keyvault secret show", {"value": KEYS}, refused)

    ran = with_own_keys.hook("postdeploy")

    assert ran.code == 0, ran.out
    assert "  az keyvault secret show --id https://kv-1.vault.azure.net/secrets/LEADPIPE-KEYS --query value" in ran.out
    assert "– LEADPIPE_NOTIFY_URL is in the key vault, and you may not read it there" in ran.out
    assert KEYS.partition(":")[2] not in ran.out
    assert with_own_keys.calls("az", "functionapp", "function") == []


def test_keys_that_nobody_can_read_there_end_it_unless_azd_knows_them(with_own_keys: Azd) -> None:
    with_own_keys.answer("keyvault secret show", {"ERROR": "Caller is not authorized to perform action on resource."})

    refused = with_own_keys.hook("postdeploy")
    with_own_keys.set(LEADPIPE_KEYS=KEYS)
    known = with_own_keys.hook("postdeploy")

    assert (refused.code, known.code) == (1, 0), known.out
    assert "LEADPIPE_KEYS is in the key vault, and you may not read it there (Caller is not" in refused.out
    assert KEYS.partition(":")[2] not in known.out


def test_the_commands_reach_storage_as_the_person_and_not_as_the_app() -> None:
    addresses = {f"AzureWebJobsStorage__{each}ServiceUri": f"https://st1.{each}.core.windows.net" for each in SERVICES}
    identity = {
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": "11112222-bbbb-3333-cccc-4444dddd5555",
    }

    here = settings_here({**addresses, **identity})

    storage = Settings.from_environment(here).storage
    assert isinstance(storage, StorageByIdentity)
    assert (storage.managed, here) == (False, addresses)


SERVICES = ("blob", "queue", "table")


@pytest.mark.parametrize("missing", ["AZURE_FUNCTION_APP_NAME", "AZURE_STORAGE_ACCOUNT_NAME", "LEADPIPE_ENDPOINT"])
def test_without_what_the_template_gives_out_it_says_so(azd: Azd, missing: str) -> None:
    azd.outputs[missing] = ""

    ran = azd.hook("postprovision" if "STORAGE" in missing else "postdeploy")

    assert (ran.code, f"azd's environment has no {missing}: run `azd provision` first" in ran.out) == (1, True)
