"""The commands for Entra and the function app."""

import json
import os
import re
import shlex
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from leadpipe.model.settings import Settings
from leadpipe.operations.setup.azure_commands import commands_for
from leadpipe.operations.setup.shell import Commands
from leadpipe.operations.setup.sign_in import Known, SignInMethod

ROOT = Path(__file__).parents[4]
EXAMPLE = ROOT / "local.settings.json.example"
TODAY = date(2026, 11, 22)
CLIENT = "11112222-bbbb-3333-cccc-4444dddd5555"
KNOWN = Known(url="https://contoso.crm4.dynamics.com", tenant_id="aaaabbbb-0000-cccc-1111-dddd2222eeee")


def found(way: SignInMethod, known: Known = KNOWN) -> list[Commands]:
    return commands_for(way, known, TODAY)


def bash(way: SignInMethod, known: Known = KNOWN) -> str:
    return "\n".join(line for each in found(way, known) for line in each.bash)


def powershell(way: SignInMethod, known: Known = KNOWN) -> str:
    return "\n".join(line for each in found(way, known) for line in each.powershell or each.bash)


def given(way: SignInMethod, known: Known = KNOWN) -> dict[str, str]:
    """The settings that the commands for bash set, as bash hands them on; variables are left as they stand."""
    (line,) = [line for line in bash(way, known).splitlines() if "DATAVERSE_URL=" in line]
    words = shlex.split(line)
    pairs = [word.partition("=") for word in words[words.index("--settings") + 1 :]]
    return {name: value for name, _, value in pairs}


def taken(way: SignInMethod) -> set[str]:
    """The settings that the commands delete."""
    (line,) = [line for line in bash(way).splitlines() if "appsettings delete" in line]
    words = shlex.split(line)
    return {*words[words.index("--setting-names") + 1 :]}


