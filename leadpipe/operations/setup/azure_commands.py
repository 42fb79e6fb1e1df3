"""Writes the commands for Entra and the function app, for people who want to see them before running them.

They make what `azd up` makes, by the same template: a Flex Consumption app with an identity of its own and no secret. A
secret goes from Entra into the key vault without being shown. Variables are set once, because there the two shells
differ; PowerShell also needs double quotes around a value with parentheses.
https://learn.microsoft.com/cli/azure/reference-index
https://learn.microsoft.com/cli/azure/use-azure-cli-successfully-powershell
"""

from collections.abc import Iterable
from datetime import date, timedelta

from leadpipe.model.settings import DEFAULT_AUTHORITY
from leadpipe.operations.setup.shell import Commands, Expanded, for_bash, for_powershell, variable
from leadpipe.operations.setup.sign_in import SETTINGS_OF, SYSTEM, Known, SignInMethod
from leadpipe.operations.setup.vault_commands import ON_APP, reference, stored, vault

# Without a hyphen: --query would need quotes around it, which the shells hand on differently.
SECOND_KEY = "partnercenter2"
SECRET_LIFETIME = timedelta(days=365)
# Dynamics CRM in every directory, and its permission user_impersonation.
_DYNAMICS = "00000007-0000-0000-c000-000000000000"
_IMPERSONATION = "78ce3f0f-a1ce-49c2-8cde-64b5c0896db4"
_SET = f"az functionapp config appsettings set {ON_APP} --output none --settings"
_TENANT = Expanded("DATAVERSE_TENANT_ID=$(az account show --query tenantId --output tsv)")
_CLIENT = Expanded("DATAVERSE_CLIENT_ID=$CLIENT")
_IDENTITY = Expanded("DATAVERSE_MANAGED_IDENTITY=$IDENTITY_CLIENT")
_TRIPLE_DES = "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg SHA1"
# https://learn.microsoft.com/azure/app-service/configure-ssl-certificate-in-code
_CERTIFICATE = Expanded("DATAVERSE_CERTIFICATE_PATH=/var/ssl/private/$THUMBPRINT.p12")


def commands_for(sign_in: SignInMethod, known: Known, today: date) -> list[Commands]:
    made = [_names(sign_in, known), _made(known), _found(known)]
    return [*made, *_of(sign_in, known, today), _other_methods(sign_in), _function_key(), *_second_key()]


def _of(sign_in: SignInMethod, known: Known, today: date) -> list[Commands]:
    ends = today + SECRET_LIFETIME
    match sign_in:
        case SignInMethod.MANAGED_IDENTITY:
            named = f"DATAVERSE_MANAGED_IDENTITY={known.identity}" if known.identity else _IDENTITY
            return [_identity(known), _settings(known, [named])]
        case SignInMethod.SECRET:
            settings = [*_application(known), f"DATAVERSE_SECRET_EXPIRES={ends.isoformat()}"]
            secret = _settings(known, settings, "DATAVERSE_CLIENT_SECRET")
            return [*_registration(known), *vault(), _secret(ends), secret]
        case SignInMethod.CERTIFICATE:
            return [*_registration(known), *_certificate(), _settings(known, [*_application(known), _CERTIFICATE])]
        case SignInMethod.PASSWORD:
            name = f"DATAVERSE_USERNAME={known.username}" if known.username else Expanded("DATAVERSE_USERNAME=$ACCOUNT")
            settings = [*_application(known), name, f"DATAVERSE_PASSWORD_CHANGED={today.isoformat()}"]
            password = _settings(known, settings, "DATAVERSE_PASSWORD")
            return [*_registration(known), _public_client(), *vault(), _password(), password]


def _names(sign_in: SignInMethod, known: Known) -> Commands:
    given = {
        "NAME": "contoso-leads",
        "GROUP": "contoso-leads-group",
        "LOCATION": "westeurope",
        "MAIL": "leads@contoso.com",
    }
    what = ["what is made (at most 17 letters)", "its resource group", "the region", "the receiver of alerts"]
    if sign_in in {SignInMethod.SECRET, SignInMethod.PASSWORD}:
        given["VAULT"] = "contoso-leads-vault"
        what.append("its key vault")
    if sign_in is SignInMethod.PASSWORD and not known.username:
        given["ACCOUNT"] = "leads@contoso.onmicrosoft.com"
        what.append("the account that signs in")
    return Commands(
        title=f"fill in the names of {', '.join(what)}; a group that exists keeps its region",
        bash=tuple(f"{name}={value}" for name, value in given.items()),
        powershell=tuple(f'${name} = "{value}"' for name, value in given.items()),
    )


