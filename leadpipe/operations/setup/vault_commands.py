"""Writes the commands that make the key vault, let the person write it and the app read it, and fill it.

A secret reaches the Azure CLI by a file or a pipe: an argument shows in the list of processes, and one that begins
with `-` or `@` has another meaning.
https://learn.microsoft.com/azure/key-vault/general/rbac-guide
https://learn.microsoft.com/cli/azure/keyvault/secret
"""

from urllib.parse import urlsplit

from leadpipe.operations.setup.shell import Commands, Expanded

ON_APP = '--name "$APP" --resource-group "$GROUP"'
_PRINCIPAL = 'az identity show --ids "$IDENTITY" --query principalId --output tsv'
_PERSON = "az ad signed-in-user show --query id --output tsv"
# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
_DOMAINS = {"login.microsoftonline.us": "vault.usgovcloudapi.net", "login.partner.microsoftonline.cn": "vault.azure.cn"}


def vault() -> list[Commands]:
    """The app reads the vault as the identity that the template gave it."""
    scope = 'az keyvault show --name "$VAULT" --query id --output tsv'
    role = f'az role assignment create --output none --scope "$({scope})"'
    writes = f'{role} --role "Key Vault Secrets Officer" --assignee-principal-type User'
    reads = f'{role} --role "Key Vault Secrets User" --assignee-principal-type ServicePrincipal'
    make = 'az keyvault create --name "$VAULT" --resource-group "$GROUP" --enable-rbac-authorization true --output none'
    return [
        Commands(title="make the key vault; leave this out if you have one", bash=(make,)),
        Commands(
            title="let yourself write the key vault's secrets, and the app read them; it may take some minutes",
            bash=(
                f'{writes} --assignee-object-id "$({_PERSON})"',
                f'{reads} --assignee-object-id "$({_PRINCIPAL})"',
            ),
        ),
    ]


def stored(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines, for bash and for PowerShell, that put $PASSWORD into the vault and then unset it."""
    command = f'az keyvault secret set --vault-name "$VAULT" --name {name} --output none --file'
    powershell = (
        "$FILE = (New-TemporaryFile).FullName",
        "[IO.File]::WriteAllText($FILE, $PASSWORD)",
        f'{command} "$FILE"',
        "Remove-Item $FILE",
        "if ($LASTEXITCODE -eq 0) { Remove-Variable PASSWORD }",
    )
    return (f'printf %s "$PASSWORD" | {command} /dev/stdin && unset PASSWORD',), powershell


def reference(setting: str, authority: str) -> Expanded:
    """The setting as a reference to the vault, where its name has dashes."""
    domain = _DOMAINS.get(urlsplit(authority).hostname or "", "vault.azure.net")
    name = setting.replace("_", "-")
    return Expanded(f"{setting}=@Microsoft.KeyVault(SecretUri=https://${{VAULT}}.{domain}/secrets/{name})")
