import pytest

from leadpipe.model.reference import unresolved

VAULT = "SecretUri=https://contoso.vault.azure.net/secrets/crm"
STORE = "Endpoint=https://contoso.azconfig.io; Key=leads/secret"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (f"@Microsoft.KeyVault({VAULT})", "is an unresolved Key Vault reference: give the app's identity access"),
        (f"@microsoft.KEYVAULT({VAULT})", "is an unresolved Key Vault reference: give the app's identity access"),
        (f"  @Microsoft.KeyVault({VAULT})\n", "is an unresolved Key Vault reference: give the app's identity access"),
        (f"@Microsoft.AppConfiguration({STORE})", "is an unresolved App Configuration reference: give the app's"),
        (f"@MICROSOFT.appconfiguration({STORE})", "is an unresolved App Configuration reference: give the app's"),
    ],
)
def test_a_reference_is_recognized_in_any_case(value: str, says: str) -> None:
    assert unresolved(value).startswith(says)


@pytest.mark.parametrize(
    "value",
    [
        f"'@Microsoft.KeyVault({VAULT})'",
        f'"@Microsoft.KeyVault({VAULT})"',
        f'" @Microsoft.AppConfiguration({STORE})"',
        f"@Microsoft.KeyVault ({VAULT})",
        f"@ Microsoft . KeyVault({VAULT})",
        f"@Microsoft.KeyVault({VAULT}",
        "@Microsoft.KeyVault",
        f"partner-center:@Microsoft.KeyVault({VAULT})",
        f"\ufeff@Microsoft.KeyVault({VAULT})",
        f"@\u200bMicrosoft.KeyVault\u2060({VAULT})",
        f"microsoft.keyvault({VAULT})",
    ],
)
def test_one_that_the_platform_cannot_resolve_as_it_is_written_says_so(value: str) -> None:
    assert "write it whole, from @ to the last bracket" in unresolved(value)


@pytest.mark.parametrize(
    "value", ["", "s3cret", "Microsoft.KeyVault", "@Microsoft", "@Microsoft.KeyVaults", "jane@microsoft.com"]
)
def test_any_other_value_is_none(value: str) -> None:
    assert unresolved(value) == ""


def test_the_value_is_never_quoted() -> None:
    assert "contoso" not in unresolved(f"'@Microsoft.KeyVault({VAULT})'")
