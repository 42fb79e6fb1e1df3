"""Recognizes a value that is still a reference to a key vault or to an App Configuration store.

The platform replaces a reference by the value it points to. If it cannot, the app gets the reference's own text.
https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
https://learn.microsoft.com/azure/app-service/app-service-configuration-references
"""

import re

# Wherever it stands in the value, so that quotes, blanks or a name before it do not hide it.
_BLANKS = r"[\s\u200b\u2060\ufeff]*"
_REFERENCE = re.compile(
    rf"@{_BLANKS}Microsoft{_BLANKS}\.{_BLANKS}(KeyVault|AppConfiguration)\b"
    rf"|\bMicrosoft\.(KeyVault|AppConfiguration){_BLANKS}\(",  # copied without its first character
    re.IGNORECASE,
)
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
    kind, fix = _KINDS[(found[1] or found[2]).lower()]
    if not _RESOLVABLE.fullmatch(value.strip()):
        fix = f"write it whole, from @ to the last bracket, without quotes, blanks or text around it; then {fix}"
    return f"is an unresolved {kind} reference: {fix}"
