"""Writes the Azure CLI commands for Entra and the function app, for people who want to see them before running them.

A secret goes from Entra into the key vault without being shown. Variables are set once, because there the two shells
differ; PowerShell also needs double quotes around a value with parentheses.
https://learn.microsoft.com/cli/azure/reference-index
https://learn.microsoft.com/cli/azure/use-azure-cli-successfully-powershell
"""

from collections.abc import Iterable
from datetime import date, timedelta

from leadpipe.model.settings import DEFAULT_AUTHORITY
from leadpipe.operations.setup.shell import Commands, Expanded, for_bash, for_powershell, variable
from leadpipe.operations.setup.sign_in import SETTINGS_OF, Known, SignInMethod
from leadpipe.operations.setup.vault_commands import ON_APP, PRINCIPAL, reference, stored, vault

SECRET_LIFETIME = timedelta(days=365)
# Dynamics CRM in every directory, and its permission user_impersonation.
_DYNAMICS = "00000007-0000-0000-c000-000000000000"
_IMPERSONATION = "78ce3f0f-a1ce-49c2-8cde-64b5c0896db4"
_SET = f"az functionapp config appsettings set {ON_APP} --output none --settings"
_TENANT = Expanded("DATAVERSE_TENANT_ID=$(az account show --query tenantId --output tsv)")
_CLIENT = Expanded("DATAVERSE_CLIENT_ID=$CLIENT")


def commands_for(sign_in: SignInMethod, known: Known, today: date) -> list[Commands]:
    return [_names(sign_in, known), *_of(sign_in, known, today), _other_methods(sign_in), _function_key()]


def _of(sign_in: SignInMethod, known: Known, today: date) -> list[Commands]:
    ends = today + SECRET_LIFETIME
    match sign_in:
        case SignInMethod.MANAGED_IDENTITY:
            return [_identity(known), _settings(known, [f"DATAVERSE_MANAGED_IDENTITY={known.identity or 'system'}"])]
        case SignInMethod.SECRET:
            settings = [*_application(known), f"DATAVERSE_SECRET_EXPIRES={ends.isoformat()}"]
            secret = _settings(known, settings, "DATAVERSE_CLIENT_SECRET")
            return [*_registration(known), *vault(), _secret(ends), secret]
        case SignInMethod.CERTIFICATE:
            path = Expanded("DATAVERSE_CERTIFICATE_PATH=/var/ssl/private/$THUMBPRINT.p12")
            return [*_registration(known), *_certificate(), _settings(known, [*_application(known), path])]
        case SignInMethod.PASSWORD:
            name = f"DATAVERSE_USERNAME={known.username}" if known.username else Expanded("DATAVERSE_USERNAME=$ACCOUNT")
            settings = [*_application(known), name, f"DATAVERSE_PASSWORD_CHANGED={today.isoformat()}"]
            password = _settings(known, settings, "DATAVERSE_PASSWORD")
            return [*_registration(known), _public_client(), *vault(), _password(), password]


def _names(sign_in: SignInMethod, known: Known) -> Commands:
    given = {"APP": "contoso-leads", "GROUP": "contoso-leads-group"}
    what = ["your function app", "its resource group"]
    if sign_in in {SignInMethod.SECRET, SignInMethod.PASSWORD}:
        given["VAULT"] = "contoso-leads-vault"
        what.append("its key vault")
    if sign_in is SignInMethod.PASSWORD and not known.username:
        given["ACCOUNT"] = "leads@contoso.onmicrosoft.com"
        what.append("the account that signs in")
    return Commands(
        title=f"fill in the names of {', '.join(what)}",
        bash=tuple(f"{name}={value}" for name, value in given.items()),
        powershell=tuple(f'${name} = "{value}"' for name, value in given.items()),
    )


def _registration(known: Known) -> list[Commands]:
    if known.client_id:
        return [variable("the application", "CLIENT", known.client_id)]
    create = "az ad app create --display-name leadpipe --sign-in-audience AzureADMyOrg --query appId --output tsv"
    noted = Expanded(f"$({create})")
    return [
        variable("register the application, and note its client id", "CLIENT", noted, shown=True),
        Commands(title="make it an enterprise application", bash=('az ad sp create --id "$CLIENT" --output none',)),
    ]


def _secret(ends: date) -> Commands:
    made = (
        'az ad app credential reset --id "$CLIENT" --append --display-name leadpipe '
        f"--end-date {ends.isoformat()} --query password --output tsv"
    )
    bash, powershell = stored("DATAVERSE-CLIENT-SECRET")
    return Commands(
        title=f"a client secret that ends on {ends.isoformat()}, straight into the key vault",
        bash=(f'PASSWORD="$({made})"', *bash),
        powershell=(f'$PASSWORD = "$({made})"', *powershell),
    )


