"""What is done in Entra and on the function app, as exact commands of the Azure CLI: for who prefers to see them first.

A secret goes from Entra into the key vault without being shown. Variables are set once, since that is where the two
shells differ; PowerShell also wants brackets in a value quoted twice.
https://learn.microsoft.com/cli/azure/reference-index
https://learn.microsoft.com/cli/azure/use-azure-cli-successfully-powershell
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

SECRET_LIFETIME = timedelta(days=365)
# Dynamics CRM in every directory, and its permission user_impersonation.
_DYNAMICS = "00000007-0000-0000-c000-000000000000"
_IMPERSONATION = "78ce3f0f-a1ce-49c2-8cde-64b5c0896db4"
_ON_APP = '--name "$APP" --resource-group "$GROUP"'
_READ_HOST = '$PASSWORD = Read-Host -MaskInput "password"'
_VAULT_REFERENCE = "@Microsoft.KeyVault(SecretUri=https://$VAULT.vault.azure.net/secrets/"


class Way(StrEnum):
    """How the app signs in; the words of the command line."""

    MANAGED_IDENTITY = "managed-identity"
    SECRET = "secret"  # noqa: S105 - the way's name
    CERTIFICATE = "certificate"
    PASSWORD = "password"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """A step in Azure. `powershell` only where it is not the same."""

    title: str
    bash: tuple[str, ...]
    powershell: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known already; what is empty becomes a variable to fill in. `identity`: of a user-assigned one."""

    url: str
    client_id: str = ""
    tenant_id: str = ""
    username: str = ""
    identity: str = ""


def commands_for(way: Way, known: Known, today: date) -> list[Commands]:
    ends = today + SECRET_LIFETIME
    match way:
        case Way.MANAGED_IDENTITY:
            middle = [_identity(), _settings(_of_identity(known))]
        case Way.SECRET:
            settings = _of_application(known) | {"DATAVERSE_SECRET_EXPIRES": ends.isoformat()}
            middle = [*_registration(known), *_vault(), _secret(ends), _settings(settings, "DATAVERSE_CLIENT_SECRET")]
        case Way.CERTIFICATE:
            settings = _of_application(known) | {"DATAVERSE_CERTIFICATE_PATH": "/var/ssl/private/$THUMBPRINT.p12"}
            middle = [*_registration(known), _certificate(), _settings(settings)]
        case Way.PASSWORD:
            settings = _of_application(known) | {
                "DATAVERSE_USERNAME": known.username or "leads@contoso.onmicrosoft.com",
                "DATAVERSE_PASSWORD_CHANGED": today.isoformat(),
            }
            middle = [*_registration(known), _public_client(), *_vault(), _password()]
            middle.append(_settings(settings, "DATAVERSE_PASSWORD"))
    return [_names(), *middle, _function_key()]


def _names() -> Commands:
    given = {"APP": "contoso-leads", "GROUP": "contoso-leads-group", "VAULT": "contoso-leads-vault"}
    return Commands(
        title="names of your function app, its resource group and, where there is one, its key vault",
        bash=tuple(f"{name}={value}" for name, value in given.items()),
        powershell=tuple(f'${name} = "{value}"' for name, value in given.items()),
    )


def _registration(known: Known) -> list[Commands]:
    if known.client_id:
        return [_variable("the application", "CLIENT", f'"{known.client_id}"')]
    create = "az ad app create --display-name leadpipe --sign-in-audience AzureADMyOrg --query appId --output tsv"
    return [
        _variable("register the application, and note its client id", "CLIENT", f'"$({create})"'),
        Commands(title="make it an enterprise application", bash=('az ad sp create --id "$CLIENT" --output none',)),
    ]


def _variable(title: str, name: str, value: str) -> Commands:
    show = f'echo "${name}"'
    return Commands(title=title, bash=(f"{name}={value}", show), powershell=(f"${name} = {value}", show))


def _secret(ends: date) -> Commands:
    made = (
        'az ad app credential reset --id "$CLIENT" --append --display-name leadpipe '
        f"--end-date {ends.isoformat()} --query password --output tsv"
    )
    stored = 'az keyvault secret set --vault-name "$VAULT" --name DATAVERSE-CLIENT-SECRET --output none'
    return Commands(
        title=f"a client secret that ends on {ends.isoformat()}, straight into the key vault",
        bash=(f'{stored} --value "$({made})"',),
    )


