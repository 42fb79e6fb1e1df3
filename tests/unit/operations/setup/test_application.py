"""Whom a set-up is for, before the app's own sign-in is whole."""

import pytest

from leadpipe.model.errors import SettingsError
from leadpipe.operations.setup.application import Subject, is_tenant, subject_of
from leadpipe.operations.setup.sign_in import SignInMethod

URL = "https://contoso.crm4.dynamics.com"
CLIENT = "11112222-bbbb-3333-cccc-4444dddd5555"
TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/crm)"


def subject(client_id: str = "", tenant: str = "", **settings: str) -> Subject:
    return subject_of({"DATAVERSE_URL": URL, **settings}, client_id=client_id, tenant=tenant)


def test_the_organisation_and_the_application_are_enough() -> None:
    found = subject(DATAVERSE_CLIENT_ID=CLIENT.upper(), DATAVERSE_TENANT_ID=TENANT)

    assert (found.organisation.url, found.client_id, found.tenant) == (URL, CLIENT, TENANT)
    assert found.sign_in is SignInMethod.SECRET


def test_where_nothing_is_chosen_a_managed_identity_is_advised() -> None:
    assert (subject().sign_in, subject().client_id) == (SignInMethod.MANAGED_IDENTITY, "")


def test_a_system_identity_has_no_id_of_its_own_and_takes_the_command_lines() -> None:
    assert subject(DATAVERSE_MANAGED_IDENTITY="system", DATAVERSE_CLIENT_ID=CLIENT).client_id == ""
    found = subject(CLIENT, DATAVERSE_MANAGED_IDENTITY="system")
    assert (found.client_id, found.known().identity) == (CLIENT, "system")


def test_a_user_assigned_identity_is_its_own_id() -> None:
    found = subject(DATAVERSE_MANAGED_IDENTITY=CLIENT)
    assert (found.client_id, found.known().identity) == (CLIENT, CLIENT)


def test_with_an_account_the_user_is_the_account() -> None:
    found = subject(DATAVERSE_USERNAME="leads@contoso.com", DATAVERSE_CLIENT_ID=CLIENT)

    assert (found.sign_in, found.account) == (SignInMethod.PASSWORD, "leads@contoso.com")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"DATAVERSE_URL": ""}, "DATAVERSE_URL is not set"),
        ({"DATAVERSE_URL": "http://contoso"}, "DATAVERSE_URL is not an https address"),
        ({"DATAVERSE_AUTHORITY": "login"}, "DATAVERSE_AUTHORITY is not an https address"),
        ({"DATAVERSE_CLIENT_ID": "leadpipe"}, "DATAVERSE_CLIENT_ID is not an id"),
        ({"DATAVERSE_TENANT_ID": "a b"}, "DATAVERSE_TENANT_ID is not an id"),
        ({"DATAVERSE_MANAGED_IDENTITY": "user"}, "DATAVERSE_MANAGED_IDENTITY is not an id"),
        ({"DATAVERSE_URL": REFERENCE}, "DATAVERSE_URL is an unresolved Key Vault reference"),
        ({"DATAVERSE_CLIENT_ID": REFERENCE}, "DATAVERSE_CLIENT_ID is an unresolved Key Vault reference"),
        ({"DATAVERSE_USERNAME": REFERENCE}, "DATAVERSE_USERNAME is an unresolved Key Vault reference"),
    ],
)
def test_without_a_usable_organisation_or_id_there_is_nothing_to_set_up(settings: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        subject(**settings)


def test_that_there_is_a_secret_is_known_from_its_reference_too() -> None:
    assert subject(DATAVERSE_CLIENT_SECRET=REFERENCE, DATAVERSE_CLIENT_ID=CLIENT).sign_in is SignInMethod.SECRET


def test_a_domain_names_the_directory_to_sign_in_to_and_is_not_a_setting() -> None:
    found = subject(tenant="contoso.onmicrosoft.com", DATAVERSE_CLIENT_ID=CLIENT)

    assert (found.tenant, found.known().tenant_id) == ("contoso.onmicrosoft.com", "")


@pytest.mark.parametrize("text", ["contoso", "$(id).com", "contoso.com/x", "-a.com", "a.com\n", '"'])
def test_what_can_be_no_directory_is_told_apart(text: str) -> None:
    assert not is_tenant(text)


def test_the_sign_in_host_is_known_to_the_commands() -> None:
    found = subject(DATAVERSE_AUTHORITY="https://login.microsoftonline.us")

    assert found.known().authority == "https://login.microsoftonline.us"


OTHER = "22223333-cccc-4444-dddd-5555eeee6666"


@pytest.mark.parametrize(
    ("settings", "another"),
    [
        ({"DATAVERSE_CLIENT_SECRET": "x", "DATAVERSE_CLIENT_ID": CLIENT.upper()}, False),
        ({"DATAVERSE_CLIENT_SECRET": "x", "DATAVERSE_CLIENT_ID": OTHER}, True),
        ({"DATAVERSE_MANAGED_IDENTITY": OTHER}, True),
        ({"DATAVERSE_MANAGED_IDENTITY": "system", "DATAVERSE_CLIENT_ID": OTHER}, False),
        ({"DATAVERSE_USERNAME": "leads@contoso.com", "DATAVERSE_CLIENT_ID": OTHER}, False),
        ({}, False),
    ],
)
def test_another_application_than_the_app_signs_in_as_is_noticed(settings: dict[str, str], another: bool) -> None:
    assert subject(CLIENT, **settings).is_another is another