def _certificate() -> list[Commands]:
    """Makes the certificate in a folder that only its owner can open, and deletes it after the upload.

    The PFX has a password only for the upload: the platform gives the app the certificate without one. OpenSSL and the
    Azure CLI read the password from a file, since the list of processes shows command lines.
    https://learn.microsoft.com/cli/azure/use-azure-cli-successfully-tips#load-parameter-values-from-a-file
    """
    made = 'az ad app credential reset --id "$CLIENT" --append --create-cert --years 1'
    registered = f"{made} --query fileWithCertAndPrivateKey --output tsv"
    lines = (
        'openssl rand -hex -out "$DIR/password" 24',
        'openssl pkcs12 -export -in "$PEM" -out "$DIR/client.pfx" -passout "file:$DIR/password"',
    )
    uploaded = (
        f'az functionapp config ssl upload {ON_APP} --certificate-file "$DIR/client.pfx"'
        ' --certificate-password "@$DIR/password" --query thumbprint --output tsv'
    )
    load = f'{_SET} "WEBSITE_LOAD_CERTIFICATES=$THUMBPRINT"'
    return [
        Commands(
            title="a certificate: made and registered, turned into a PFX with a password, given to the app",
            bash=(
                'DIR="$(mktemp -d)"',
                f'PEM="$(umask 077; {registered})"',
                *lines,
                f'THUMBPRINT="$({uploaded})"',
                load,
            ),
            powershell=(
                "$DIR = [IO.Directory]::CreateTempSubdirectory().FullName",
                f'$PEM = "$({registered})"',
                *lines,
                f'$THUMBPRINT = "$({uploaded})"',
                load,
            ),
        ),
        Commands(
            title="once it is uploaded: delete the private key that is left on this disk, as PEM and as PFX",
            bash=('rm -r "$PEM" "$DIR"',),
            powershell=("Remove-Item -Recurse $PEM, $DIR",),
        ),
    ]


def _password() -> Commands:
    bash, powershell = stored("DATAVERSE-PASSWORD")
    return Commands(
        title="the account's password into the key vault; run the first line alone: it asks, and shows nothing",
        bash=('read -r -s -p "password of the account: " PASSWORD; echo', *bash),
        powershell=('$PASSWORD = Read-Host -MaskInput "password of the account"', *powershell),
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


def _identity(known: Known) -> Commands:
    if not known.identity:
        return Commands(
            title="give the app its identity, and read the application id that --client-id takes",
            bash=(
                f"az functionapp identity assign {ON_APP} --output none",
                f'az ad sp show --id "$({PRINCIPAL})" --query appId --output tsv',
            ),
        )
    # The caller has checked that it is an id; Azure writes ids in lower case.
    listed = f"az identity list --query \"[?clientId=='{known.identity.lower()}'].id\" --output tsv"
    lines = (
        f'az functionapp identity assign {ON_APP} --output none --identities "$IDENTITY"',
        'az identity show --ids "$IDENTITY" --query clientId --output tsv',
    )
    return Commands(
        title="give the app the user-assigned identity of the settings; the last line shows its client id again",
        bash=(f'IDENTITY="$({listed})"', *lines),
        powershell=(f'$IDENTITY = "$({listed})"', *lines),
    )


def _application(known: Known) -> list[str]:
    return [f"DATAVERSE_TENANT_ID={known.tenant_id}" if known.tenant_id else _TENANT, _CLIENT]


def _settings(known: Known, values: Iterable[str], in_vault: str = "") -> Commands:
    """`values`: as NAME=VALUE. `in_vault`: the setting whose value is in the key vault."""
    authority = [f"DATAVERSE_AUTHORITY={known.authority}"] if known.authority != DEFAULT_AUTHORITY else []
    plain = [f"DATAVERSE_URL={known.url}", *authority, *values, "PYTHON_THREADPOOL_THREAD_COUNT=32"]
    bash = [for_bash(each) for each in plain]
    powershell = [for_powershell(each) for each in plain]
    if in_vault:
        secret = reference(in_vault, known.authority)
        bash.append(for_bash(secret))
        powershell.append(f'"`"{secret}`""')
    return Commands(
        title="the app's settings",
        bash=(f"{_SET} {' '.join(bash)}",),
        powershell=(f"{_SET} {' '.join(powershell)}",),
    )


def _other_methods(sign_in: SignInMethod) -> Commands:
    """Deletes the settings of all other methods, because nobody knows which of them the app has."""
    names = [name for other, names in SETTINGS_OF.items() if other is not sign_in for name in names]
    command = f"az functionapp config appsettings delete {ON_APP} --output none --setting-names {' '.join(names)}"
    return Commands(title="delete the other sign-in settings: with two ways to sign in all leads wait", bash=(command,))


def _function_key() -> Commands:
    key = f"az functionapp function keys list {ON_APP} --function-name leads --query default --output tsv"
    return Commands(
        title="the key of the endpoint, for Partner Center: https://(app).azurewebsites.net/api/leads?code=(key)",
        bash=(key,),
    )