def _vault() -> list[Commands]:
    """The app reads the vault as its own identity."""
    principal = f"az functionapp identity show {_ON_APP} --query principalId --output tsv"
    scope = 'az keyvault show --name "$VAULT" --query id --output tsv'
    to_read = 'az role assignment create --role "Key Vault Secrets User" --output none'
    lines = (
        f"az functionapp identity assign {_ON_APP} --output none",
        f'{to_read} --assignee "$({principal})" --scope "$({scope})"',
    )
    return [Commands(title="let the app read the key vault's secrets", bash=lines)]


def _certificate() -> Commands:
    made = 'az ad app credential reset --id "$CLIENT" --append --create-cert --years 1'
    upload = f"az functionapp config ssl upload {_ON_APP} --certificate-file client.pfx --certificate-password"
    load = f"az functionapp config appsettings set {_ON_APP} --output none --settings"
    lines = (
        f'PEM="$({made} --query fileWithCertAndPrivateKey --output tsv)"',
        'openssl pkcs12 -export -in "$PEM" -out client.pfx',
        "read -r -s PASSWORD",
        f'THUMBPRINT="$({upload} "$PASSWORD" --query thumbprint --output tsv)"',
        f'{load} "WEBSITE_LOAD_CERTIFICATES=$THUMBPRINT"',
    )
    return Commands(
        title="a certificate: made and registered, turned into a PFX with a password, given to the app",
        bash=lines,
        powershell=(f"$PEM = {lines[0][4:]}", lines[1], _READ_HOST, f"$THUMBPRINT = {lines[3][11:]}", lines[4]),
    )


def _password() -> Commands:
    stored = 'az keyvault secret set --vault-name "$VAULT" --name DATAVERSE-PASSWORD --output none --value "$PASSWORD"'
    return Commands(
        title="the account's password, typed unseen, into the key vault",
        bash=("read -r -s PASSWORD", stored),
        powershell=(_READ_HOST, stored),
    )


def _public_client() -> Commands:
    return Commands(
        title="let the application sign accounts in to Dynamics",
        bash=(
            'az ad app update --id "$CLIENT" --is-fallback-public-client true',
            f'az ad app permission add --id "$CLIENT" --api {_DYNAMICS} --api-permissions {_IMPERSONATION}=Scope',
            'az ad app permission admin-consent --id "$CLIENT"',
        ),
    )


def _identity() -> Commands:
    principal = f"az functionapp identity show {_ON_APP} --query principalId --output tsv"
    return Commands(
        title="give the app its identity, and read the application id that --client-id takes",
        bash=(
            f"az functionapp identity assign {_ON_APP} --output none",
            f'az ad sp show --id "$({principal})" --query appId --output tsv',
        ),
    )


def _of_application(known: Known) -> dict[str, str]:
    tenant = known.tenant_id or "$(az account show --query tenantId --output tsv)"
    return {"DATAVERSE_URL": known.url, "DATAVERSE_TENANT_ID": tenant, "DATAVERSE_CLIENT_ID": "$CLIENT"}


def _of_identity(known: Known) -> dict[str, str]:
    return {"DATAVERSE_URL": known.url, "DATAVERSE_MANAGED_IDENTITY": known.identity or "system"}


def _settings(values: Mapping[str, str], in_vault: str = "") -> Commands:
    """`in_vault`: the setting whose value is in the key vault, under its name with dashes."""
    threads = {"PYTHON_THREADPOOL_THREAD_COUNT": "32"}
    plain = [f'"{name}={value}"' for name, value in {**values, **threads}.items()]
    start = f"az functionapp config appsettings set {_ON_APP} --output none --settings"
    title = "the app's settings"
    if not in_vault:
        return Commands(title=title, bash=(f"{start} {' '.join(plain)}",))
    reference = f"{in_vault}={_VAULT_REFERENCE}{in_vault.replace('_', '-')})"
    return Commands(
        title=title,
        bash=(f'{start} {" ".join(plain)} "{reference}"',),
        powershell=(f'{start} {" ".join(plain)} "`"{reference.replace("$VAULT", "${VAULT}")}`""',),
    )


def _function_key() -> Commands:
    key = f"az functionapp function keys list {_ON_APP} --function-name leads --query default --output tsv"
    return Commands(
        title="the key of the endpoint, for Partner Center: https://(app).azurewebsites.net/api/leads?code=(key)",
        bash=(key,),
    )