@pytest.mark.parametrize("way", SignInMethod)
def test_bash_understands_every_command(way: SignInMethod) -> None:
    program = shutil.which("bash")
    if program is None:
        pytest.skip("there is no bash")
    done = subprocess.run([program, "-n"], input=bash(way), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("way", SignInMethod)
def test_every_setting_that_is_set_is_one_that_is_read(way: SignInMethod) -> None:
    assert {*given(way)} | taken(way) <= {*json.loads(EXAMPLE.read_text(encoding="utf-8"))["Values"]}


@pytest.mark.parametrize("way", SignInMethod)
def test_the_settings_choose_one_way_to_sign_in(way: SignInMethod) -> None:
    # What the shell and the platform put in.
    values = {name: CLIENT if value in {"$CLIENT", "$IDENTITY_CLIENT"} else value for name, value in given(way).items()}
    values = {name: "secret" if value.startswith("@Microsoft.") else value for name, value in values.items()}

    settings = Settings.from_environment({**values, "AzureWebJobsStorage": "UseDevelopmentStorage=true"})

    assert settings.faults == ()
    assert settings.dataverse is not None


@pytest.mark.parametrize("way", SignInMethod)
def test_what_another_way_has_set_is_taken_away(way: SignInMethod) -> None:
    chooses = {
        SignInMethod.SECRET: "DATAVERSE_CLIENT_SECRET",
        SignInMethod.CERTIFICATE: "DATAVERSE_CERTIFICATE_PATH",
        SignInMethod.MANAGED_IDENTITY: "DATAVERSE_MANAGED_IDENTITY",
        SignInMethod.PASSWORD: "DATAVERSE_USERNAME",
    }

    assert {*chooses.values()} - taken(way) == {chooses[way]}
    assert taken(way) & {*given(way)} == set()


def test_no_secret_is_shown_on_its_way_into_the_key_vault() -> None:
    (line,) = [line for line in bash(SignInMethod.SECRET).splitlines() if "credential reset" in line]
    (stored,) = [line for line in bash(SignInMethod.SECRET).splitlines() if "keyvault secret set" in line]

    assert line.startswith('PASSWORD="$(az')
    assert "--output none" in stored
    assert "--append" in line  # the one before stays good until it is taken away
    assert "--end-date 2027-11-22" in line
    assert "DATAVERSE_SECRET_EXPIRES=2027-11-22" in bash(SignInMethod.SECRET)


def test_what_is_known_is_filled_in() -> None:
    known = Known(url=KNOWN.url, client_id=CLIENT, tenant_id=KNOWN.tenant_id)

    assert f"CLIENT={CLIENT}" in bash(SignInMethod.SECRET, known)
    assert "az ad app create" not in bash(SignInMethod.SECRET, known)
    assert "az ad app create" in bash(SignInMethod.SECRET)


def test_the_identity_that_the_template_made_is_asked_for_its_client_id() -> None:
    assert 'az identity show --ids "$IDENTITY" --query clientId' in bash(SignInMethod.MANAGED_IDENTITY)
    assert given(SignInMethod.MANAGED_IDENTITY)["DATAVERSE_MANAGED_IDENTITY"] == "$IDENTITY_CLIENT"


def test_a_system_identity_of_the_settings_stays_the_apps_identity() -> None:
    known = Known(url=KNOWN.url, identity="system")

    assert "az ad sp show" in bash(SignInMethod.MANAGED_IDENTITY, known)
    assert given(SignInMethod.MANAGED_IDENTITY, known)["DATAVERSE_MANAGED_IDENTITY"] == "system"


@pytest.mark.parametrize("line", ["APP", "IDENTITY"])
def test_beside_a_console_the_app_and_its_own_identity_are_taken(line: str) -> None:
    (command,) = [each for each in bash(SignInMethod.SECRET).splitlines() if each.startswith(f'{line}="$(az ')]

    assert '--query "sort_by([], &name)[0].' in command


def test_powershell_sets_its_variables_its_own_way_and_quotes_brackets_twice() -> None:
    lines = [line for each in found(SignInMethod.SECRET) for line in each.powershell]

    assert '$NAME = "contoso-leads"' in lines
    assert (
        '$APP = "$(az functionapp list --resource-group "$GROUP" --query "sort_by([], &name)[0].name" --output tsv)"'
        in lines
    )
    (settings,) = [line for line in lines if "@Microsoft.KeyVault(" in line]
    assert settings.endswith(')`""')


def test_a_user_assigned_identity_is_the_one_that_is_assigned_and_shown() -> None:
    known = Known(url=KNOWN.url, identity=CLIENT)
    lines = bash(SignInMethod.MANAGED_IDENTITY, known)

    assert f"[?clientId=='{CLIENT}'].id" in lines
    assert '--identities "$IDENTITY"' in lines
    assert 'az identity show --ids "$IDENTITY"' in lines
    assert "functionapp identity show" not in lines
    assert given(SignInMethod.MANAGED_IDENTITY, known)["DATAVERSE_MANAGED_IDENTITY"] == CLIENT


@pytest.mark.parametrize(
    ("authority", "domain"),
    [
        ("https://login.microsoftonline.us", "vault.usgovcloudapi.net"),
        ("https://login.partner.microsoftonline.cn", "vault.azure.cn"),
        ("https://login.contoso.com", "vault.azure.net"),
    ],
)
def test_another_sign_in_host_is_set_and_the_key_vault_is_its_clouds(authority: str, domain: str) -> None:
    known = Known(url=KNOWN.url, authority=authority)

    assert given(SignInMethod.CERTIFICATE, known)["DATAVERSE_AUTHORITY"] == authority
    assert f"https://${{VAULT}}.{domain}/secrets/" in bash(SignInMethod.SECRET, known)
    assert f"https://${{VAULT}}.{domain}/secrets/" in powershell(SignInMethod.SECRET, known)
    assert "DATAVERSE_AUTHORITY" not in given(SignInMethod.SECRET)


def test_a_user_name_that_is_not_known_is_filled_in_at_the_top() -> None:
    first, *rest = found(SignInMethod.PASSWORD)

    assert first.title.startswith("fill in")
    assert any(line.startswith("ACCOUNT=") for line in first.bash)
    assert given(SignInMethod.PASSWORD)["DATAVERSE_USERNAME"] == "$ACCOUNT"
    assert "contoso.onmicrosoft.com" not in "".join(line for each in rest for line in each.bash)
    named = Known(url=KNOWN.url, username="leads@contoso.com")
    assert "ACCOUNT" not in bash(SignInMethod.PASSWORD, named)


@pytest.mark.parametrize("name", ["o'hara@contoso.com", "a$(id)!b`id`", 'a"b', "$HOME\\ x;&|"])
def test_a_value_is_no_more_than_its_text_to_either_shell(name: str) -> None:
    known = Known(url=KNOWN.url, client_id=CLIENT, tenant_id=KNOWN.tenant_id, username=name)
    quoted = name.replace("'", "''")

    assert given(SignInMethod.PASSWORD, known)["DATAVERSE_USERNAME"] == name
    assert f" 'DATAVERSE_USERNAME={quoted}' " in powershell(SignInMethod.PASSWORD, known)


def test_bash_hands_a_hostile_value_on_unchanged(tmp_path: Path) -> None:
    program = shutil.which("bash")
    if program is None:
        pytest.skip("there is no bash")
    name = """it's "$(touch hit)" `touch hit` !x $HOME"""
    lines = bash(SignInMethod.PASSWORD, Known(url=KNOWN.url, username=name)).splitlines()
    (line,) = [each for each in lines if "_URL=" in each]
    script = 'az() { printf "%s\\n" "$@"; }\n' + line

    done = subprocess.run([program], input=script, text=True, capture_output=True, check=True, cwd=tmp_path)

    assert f"DATAVERSE_USERNAME={name}" in done.stdout.splitlines()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", [SignInMethod.SECRET, SignInMethod.PASSWORD])
def test_the_key_vault_is_made_and_opened_before_it_is_written(way: SignInMethod) -> None:
    lines = bash(way)
    order = ["az keyvault create", "Key Vault Secrets Officer", "Key Vault Secrets User", "az keyvault secret set"]

    assert sorted(order, key=lines.index) == order


@pytest.mark.parametrize("secret", ["-rf", "@file", "a'b\"c $(id)", "%s\\n"])
def test_whatever_a_password_begins_with_it_reaches_the_key_vault_whole(secret: str, tmp_path: Path) -> None:
    program = shutil.which("bash")
    if program is None:
        pytest.skip("there is no bash")
    lines = next(each.bash for each in found(SignInMethod.PASSWORD) if "keyvault secret set" in "".join(each.bash))
    script = tmp_path / "script"
    script.write_text("\n".join(['az() { cat; printf "|%s" "$@"; }', *lines]))

    done = subprocess.run([program, script], input=secret + "\n", text=True, capture_output=True, check=True)

    value, *arguments = done.stdout.lstrip("\n").split("|")
    assert value == secret
    assert secret not in arguments
    assert "read -r -s -p" in lines[0]
    assert '--file "$FILE"' in powershell(SignInMethod.PASSWORD)


@pytest.mark.parametrize("way", SignInMethod)
def test_it_makes_what_azd_makes_and_nothing_of_the_plan_that_ends(way: SignInMethod) -> None:
    lines = bash(way) + powershell(way)

    assert "--template-file infra/leadpipe.bicep" in lines
    assert f"dataverseUrl={KNOWN.url}" in lines
    assert 'alertEmail="$MAIL"' in lines
    for old in (
        "functionapp create",
        "--consumption-plan-location",
        "WEBSITE_LOAD_CERTIFICATES",
        "identity show --name",
    ):
        assert old not in lines


def test_app_code_may_read_the_certificate_by_the_upload_itself() -> None:
    (upload,) = [line for line in bash(SignInMethod.CERTIFICATE).splitlines() if "ssl upload" in line]

    assert "--load-to-code true" in upload


@pytest.mark.parametrize("way", SignInMethod)
def test_a_second_key_is_made_and_read_and_the_first_deleted_in_another_step(way: SignInMethod) -> None:
    *_, second, first = found(way)
    (made, read), (deleted,) = second.bash, first.bash

    assert "keys set" in made
    assert "--key-value" not in made
    assert ("keys list" in read, read.endswith("--query partnercenter2 --output tsv")) == (True, True)
    assert ("keys delete" in deleted, "--key-name default" in deleted) == (True, True)


def test_the_private_key_does_not_stay_on_the_disk() -> None:
    assert bash(SignInMethod.CERTIFICATE).index("ssl upload") < bash(SignInMethod.CERTIFICATE).index(
        'rm -r "$PEM" "$DIR"'
    )
    assert "Remove-Item -Recurse $PEM, $DIR" in powershell(SignInMethod.CERTIFICATE)


AZ = r"""
openssl() { printf 'openssl %s\n' "$*" >> "$LOG"; command openssl "$@" 2>> "$LOG"; }
az() {
    printf 'az %s\n' "$*" >> "$LOG"
    case "$*" in
        *--create-cert*)
            openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout "$HOME/key" -out "$HOME/certificate"
            cat "$HOME/key" "$HOME/certificate" > "$HOME/made.pem"
            printf %s "$HOME/made.pem" ;;
        *"ssl upload"*)
            stat -c '%a' "$DIR" "$PEM" >> "$LOG"
            command openssl pkcs12 -in "$DIR/client.pfx" -passin "file:$DIR/password" -noout -info 2>> "$LOG"
            cat "$DIR/password" >&2 ;;
    esac
}
"""


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("openssl")), reason="needs bash and openssl")
def test_only_its_owner_can_read_the_certificate_and_no_command_line_has_its_password(
    tmp_path: Path,
) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    log = tmp_path / "log"
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LOG": str(log), "TMPDIR": str(tmp_path)}
    steps = [each.bash for each in found(SignInMethod.CERTIFICATE) if "PEM" in "".join(each.bash)]
    script = "\n".join(["set -eu", AZ, "CLIENT=x APP=a GROUP=g", *(line for step in steps for line in step)])

    done = subprocess.run(
        ["bash"], input=script, text=True, capture_output=True, check=True, cwd=project, env=environment
    )

    (password,) = done.stderr.split()
    told = log.read_text()
    assert len(password) == 48
    assert password not in told
    assert [line for line in told.splitlines() if line.isdigit()] == ["700", "600"]
    assert told.count("pbeWithSHA1And3-KeyTripleDES-CBC") == 2  # the key and the certificate: Azure takes no other
    assert [*project.iterdir()] == []
    assert not (home / "made.pem").exists()


# What may stand behind an option that takes a secret: a file, a variable's name, or nothing that is secret.
_SECRET_OPTION = re.compile(
    r"(--(?:certificate-)?password|--client-secret|--secret|--value|--key-value|--account-key|-pass(?:in|out)?)[ =]"
    r"(?![\"']?(?:@|file:|env:|stdin|fd:))"
)


@pytest.mark.parametrize("way", SignInMethod)
def test_no_printed_command_has_a_secret_in_its_line(way: SignInMethod) -> None:
    for line in (bash(way) + "\n" + powershell(way)).splitlines():
        assert not _SECRET_OPTION.search(line), line
        if "$PASSWORD" in line:  # a variable of the shell's own, handed on by what is part of the shell
            assert line.startswith(("printf %s ", "[IO.File]::WriteAllText", "$PASSWORD = ")), line


def test_no_command_of_the_documents_has_one_either() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for line in document.read_text(encoding="utf-8").splitlines():
            assert not re.search(r"\b(az|openssl|func|leadpipe|curl)\b.*" + _SECRET_OPTION.pattern, line), line
