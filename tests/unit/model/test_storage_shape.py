import pytest

from leadpipe.model.storage_shape import (
    reaches_no_blobs,
    wrong_address,
    wrong_client_id,
    wrong_connection_string,
    wrong_name,
    wrong_resource_id,
)

KEY = "bWFkZS11cCBrZXkgb2Ygc29tZSBieXRlcyB0aGF0IGlzIG5vdCBhIGtleSBvZiBhbnlib2R5"
WHOLE = f"DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey={KEY};EndpointSuffix=core.windows.net"
RESOURCE = (
    "/subscriptions/0000/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/leads"
)  # fmt: skip


@pytest.mark.parametrize("text", ["contoso", "abc", "a" * 24, "st0rage", "Contoso"])
def test_a_name_has_3_to_24_letters_and_digits(text: str) -> None:
    assert wrong_name(text) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("'contoso'", "is in quotes"),
        ('"contoso"', "is in quotes"),
        ("“contoso”", "is in quotes"),
        (WHOLE, "is a connection string or a key"),
        ("AccountName=contoso", "is a connection string or a key"),
        ("bWFkZS11cA==", "is a connection string or a key"),
        ("https://contoso.blob.core.windows.net", "is an address"),
        ("contoso.table.core.windows.net", "is an address"),
        ("/subscriptions/0/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/contoso", "is an address"),
        ("ab", "is not a storage account's name"),
        ("a" * 25, "is not a storage account's name"),
        ("contoso-leads", "is not a storage account's name"),
        ("con toso", "is not a storage account's name"),
        ("contöso", "is not a storage account's name"),
    ],
)
def test_what_can_be_no_name_is_named(text: str, says: str) -> None:
    assert wrong_name(text).startswith(says)


@pytest.mark.parametrize(
    "text",
    [
        "https://contoso.queue.core.windows.net",
        "https://contoso.queue.core.windows.net/",
        "HTTPS://Contoso.Queue.core.windows.net",
        "https://contoso.queue.core.usgovcloudapi.net",
        "https://contoso.z12.queue.storage.azure.net",
        "https://contoso.privatelink.queue.core.windows.net",
        "https://queues.contoso.example",
        "https://127.0.0.1:10001/devstoreaccount1",
        "https://localhost:10001/devstoreaccount1",
        "https://[::1]:10001/devstoreaccount1",
    ],
)
def test_an_address_ends_with_its_host_but_on_this_machine(text: str) -> None:
    assert wrong_address(text, "queue") == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("'https://contoso.queue.core.windows.net'", "is in quotes"),
        (WHOLE, "is a connection string"),
        ("contoso", "is not an https address"),
        ("contoso.queue.core.windows.net", "is not an https address"),
        ("http://contoso.queue.core.windows.net", "is not an https address"),
        ("http://127.0.0.1:10001/devstoreaccount1", "is not an https address"),
        ("https://", "is not an https address"),
        ("https://[::1", "is not an https address"),
        ("https://contoso.queue.core.windows.net:port", "is not an https address"),
        ("https://contoso. queue.core.windows.net", "is not an https address"),
        ("https://contoso.queue.core.windows.net/leads", "has more in it"),
        ("https://contoso.queue.core.windows.net/?sv=2022&sig=x", "has more in it"),
        ("https://contoso.queue.core.windows.net#leads", "has more in it"),
        ("https://jane:pass-word@contoso.queue.core.windows.net", "has more in it"),
        ("https://contoso.blob.core.windows.net", "is the address of the blob service"),
        ("https://contoso.table.core.windows.net", "is the address of the table service"),
        ("https://contoso.dfs.core.windows.net", "is the address of the dfs service"),
    ],
)
def test_what_is_no_address_of_the_service_is_named(text: str, says: str) -> None:
    assert wrong_address(text, "queue").startswith(says)


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"{WHOLE};",
        f"AccountName=Local;AccountKey={KEY};QueueEndpoint=http://127.0.0.1:1/l;TableEndpoint=http://127.0.0.1:2/l",
    ],
)
def test_a_whole_connection_string_is_right(text: str) -> None:
    assert wrong_connection_string(text) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'"{WHOLE}"', "while it is in quotes"),
        (f"'{WHOLE}'", "while it is in quotes"),
        ("https://contoso.queue.core.windows.net", "but an address"),
        ("contoso", "but a name"),
        (KEY, "but a key alone"),
        ("?sv=2022-11-02&ss=qt&sig=x%3D", "but a shared access signature alone"),
        ("sv=2022-11-02&ss=qt&sig=x%3D", "but a shared access signature alone"),
        ("DefaultEndpointsProtocol=https", "but the first part of one"),
        (WHOLE.replace(";", ","), "its parts are divided by ;"),
        (WHOLE.replace(";", "&"), "its parts are divided by ;"),
        (WHOLE.replace("=contoso", ":contoso"), "copy it whole"),
        (WHOLE.replace(KEY, ""), "copy it whole"),
        (WHOLE.replace(KEY, KEY[:-3]), "copy it whole"),
        (WHOLE.replace("=contoso", "=Contoso"), "its AccountName has 3 to 24 small letters"),
        (WHOLE.replace("=contoso", "=contoso.blob"), "its AccountName has 3 to 24 small letters"),
    ],
)
def test_what_stands_in_the_place_of_a_connection_string_is_named(text: str, says: str) -> None:
    assert wrong_connection_string(text).startswith("is not a connection string")
    assert says in wrong_connection_string(text)


@pytest.mark.parametrize("text", [WHOLE, "BlobEndpoint=https://c.blob.example;SharedAccessSignature=sv=2022"])
def test_the_host_finds_the_blobs_by_the_accounts_name_or_by_their_address(text: str) -> None:
    assert not reaches_no_blobs(text)


def test_with_the_addresses_of_queues_and_tables_alone_it_does_not() -> None:
    assert reaches_no_blobs(
        "QueueEndpoint=https://c.queue.example;TableEndpoint=https://c.table.example;SharedAccessSignature=sv=2022"
    )


@pytest.mark.parametrize("text", [RESOURCE, RESOURCE.lower(), RESOURCE.replace("resourcegroups", "resourceGroups")])
def test_an_identitys_resource_id_has_any_case(text: str) -> None:
    assert wrong_resource_id(text) == ""


@pytest.mark.parametrize("text", ["leads", f"'{RESOURCE}'", RESOURCE.rpartition("/")[0], "00001111-aaaa-2222-bbbb-33"])
def test_what_is_no_resource_id_of_an_identity_is_a_fault(text: str) -> None:
    assert wrong_resource_id(text).startswith("is not the resource id")


def test_a_client_id_is_a_guid() -> None:
    assert wrong_client_id("00001111-aaaa-2222-bbbb-3333cccc4444") == ""
    assert wrong_client_id("system").startswith("is not an id")