def _made(known: Known) -> Commands:
    """The template sets the sign-in by identity; the settings for another one come further below."""
    person = "$(az ad signed-in-user show --query id --output tsv)"
    deploy = 'az deployment group create --resource-group "$GROUP" --template-file infra/leadpipe.bicep --output none'
    named = f'--parameters environmentName="$NAME" alertEmail="$MAIL" operatorPrincipalId="{person}"'
    title = "in leadpipe's folder: make everything, by its template; if the app is there already, leave this out"
    group = 'az group create --name "$GROUP" --location "$LOCATION" --output none'
    return Commands(
        title=title,
        bash=(group, f"{deploy} {named} {for_bash(f'dataverseUrl={known.url}')}"),
        powershell=(group, f"{deploy} {named} {for_powershell(f'dataverseUrl={known.url}')}"),
    )


def _found(known: Known) -> Commands:
    """Reads the names that the template chose, and puts leadpipe there."""
    # The caller has checked that it is an id; Azure writes ids in lower case.
    which = (
        f"[?clientId=='{known.identity.lower()}'].id"
        if known.identity not in {"", SYSTEM}
        else "sort_by([], &name)[0].id"
    )
    found = {
        # Sorted, the app and its identity come before those of the console, whose names are longer.
        "APP": 'az functionapp list --resource-group "$GROUP" --query "sort_by([], &name)[0].name" --output tsv',
        "IDENTITY": f'az identity list --resource-group "$GROUP" --query "{which}" --output tsv',
    }
    publish = 'func azure functionapp publish "$APP" --python'
    return Commands(
        title="the app and its identity, and leadpipe put there; with several in the group, name yours instead",
        bash=(*(f'{name}="$({command})"' for name, command in found.items()), publish),
        powershell=(*(f'${name} = "$({command})"' for name, command in found.items()), publish),
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
    Azure CLI read the password from a file, since the list of processes shows command lines. The platform takes a PFX
    in triple DES only, which newer versions of OpenSSL have to be asked for. On Flex Consumption the upload itself says
    that the app's code may read the certificate; there is no app setting for it.
    https://learn.microsoft.com/cli/azure/use-azure-cli-successfully-tips#load-parameter-values-from-a-file
    https://learn.microsoft.com/azure/app-service/configure-ssl-certificate#private-certificate-requirements
    """
    made = 'az ad app credential reset --id "$CLIENT" --append --create-cert --years 1'
    registered = f"{made} --query fileWithCertAndPrivateKey --output tsv"
    lines = (
        'openssl rand -hex -out "$DIR/password" 24',
        f'openssl pkcs12 -export -in "$PEM" -out "$DIR/client.pfx" -passout "file:$DIR/password" {_TRIPLE_DES}',
    )
    uploaded = (
        f'az functionapp config ssl upload {ON_APP} --certificate-file "$DIR/client.pfx"'
        ' --certificate-password "@$DIR/password" --load-to-code true --query thumbprint --output tsv'
    )
    return [
        Commands(
            title="a certificate: made and registered, turned into a PFX with a password, given to the app",
            bash=(
                'DIR="$(mktemp -d)"',
                f'PEM="$(umask 077; {registered})"',
                *lines,
                f'THUMBPRINT="$({uploaded})"',
            ),
            powershell=(
                "$DIR = [IO.Directory]::CreateTempSubdirectory().FullName",
                f'$PEM = "$({registered})"',
                *lines,
                f'$THUMBPRINT = "$({uploaded})"',
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
    if known.identity == SYSTEM:
        principal = f"az functionapp identity show {ON_APP} --query principalId --output tsv"
        return Commands(
            title="the identity of the app itself, and its application id, for `leadpipe setup --client-id ID`",
            bash=(
                f"az functionapp identity assign {ON_APP} --output none",
                f'az ad sp show --id "$({principal})" --query appId --output tsv',
            ),
        )
    assign = f'az functionapp identity assign {ON_APP} --output none --identities "$IDENTITY"'
    shown = 'az identity show --ids "$IDENTITY" --query clientId --output tsv'
    return Commands(
        title="the app has that identity; the last line shows its client id, for `leadpipe setup --client-id ID`",
        bash=(assign, f'IDENTITY_CLIENT="$({shown})"', 'echo "$IDENTITY_CLIENT"'),
        powershell=(assign, f'$IDENTITY_CLIENT = "$({shown})"', 'echo "$IDENTITY_CLIENT"'),
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


def _second_key() -> list[Commands]:
    """Azure makes the value, and shows it only in the list: the answer to `set` has it blacked out."""
    key = f"{ON_APP} --function-name leads"
    return [
        Commands(
            title="later, to change that key: a second one, and its value",
            bash=(
                f"az functionapp function keys set {key} --key-name {SECOND_KEY} --output none",
                f"az functionapp function keys list {key} --query {SECOND_KEY} --output tsv",
            ),
        ),
        Commands(
            title="only when every live offer posts with the second key: delete the first",
            bash=(f"az functionapp function keys delete {key} --key-name default --output none",),
        ),
    ]
