"""Recognizes a value that is still a reference to a key vault or to an App Configuration store.

The platform replaces a reference by the value it points to. If it cannot, the app gets the reference's own text.
https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
https://learn.microsoft.com/azure/app-service/app-service-configuration-references
"""

import re

# Found anywhere in the value, so that quotes, blanks or a name before it do not hide it.
_REFERENCE = re.compile(r"@\s*Microsoft\s*\.\s*(KeyVault|AppConfiguration)\b", re.IGNORECASE)
# The only form that the platform resolves.
_RESOLVABLE = re.compile(r"@Microsoft\.\w+\(.*\)", re.IGNORECASE | re.DOTALL)
_KINDS = {
    "keyvault": ("Key Vault", "give the app's identity access to the vault"),
    "appconfiguration": ("App Configuration", "give the app's identity access to the store"),
}


def unresolved(value: str) -> str:
    """What is wrong with a value that is still a reference, and what to do; empty for any other. Never quotes it."""
    found = _REFERENCE.search(value)
    if not found:
        return ""
    kind, fix = _KINDS[found[1].lower()]
    if not _RESOLVABLE.fullmatch(value.strip()):
        fix = f"write it whole, from @ to the last bracket, without quotes, blanks or text around it; then {fix}"
    return f"is an unresolved {kind} reference: {fix}"
