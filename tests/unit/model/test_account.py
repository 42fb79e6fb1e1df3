"""How a storage account is named to the operator."""

import pytest

from leadpipe.model.settings import StorageByIdentity, StorageByKey


def by_identity(host: str) -> StorageByIdentity:
    return StorageByIdentity(queue_url="https://queue", table_url=f"https://{host}", client_id=None, managed=False)


@pytest.mark.parametrize(
    ("connection_string", "account"),
    [
        ("AccountName=contoso;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net", "contoso"),
        ("accountname=contoso;accountkey=c2VjcmV0;TableEndpoint=https://contoso.table.core.windows.net/", "contoso"),
        ("AccountName=dev;AccountKey=c2VjcmV0;TableEndpoint=http://127.0.0.1:10002/dev", "dev at 127.0.0.1:10002"),
        (
            "TableEndpoint=https://contoso.table.core.windows.net/?sig=c2VjcmV0;SharedAccessSignature=sig=c2VjcmV0",
            "contoso.table.core.windows.net",
        ),
    ],
)
def test_a_connection_string_is_named_by_account_or_host_and_never_by_its_key(
    connection_string: str, account: str
) -> None:
    assert StorageByKey(connection_string=connection_string).account == account


@pytest.mark.parametrize(
    ("host", "account"),
    [("contoso.table.core.windows.net", "contoso"), ("tables.contoso.example", "tables.contoso.example")],
)
def test_storage_by_identity_is_named_by_account_or_host(host: str, account: str) -> None:
    assert by_identity(host).account == account
