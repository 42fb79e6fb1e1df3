from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.settings import (
    App,
    Area,
    Auth,
    Certificate,
    ClientSecret,
    ManagedIdentity,
    Settings,
    SpecialLeads,
    StorageByIdentity,
    StorageByKey,
    UserPassword,
    app_of,
    auth_of,
)
from leadpipe.model.webhook import Shape, Webhook
from tests.factories import CLIENT_ID, CLIENT_SECRET, CONNECTION_STRING, ORGANISATION, TENANT_ID, environment, settings

KEY_VAULT = "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/crm)"
APP_CONFIGURATION = "@Microsoft.AppConfiguration(Endpoint=https://contoso.azconfig.io; Key=leads/secret)"
RESOURCE = "/subscriptions/0000/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/leads"
ADDRESSES = {
    "AzureWebJobsStorage__blobServiceUri": "https://b.example",
    "AzureWebJobsStorage__queueServiceUri": "https://q.example",
    "AzureWebJobsStorage__tableServiceUri": "https://t.example",
}
NAMES = (
    "AzureWebJobsStorage",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__managedIdentityResourceId",
    "DATAVERSE_URL",
    "DATAVERSE_TENANT_ID",
    "DATAVERSE_CLIENT_ID",
    "DATAVERSE_CLIENT_SECRET",
    "DATAVERSE_CERTIFICATE_PATH",
    "DATAVERSE_CERTIFICATE_PASSWORD",
    "DATAVERSE_MANAGED_IDENTITY",
    "DATAVERSE_USERNAME",
    "DATAVERSE_PASSWORD",
    "DATAVERSE_AUTHORITY",
    "DATAVERSE_SECRET_EXPIRES",
    "DATAVERSE_PASSWORD_CHANGED",
    "LEADPIPE_DEDUPE_WINDOW",
    "LEADPIPE_FALLBACK_AFTER",
    "LEADPIPE_MAPPING",
    "LEADPIPE_TEST_LEADS",
    "LEADPIPE_DNC_LEADS",
    "LEADPIPE_RETENTION",
    "LEADPIPE_NOTIFY_URL",
    "LEADPIPE_NOTIFY_FORMAT",
    "LEADPIPE_AUTH",
    "LEADPIPE_KEYS",
    "LEADPIPE_APP",
    "LEADPIPE_CONSOLE_HOST",
)
HOOK = "https://hooks.slack.com/services/T0/B0/made-up-key"


def read(**values: str | None) -> Settings:
    return Settings.from_environment(environment(**values))


def faults(**values: str | None) -> list[str]:
    """What is wrong with the whole environment after these changes."""
    return [str(fault) for fault in read(**values).faults]


def faulty(**values: str | None) -> list[str]:
    """The settings that have a fault after these changes."""
    return [fault.setting for fault in read(**values).faults]


def identity(**values: str | None) -> StorageByKey | StorageByIdentity | None:
    """The storage settings without a connection string."""
    found = read(AzureWebJobsStorage=None, **values)
    assert found.faults == ()
    return found.storage


class TestDefaults:
    def test_a_whole_environment_has_no_fault(self) -> None:
        assert read() == settings()

    def test_what_is_not_set_has_the_documented_default(self) -> None:
        found = Settings.from_environment({"AzureWebJobsStorage": CONNECTION_STRING})

        assert found == Settings(
            storage=StorageByKey(connection_string=CONNECTION_STRING),
            dataverse=None,
            dedupe_window=timedelta(days=7),
            fallback_after=timedelta(hours=4),
            retention=timedelta(days=90),
            mapping_path=None,
            test_leads=SpecialLeads.WRITE,
            dnc_leads=SpecialLeads.WRITE,
            secret_expires=None,
            password_changed=None,
            faults=(),
        )

    def test_blank_settings_count_as_not_set(self) -> None:
        assert read(LEADPIPE_MAPPING=" ", LEADPIPE_RETENTION="", DATAVERSE_USERNAME="\t") == settings()

    def test_space_around_a_value_does_not_count(self) -> None:
        assert read(DATAVERSE_CLIENT_SECRET=f" {CLIENT_SECRET}\n", DATAVERSE_URL=f" {ORGANISATION} ") == settings()


class TestStorage:
    @pytest.mark.parametrize("text", ["UseDevelopmentStorage=true", "usedevelopmentstorage=TRUE;"])
    def test_the_emulators_short_name_is_its_whole_connection_string(self, text: str) -> None:
        storage = read(AzureWebJobsStorage=text).storage

        assert isinstance(storage, StorageByKey)
        assert "AccountName=devstoreaccount1;" in storage.connection_string
        assert "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;" in storage.connection_string
        assert "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1" in storage.connection_string

    @pytest.mark.parametrize(
        "text",
        [
            "AccountName=contoso;AccountKey=bWFkZS11cA==",
            "accountname=contoso;accountkey=bWFkZS11cA==;",
            "AccountName=contoso;SharedAccessSignature=sv=2022&sig=x%3D",
            "QueueEndpoint=https://c.queue.example;TableEndpoint=https://c.table.example;SharedAccessSignature=sv=2022",
        ],
    )
    def test_a_connection_string_is_taken_as_it_is(self, text: str) -> None:
        assert read(AzureWebJobsStorage=text).storage == StorageByKey(connection_string=text)

    @pytest.mark.parametrize(
        "text",
        [
            "contoso",
            "https://contoso.queue.core.windows.net",
            "AccountName=contoso",
            "AccountKey=bWFkZS11cA==",
            "AccountName=;AccountKey=",
            "AccountName=contoso;AccountKey=not-base64",
            "AccountName=contoso;AccountKey=é",
            "AccountName=contoso;AccountKey=bWFkZS11cA==;junk",
            "AccountName=contoso;AccountKey=bWFkZS11cA==;=x",
            "SharedAccessSignature=sv=2022",
            "QueueEndpoint=https://c.queue.example;SharedAccessSignature=sv=2022",
            "QueueEndpoint=https://c.queue.example;TableEndpoint=https://c.table.example;AccountKey=bWFkZS11cA==",
        ],
    )
    def test_what_the_storage_clients_could_not_use_is_a_fault(self, text: str) -> None:
        found = read(AzureWebJobsStorage=text)

        assert found.storage is None
        assert found.faults_of(Area.STORAGE).startswith("AzureWebJobsStorage is not a connection string")

    def test_no_storage_at_all_is_a_fault(self) -> None:
        found = read(AzureWebJobsStorage=None)

        assert found.storage is None
        assert found.faults_of(Area.STORAGE).startswith("AzureWebJobsStorage is not set")

    def test_an_unresolved_reference_is_the_only_fault(self) -> None:
        assert faults(AzureWebJobsStorage=KEY_VAULT) == [
            "AzureWebJobsStorage is an unresolved Key Vault reference: give the app's identity access to the vault"
        ]

    def test_an_account_name_is_enough_to_use_an_identity(self) -> None:
        assert identity(AzureWebJobsStorage__accountName="contoso") == StorageByIdentity(
            queue_url="https://contoso.queue.core.windows.net",
            table_url="https://contoso.table.core.windows.net",
            client_id=None,
            managed=False,
        )

    def test_all_three_addresses_do_without_an_account_name(self) -> None:
        storage = identity(**ADDRESSES)

        assert isinstance(storage, StorageByIdentity)
        assert (storage.queue_url, storage.table_url) == ("https://q.example", "https://t.example")

    def test_an_empty_account_name_beside_them_does_no_harm(self) -> None:
        assert identity(AzureWebJobsStorage__accountName="", **ADDRESSES) == identity(**ADDRESSES)

    @pytest.mark.parametrize("service", ["queue", "table"])
    @pytest.mark.parametrize("empty", ["", None])
    def test_without_queue_or_table_nothing_can_be_kept(self, service: str, empty: str | None) -> None:
        setting = f"AzureWebJobsStorage__{service}ServiceUri"
        found = read(AzureWebJobsStorage=None, **{**ADDRESSES, setting: empty})

        assert found.storage is None
        assert found.faults_of(Area.STORAGE) == (
            f"{setting} is not set: all three addresses have to be set, or AzureWebJobsStorage__accountName"
            " in their place"
        )

    @pytest.mark.parametrize("empty", ["", None, "https://b.example/?sig=x"])
    def test_without_blobs_the_host_refuses_every_post_and_what_reaches_leadpipe_is_kept(
        self, empty: str | None
    ) -> None:
        found = read(AzureWebJobsStorage=None, **{**ADDRESSES, "AzureWebJobsStorage__blobServiceUri": empty})

        assert found.storage == identity(**ADDRESSES)
        assert [fault.setting for fault in found.stopping] == ["AzureWebJobsStorage__blobServiceUri"]
        assert [fault.area for fault in found.stopping] == [Area.HOST]

    @pytest.mark.parametrize("instead", [ADDRESSES, {"AzureWebJobsStorage__accountName": "contoso"}])
    @pytest.mark.parametrize("empty", ["", " "])
    def test_an_empty_connection_string_beside_an_identity_makes_the_host_refuse_every_post(
        self, instead: dict[str, str], empty: str
    ) -> None:
        found = read(AzureWebJobsStorage=empty, **instead)

        assert found.storage == identity(**instead)
        assert [(fault.setting, fault.area) for fault in found.faults] == [("AzureWebJobsStorage", Area.HOST)]
        assert "401 to every post" in found.faults[0].problem

    def test_beside_addresses_of_the_same_account_a_name_is_no_fault(self) -> None:
        of_contoso = {
            f"AzureWebJobsStorage__{service}ServiceUri": f"https://Contoso.{service}.core.windows.net/"
            for service in ("blob", "queue", "table")
        }

        named = {"AzureWebJobsStorage__accountName": "contoso"}
        assert identity(**named, **of_contoso) == identity(**named)

    @pytest.mark.parametrize("services", [("queue", "table"), ("blob", "queue", "table"), ("queue",), ("table",)])
    def test_an_account_name_counts_more_than_addresses_of_another_account_and_that_is_told(
        self, services: tuple[str, ...]
    ) -> None:
        settings = [f"AzureWebJobsStorage__{service}ServiceUri" for service in services]
        of_another = {
            setting: f"https://acctb.{service}.core.windows.net"
            for setting, service in zip(settings, services, strict=True)
        }
        found = read(AzureWebJobsStorage=None, AzureWebJobsStorage__accountName="accta", **of_another)

        assert found.storage == identity(AzureWebJobsStorage__accountName="accta")
        assert found.faults_of(Area.HOST).startswith(
            f"AzureWebJobsStorage__accountName names another account than {' and '.join(settings)}: the host takes"
            " the queue from this account"
        )

    @pytest.mark.parametrize("text", ["'https://contoso.queue.core.windows.net'", KEY_VAULT])
    def test_beside_an_account_name_an_address_that_is_none_stops_no_intake(self, text: str) -> None:
        found = read(
            AzureWebJobsStorage=None,
            AzureWebJobsStorage__accountName="contoso",
            AzureWebJobsStorage__queueServiceUri=text,
        )

        assert found.storage == identity(AzureWebJobsStorage__accountName="contoso")
        assert [(fault.setting, fault.area) for fault in found.faults] == [
            ("AzureWebJobsStorage__queueServiceUri", Area.HOST)
        ]

    def test_the_host_takes_its_keys_from_the_blob_address_whatever_the_account_name(self) -> None:
        found = read(
            AzureWebJobsStorage=None,
            AzureWebJobsStorage__accountName="accta",
            AzureWebJobsStorage__blobServiceUri="https://acctb.blob.core.windows.net",
        )

        assert "the host takes its keys from that address" in found.faults_of(Area.HOST)

    def test_a_name_in_capitals_is_told_and_used_in_small_letters(self) -> None:
        found = read(AzureWebJobsStorage=None, AzureWebJobsStorage__accountName="Contoso")

        assert found.storage == identity(AzureWebJobsStorage__accountName="contoso")
        assert [(fault.setting, fault.area) for fault in found.faults] == [
            ("AzureWebJobsStorage__accountName", Area.HOST)
        ]

    @pytest.mark.parametrize("name", ["accountName", "queueServiceUri", "tableServiceUri"])
    @pytest.mark.parametrize("text", ["'contoso'", CONNECTION_STRING, "https://contoso.file.core.windows.net", "a b"])
    def test_what_has_another_shape_stops_intake_and_is_the_only_fault(self, name: str, text: str) -> None:
        setting = f"AzureWebJobsStorage__{name}"
        addresses = {} if name == "accountName" else ADDRESSES
        found = read(AzureWebJobsStorage=None, **{**addresses, setting: text})

        assert found.storage is None
        assert [(fault.setting, fault.area) for fault in found.faults] == [(setting, Area.STORAGE)]

    @pytest.mark.parametrize(
        "spelling",
        ["AzureWebJobsStorage:accountName", "AzureWebJobsStorage__AccountName", "AZUREWEBJOBSSTORAGE__ACCOUNTNAME"],
    )
    def test_names_are_read_in_each_spelling_that_the_host_takes(self, spelling: str) -> None:
        assert identity(**{spelling: "contoso"}) == identity(AzureWebJobsStorage__accountName="contoso")

    def test_a_connection_string_without_blobs_makes_the_host_refuse_every_post(self) -> None:
        text = "QueueEndpoint=https://q.example;TableEndpoint=https://t.example;SharedAccessSignature=sv=2022"
        found = read(AzureWebJobsStorage=text)

        assert found.storage == StorageByKey(connection_string=text)
        assert "BlobEndpoint" in found.faults_of(Area.HOST)

    def test_a_broken_connection_string_counts_more_than_an_identity_as_it_does_for_the_host(self) -> None:
        found = read(AzureWebJobsStorage="junk;junk", AzureWebJobsStorage__accountName="contoso")

        assert found.storage is None
        assert [fault.setting for fault in found.faults] == ["AzureWebJobsStorage"]

    def test_no_request_is_sent_with_certificates_that_are_still_a_reference(self) -> None:
        found = read(REQUESTS_CA_BUNDLE=KEY_VAULT)

        assert found.storage is None
        assert found.faults_of(Area.STORAGE).startswith("REQUESTS_CA_BUNDLE is an unresolved Key Vault reference")

    @pytest.mark.parametrize("name", ["accountName", "blobServiceUri", "queueServiceUri", "tableServiceUri"])
    def test_beside_a_connection_string_an_identity_does_not_count_and_that_is_told(self, name: str) -> None:
        setting = f"AzureWebJobsStorage__{name}"
        found = read(**{setting: "contoso"})

        assert found.storage == StorageByKey(connection_string=CONNECTION_STRING)
        assert found.faults_of(Area.NOTED) == (
            f"{setting} is set beside AzureWebJobsStorage, and does not count: remove one of the two"
        )

    def test_a_client_id_means_that_managed_identity(self) -> None:
        storage = identity(AzureWebJobsStorage__accountName="contoso", AzureWebJobsStorage__clientId=CLIENT_ID)

        assert isinstance(storage, StorageByIdentity)
        assert (storage.client_id, storage.managed) == (CLIENT_ID, True)

    def test_the_hosts_word_for_managed_identity_is_understood(self) -> None:
        storage = identity(
            AzureWebJobsStorage__accountName="contoso", AzureWebJobsStorage__credential="ManagedIdentity"
        )

        assert isinstance(storage, StorageByIdentity)
        assert (storage.client_id, storage.managed) == (None, True)

    def test_an_identity_may_be_named_by_its_resource(self) -> None:
        storage = identity(
            AzureWebJobsStorage__accountName="contoso", AzureWebJobsStorage__managedIdentityResourceId=RESOURCE
        )

        assert isinstance(storage, StorageByIdentity)
        assert (storage.client_id, storage.resource_id, storage.managed) == (None, RESOURCE, True)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("clientId", "leads"), ("clientId", "'x'"), ("managedIdentityResourceId", CLIENT_ID)],
    )
    def test_an_identity_that_is_named_by_no_id_stops_intake(self, name: str, value: str) -> None:
        setting = f"AzureWebJobsStorage__{name}"
        found = read(AzureWebJobsStorage=None, AzureWebJobsStorage__accountName="contoso", **{setting: value})

        assert found.storage is None
        assert [(fault.setting, fault.area) for fault in found.faults] == [(setting, Area.STORAGE)]

    @pytest.mark.parametrize(
        ("more", "faulty"),
        [
            (
                {"clientId": CLIENT_ID, "managedIdentityResourceId": "RESOURCE"},
                "AzureWebJobsStorage__managedIdentityResourceId",
            ),
            ({"clientSecret": "s3cret"}, "AzureWebJobsStorage__clientSecret"),
            ({"managedIdentityObjectId": CLIENT_ID}, "AzureWebJobsStorage__managedIdentityObjectId"),
        ],
    )
    def test_where_the_host_would_sign_in_as_another_it_is_told(self, more: dict[str, str], faulty: str) -> None:
        more = {
            f"AzureWebJobsStorage__{name}": RESOURCE if value == "RESOURCE" else value for name, value in more.items()
        }
        found = read(AzureWebJobsStorage=None, AzureWebJobsStorage__accountName="contoso", **more)

        assert found.storage is not None
        assert [(fault.setting, fault.area) for fault in found.faults] == [(faulty, Area.HOST)]

    def test_another_word_than_the_hosts_for_the_credential_is_told_and_stops_nothing(self) -> None:
        found = read(
            AzureWebJobsStorage=None,
            AzureWebJobsStorage__accountName="contoso",
            AzureWebJobsStorage__credential="SystemAssigned",
        )

        assert found.storage == identity(AzureWebJobsStorage__accountName="contoso")
        assert [(fault.setting, fault.area) for fault in found.faults] == [
            ("AzureWebJobsStorage__credential", Area.NOTED)
        ]

    def test_a_storage_fault_is_no_fault_of_dynamics(self) -> None:
        found = read(AzureWebJobsStorage=None)

        assert found.faults_of(Area.DYNAMICS) == ""
        assert found.dataverse == settings().dataverse


class TestOrganisation:
    @pytest.mark.parametrize(
        ("url", "origin"),
        [
            ("https://contoso.crm4.dynamics.com", "https://contoso.crm4.dynamics.com"),
            ("https://contoso.crm4.dynamics.com/", "https://contoso.crm4.dynamics.com"),
            ("https://contoso.crm4.dynamics.com/main.aspx?appid=1#top", "https://contoso.crm4.dynamics.com"),
            ("HTTPS://contoso.crm4.dynamics.com", "https://contoso.crm4.dynamics.com"),
            ("https://Contoso.CRM4.Dynamics.com", "https://contoso.crm4.dynamics.com"),
            ("https://localhost:8443/", "https://localhost:8443"),
        ],
    )
    def test_only_the_origin_of_an_address_counts(self, url: str, origin: str) -> None:
        dataverse = read(DATAVERSE_URL=url).dataverse

        assert dataverse is not None
        assert dataverse.url == origin

    @pytest.mark.parametrize(
        "url",
        [
            "contoso.crm4.dynamics.com",
            "http://contoso.crm4.dynamics.com",
            "https://",
            "https://:443",
            "https://jane:pass-word@contoso.crm4.dynamics.com",
            "https://contoso.crm4.dynamics.com:99999",
            "https://contoso.crm4.dynamics.com:port",
            "https://[::1",
        ],
    )
    @pytest.mark.parametrize("name", ["DATAVERSE_URL", "DATAVERSE_AUTHORITY"])
    def test_anything_else_is_a_fault(self, name: str, url: str) -> None:
        assert faulty(**{name: url}) == [name]

    def test_another_sign_in_host_is_taken(self) -> None:
        dataverse = read(DATAVERSE_AUTHORITY="https://login.microsoftonline.us/").dataverse

        assert dataverse is not None
        assert dataverse.authority == "https://login.microsoftonline.us"

    @pytest.mark.parametrize("empty", [{}, {"DATAVERSE_URL": "", "DATAVERSE_AUTHORITY": " "}])
    def test_nothing_of_an_organisation_is_a_wish(self, empty: dict[str, str]) -> None:
        found = Settings.from_environment({"AzureWebJobsStorage": CONNECTION_STRING, **empty})

        assert (found.dataverse, found.faults) == (None, ())

    @pytest.mark.parametrize("value", ["x", KEY_VAULT])
    @pytest.mark.parametrize(
        "name",
        [
            *(name for name in NAMES if name.startswith("DATAVERSE_") and name != "DATAVERSE_URL"),
            "DATAVERSE_URI",
            "Dataverse_Url",
            "DATAVERSEURL",
        ],
    )
    def test_anything_of_an_organisation_without_its_address_is_a_slip(self, name: str, value: str) -> None:
        found = Settings.from_environment({"AzureWebJobsStorage": CONNECTION_STRING, name: value})
        address = next(fault for fault in found.faults if fault.setting == "DATAVERSE_URL")

        assert found.dataverse is None
        assert address.area is Area.DYNAMICS
        assert address.problem.startswith(f"is not set, but {name} is: set it")

    def test_directory_application_and_host_alone_lack_an_address_and_a_way_to_sign_in(self) -> None:
        found = read(
            DATAVERSE_URL=None, DATAVERSE_CLIENT_SECRET=None, DATAVERSE_AUTHORITY="https://login.microsoftonline.com"
        )

        assert [fault.setting for fault in found.faults] == ["DATAVERSE_URL", "DATAVERSE_CLIENT_SECRET"]
        assert "DATAVERSE_AUTHORITY, DATAVERSE_CLIENT_ID, DATAVERSE_TENANT_ID are" in found.faults_of(Area.DYNAMICS)

    def test_a_wrong_address_does_not_hide_what_else_is_wrong(self) -> None:
        assert faulty(DATAVERSE_URL="contoso", DATAVERSE_CLIENT_SECRET=None, LEADPIPE_RETENTION="ages") == [
            "DATAVERSE_URL",
            "DATAVERSE_CLIENT_SECRET",
            "LEADPIPE_RETENTION",
        ]


class TestSignIn:
    def sign_in(self, **values: str | None) -> object:
        found = read(**{"DATAVERSE_CLIENT_SECRET": None, **values})
        assert found.faults == ()
        assert found.dataverse is not None
        return found.dataverse.sign_in

    def test_by_secret(self) -> None:
        assert self.sign_in(DATAVERSE_CLIENT_SECRET="s3cret") == ClientSecret(
            tenant_id=TENANT_ID, client_id=CLIENT_ID, secret="s3cret"
        )

    @pytest.mark.parametrize("password", ["pass-word", None])
    def test_by_certificate(self, password: str | None) -> None:
        assert self.sign_in(
            DATAVERSE_CERTIFICATE_PATH="lead.pfx", DATAVERSE_CERTIFICATE_PASSWORD=password
        ) == Certificate(tenant_id=TENANT_ID, client_id=CLIENT_ID, path="lead.pfx", password=password)

    @pytest.mark.parametrize(("value", "client_id"), [("system", None), ("System", None), (CLIENT_ID, CLIENT_ID)])
    def test_by_managed_identity(self, value: str, client_id: str | None) -> None:
        assert self.sign_in(
            DATAVERSE_MANAGED_IDENTITY=value, DATAVERSE_TENANT_ID=None, DATAVERSE_CLIENT_ID=None
        ) == ManagedIdentity(client_id=client_id)

    def test_by_user_and_password(self) -> None:
        assert self.sign_in(DATAVERSE_USERNAME="jane@contoso.com", DATAVERSE_PASSWORD="pass-word") == UserPassword(
            tenant_id=TENANT_ID, client_id=CLIENT_ID, username="jane@contoso.com", password="pass-word"
        )

    def test_a_user_need_not_name_the_directory(self) -> None:
        assert self.sign_in(
            DATAVERSE_USERNAME="jane@contoso.com", DATAVERSE_PASSWORD="pass-word", DATAVERSE_TENANT_ID=None
        ) == UserPassword(
            tenant_id="organizations", client_id=CLIENT_ID, username="jane@contoso.com", password="pass-word"
        )

    @pytest.mark.parametrize(
        ("name", "value", "fault"),
        [
            ("DATAVERSE_CLIENT_ID", None, "is not set"),
            ("DATAVERSE_TENANT_ID", "contoso", "is not an id like aaaabbbb-0000-cccc-1111-dddd2222eeee"),
        ],
    )
    def test_a_user_signs_in_through_an_application_of_the_publishers_own(
        self, name: str, value: str | None, fault: str
    ) -> None:
        user = {"DATAVERSE_USERNAME": "jane@contoso.com", "DATAVERSE_PASSWORD": "pass-word"}

        assert faults(**{"DATAVERSE_CLIENT_SECRET": None, **user, name: value}) == [f"{name} {fault}"]

    def test_none_at_all_is_a_fault(self) -> None:
        assert faults(DATAVERSE_CLIENT_SECRET=None) == [
            "DATAVERSE_CLIENT_SECRET is not set, nor is another way to sign in"
        ]

    def test_two_ways_are_a_fault(self) -> None:
        assert faults(DATAVERSE_MANAGED_IDENTITY="system") == [
            "DATAVERSE_CLIENT_SECRET and DATAVERSE_MANAGED_IDENTITY are set together: keep exactly one way to sign in"
        ]

    def test_a_user_without_a_password_is_a_fault(self) -> None:
        assert faults(DATAVERSE_CLIENT_SECRET=None, DATAVERSE_USERNAME="jane@contoso.com") == [
            "DATAVERSE_PASSWORD is not set"
        ]

    @pytest.mark.parametrize(
        ("name", "missing"),
        [
            ("DATAVERSE_CERTIFICATE_PASSWORD", "DATAVERSE_CERTIFICATE_PATH"),
            ("DATAVERSE_PASSWORD", "DATAVERSE_USERNAME"),
        ],
    )
    def test_a_password_alone_lacks_what_it_opens(self, name: str, missing: str) -> None:
        assert faults(DATAVERSE_CLIENT_SECRET=None, **{name: "pass-word"}) == [f"{missing} is not set"]

    @pytest.mark.parametrize(
        ("name", "missing"),
        [
            ("DATAVERSE_CERTIFICATE_PASSWORD", "DATAVERSE_CERTIFICATE_PATH"),
            ("DATAVERSE_PASSWORD", "DATAVERSE_USERNAME"),
        ],
    )
    def test_one_that_another_way_left_behind_is_told_and_stops_nothing(self, name: str, missing: str) -> None:
        found = read(**{name: "pass-word"})

        assert found.dataverse == settings().dataverse
        assert found.faults_of(Area.NOTED) == f"{name} does not count without {missing}: remove it"

    def test_two_ways_of_which_one_is_an_unresolved_reference_are_both_told(self) -> None:
        assert faulty(DATAVERSE_CLIENT_SECRET=KEY_VAULT, DATAVERSE_USERNAME="jane@contoso.com") == [
            "DATAVERSE_CLIENT_SECRET and DATAVERSE_USERNAME",
            "DATAVERSE_CLIENT_SECRET",
            "DATAVERSE_PASSWORD",
        ]

    @pytest.mark.parametrize("name", ["DATAVERSE_TENANT_ID", "DATAVERSE_CLIENT_ID"])
    def test_a_missing_id_is_a_fault(self, name: str) -> None:
        assert faults(**{name: None}) == [f"{name} is not set"]

    @pytest.mark.parametrize("name", ["DATAVERSE_TENANT_ID", "DATAVERSE_CLIENT_ID"])
    @pytest.mark.parametrize("value", ["contoso", "aaaabbbb0000cccc1111dddd2222eeee", f"{{{TENANT_ID}}}"])
    def test_an_id_of_another_shape_is_a_fault(self, name: str, value: str) -> None:
        assert faults(**{name: value}) == [f"{name} is not an id like aaaabbbb-0000-cccc-1111-dddd2222eeee"]

    def test_a_managed_identity_that_is_no_id_is_a_fault(self) -> None:
        assert faulty(DATAVERSE_CLIENT_SECRET=None, DATAVERSE_MANAGED_IDENTITY="yes") == ["DATAVERSE_MANAGED_IDENTITY"]

    @pytest.mark.parametrize(
        "name",
        ["DATAVERSE_URL", "DATAVERSE_TENANT_ID", "DATAVERSE_CLIENT_ID", "DATAVERSE_CLIENT_SECRET"],
    )
    def test_an_unresolved_reference_is_named_once(self, name: str) -> None:
        assert faults(**{name: KEY_VAULT}) == [
            f"{name} is an unresolved Key Vault reference: give the app's identity access to the vault"
        ]

    def test_with_a_fault_there_is_no_organisation_to_ask(self) -> None:
        assert read(DATAVERSE_CLIENT_SECRET=KEY_VAULT).dataverse is None


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "time"),
        [
            ("7d", timedelta(days=7)),
            ("12h", timedelta(hours=12)),
            ("30m", timedelta(minutes=30)),
            ("45s", timedelta(seconds=45)),
            ("0", timedelta(0)),
            ("0d", timedelta(0)),
            ("604800s", timedelta(days=7)),
        ],
    )
    def test_a_time_is_a_number_and_a_unit(self, text: str, time: timedelta) -> None:
        found = read(LEADPIPE_DEDUPE_WINDOW=text, LEADPIPE_FALLBACK_AFTER=text, LEADPIPE_RETENTION=text)

        assert (found.dedupe_window, found.fallback_after, found.retention, found.faults) == (time, time, time, ())

    @pytest.mark.parametrize("text", ["7", "d", "7 d", "-7d", "1.5h", "7w", "1h30m", "9999999d", "00", "P7D"])
    def test_with_anything_else_the_default_counts(self, text: str) -> None:
        found = read(LEADPIPE_DEDUPE_WINDOW=text)

        assert found.dedupe_window == timedelta(days=7)
        assert found.faults_of(Area.NOTED) == (
            "LEADPIPE_DEDUPE_WINDOW is not a time like 7d, 12h, 30m, 45s or 0; 7d counts"
        )

    @pytest.mark.parametrize(
        "name",
        [
            "LEADPIPE_DEDUPE_WINDOW",
            "LEADPIPE_FALLBACK_AFTER",
            "LEADPIPE_RETENTION",
            "DATAVERSE_SECRET_EXPIRES",
            "DATAVERSE_PASSWORD_CHANGED",
        ],
    )
    @pytest.mark.parametrize("text", ["soon", KEY_VAULT])
    def test_a_slip_in_what_has_a_default_is_told_and_stops_nothing(self, name: str, text: str) -> None:
        found = read(**{name: text})

        assert [(fault.setting, fault.area) for fault in found.faults] == [(name, Area.NOTED)]
        assert (found.stopping, found.faults_of(Area.DYNAMICS), found.faults_of(Area.STORAGE)) == ((), "", "")
        assert found.dataverse == settings().dataverse

    def test_nothing_is_forgotten_while_nobody_can_tell_when(self) -> None:
        found = read(LEADPIPE_RETENTION="a year")

        assert found.retention > timedelta(days=30_000)
        assert found.faults_of(Area.NOTED) == (
            "LEADPIPE_RETENTION is not a time like 90d, 12h, 30m, 45s or 0; nothing is forgotten meanwhile"
        )

    def test_a_time_beyond_any_calendar_means_for_ever(self) -> None:
        found = read(LEADPIPE_RETENTION="999999d")

        assert datetime(2026, 3, 14, tzinfo=UTC) - found.retention < datetime(1950, 1, 1, tzinfo=UTC)

    def test_a_date_is_read(self) -> None:
        found = read(DATAVERSE_SECRET_EXPIRES="2027-01-31", DATAVERSE_PASSWORD_CHANGED="2026-12-01")

        assert (found.secret_expires, found.password_changed) == (date(2027, 1, 31), date(2026, 12, 1))

    @pytest.mark.parametrize("name", ["DATAVERSE_SECRET_EXPIRES", "DATAVERSE_PASSWORD_CHANGED"])
    @pytest.mark.parametrize("text", ["31.01.2027", "2027-02-30", "soon"])
    def test_what_is_no_date_is_a_fault(self, name: str, text: str) -> None:
        assert faults(**{name: text}) == [f"{name} is not a date like 2027-01-31; nobody is warned meanwhile"]


KEY = "0123456789abcdef"
WORDS = {"absent": None, "empty": " ", "host": "HOST", "keys": " Keys", "typo": "key", "unresolved": KEY_VAULT}
LISTS = {
    "missing": None,
    "empty": " ",
    "present": f"a:{KEY}",
    "one of two unresolved": f"a:{KEY},b:{KEY_VAULT}",
    "unresolved": KEY_VAULT,
    "every one unresolved": f"a:{KEY_VAULT},{KEY_VAULT}",
    "garbage": ",b:,ключ",
    "short": "b:0",
}
# Who checks keys, which keys there are, and the setting with the fault of each area.
OUTCOMES = """
absent     missing                 host -   -
absent     empty                   host -   -
absent     present                 host -   host:LEADPIPE_AUTH
absent     one_of_two_unresolved   host -   host:LEADPIPE_AUTH noted:LEADPIPE_KEYS
absent     unresolved              host -   host:LEADPIPE_AUTH noted:LEADPIPE_KEYS
absent     every_one_unresolved    host -   host:LEADPIPE_AUTH noted:LEADPIPE_KEYS
absent     garbage                 host -   host:LEADPIPE_AUTH
absent     short                   host -   host:LEADPIPE_AUTH
host       missing                 host -   -
host       empty                   host -   -
host       present                 host -   noted:LEADPIPE_KEYS
host       one_of_two_unresolved   host -   noted:LEADPIPE_KEYS
host       unresolved              host -   noted:LEADPIPE_KEYS
host       every_one_unresolved    host -   noted:LEADPIPE_KEYS
host       garbage                 host -   noted:LEADPIPE_KEYS
host       short                   host -   noted:LEADPIPE_KEYS
keys       missing                 keys -   keys:LEADPIPE_KEYS
keys       empty                   keys -   keys:LEADPIPE_KEYS
keys       present                 keys a   -
keys       one_of_two_unresolved   keys a   noted:LEADPIPE_KEYS
keys       unresolved              keys -   keys:LEADPIPE_KEYS
keys       every_one_unresolved    keys -   keys:LEADPIPE_KEYS
keys       garbage                 keys -   keys:LEADPIPE_KEYS
keys       short                   keys b   noted:LEADPIPE_KEYS
typo       missing                 keys -   keys:LEADPIPE_AUTH
typo       empty                   keys -   keys:LEADPIPE_AUTH
typo       present                 keys -   keys:LEADPIPE_AUTH
typo       one_of_two_unresolved   keys -   keys:LEADPIPE_AUTH noted:LEADPIPE_KEYS
typo       unresolved              keys -   keys:LEADPIPE_AUTH noted:LEADPIPE_KEYS
typo       every_one_unresolved    keys -   keys:LEADPIPE_AUTH noted:LEADPIPE_KEYS
typo       garbage                 keys -   keys:LEADPIPE_AUTH
typo       short                   keys -   keys:LEADPIPE_AUTH
unresolved missing                 keys -   keys:LEADPIPE_AUTH
unresolved empty                   keys -   keys:LEADPIPE_AUTH
unresolved present                 keys -   keys:LEADPIPE_AUTH
unresolved one_of_two_unresolved   keys -   keys:LEADPIPE_AUTH noted:LEADPIPE_KEYS
unresolved unresolved              keys -   keys:LEADPIPE_AUTH noted:LEADPIPE_KEYS
unresolved every_one_unresolved    keys -   keys:LEADPIPE_AUTH noted:LEADPIPE_KEYS
unresolved garbage                 keys -   keys:LEADPIPE_AUTH
unresolved short                   keys -   keys:LEADPIPE_AUTH
"""
ROWS = [line.split() for line in OUTCOMES.strip().splitlines()]


class TestKeys:
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
    def test_each_word_with_each_list(self, row: list[str]) -> None:
        word, keys, auth, names, *stopped = row
        environment_of = environment(LEADPIPE_AUTH=WORDS[word], LEADPIPE_KEYS=LISTS[keys.replace("_", " ")])
        found = Settings.from_environment(environment_of)

        assert (found.auth, auth_of(environment_of)) == (auth, auth)
        assert [key.name for key in found.keys] == [name for name in names.split(",") if name != "-"]
        assert {f"{fault.area}:{fault.setting}" for fault in found.faults} == {*stopped} - {"-"}

    @pytest.mark.parametrize("keys", LISTS)
    def test_an_empty_word_is_read_as_a_missing_one(self, keys: str) -> None:
        assert read(LEADPIPE_AUTH=" ", LEADPIPE_KEYS=LISTS[keys]) == read(LEADPIPE_KEYS=LISTS[keys])

    def test_the_table_has_every_combination(self) -> None:
        tried = {(row[0], row[1].replace("_", " ")) for row in ROWS}

        assert tried == {(word, keys) for word in {*WORDS} - {"empty"} for keys in LISTS}

    @pytest.mark.parametrize("row", [row for row in ROWS if row[2] == "keys"], ids=lambda row: f"{row[0]}-{row[1]}")
    def test_where_leadpipe_checks_there_is_a_key_or_a_fault_that_stops_intake(self, row: list[str]) -> None:
        found = read(LEADPIPE_AUTH=WORDS[row[0]], LEADPIPE_KEYS=LISTS[row[1].replace("_", " ")])

        assert bool(found.keys) != bool(found.faults_of(Area.KEYS))
        assert bool(found.faults_of(Area.KEYS)) == any(fault.area is Area.KEYS for fault in found.stopping)

    @given(st.text(max_size=30), st.text(max_size=80))
    def test_no_pair_of_texts_leaves_leadpipe_without_a_key_and_without_a_fault(self, word: str, keys: str) -> None:
        found = read(LEADPIPE_AUTH=word, LEADPIPE_KEYS=keys)

        assert (found.auth is Auth.HOST) == (word.strip().lower() in {"", "host"})
        assert found.auth is Auth.HOST or bool(found.keys) != bool(found.faults_of(Area.KEYS))

    def test_a_fault_says_what_becomes_of_posts(self) -> None:
        assert "no post is taken" in read(LEADPIPE_AUTH="keys").faults_of(Area.KEYS)
        assert read(LEADPIPE_AUTH="keys", LEADPIPE_KEYS=",b:").faults_of(Area.KEYS) == (
            "LEADPIPE_KEYS has no key that can be read, so no post is taken:"
            " key 1 of 2 is empty; it does not count; key 2 of 2 is empty; it does not count"
        )
        assert read(LEADPIPE_AUTH="keys", LEADPIPE_KEYS=f"{KEY},").faults_of(Area.NOTED) == (
            "LEADPIPE_KEYS has a flaw: key 2 of 2 is empty; it does not count"
        )
        assert read(LEADPIPE_AUTH="kyes").faults_of(Area.KEYS) == (
            "LEADPIPE_AUTH is neither host nor keys, so no post is taken"
        )
        assert read(LEADPIPE_AUTH="keys", LEADPIPE_KEYS=KEY_VAULT).faults_of(Area.KEYS) == (
            "LEADPIPE_KEYS is an unresolved Key Vault reference: give the app's identity access to the vault"
        )

    def test_no_key_is_in_what_a_debugger_would_show(self) -> None:
        found = read(LEADPIPE_AUTH="keys", LEADPIPE_KEYS=f"a:{KEY},{KEY}x,b:{KEY}")

        assert len(found.keys) == 3
        assert KEY not in repr(found)


class TestChoices:
    @pytest.mark.parametrize(("text", "choice"), [("write", "write"), ("keep", "keep"), ("KEEP", "keep")])
    def test_special_leads_are_written_or_kept(self, text: str, choice: str) -> None:
        found = read(LEADPIPE_TEST_LEADS=text, LEADPIPE_DNC_LEADS=text)

        assert (found.test_leads, found.dnc_leads) == (choice, choice)

    @pytest.mark.parametrize("name", ["LEADPIPE_TEST_LEADS", "LEADPIPE_DNC_LEADS"])
    def test_another_word_is_a_fault_and_they_are_written(self, name: str) -> None:
        found = read(**{name: "drop"})

        assert (found.test_leads, found.dnc_leads) == (SpecialLeads.WRITE, SpecialLeads.WRITE)
        assert found.faults_of(Area.DYNAMICS) == f"{name} is neither write nor keep"

    def test_a_mapping_is_a_path(self) -> None:
        assert read(LEADPIPE_MAPPING="mapping.toml").mapping_path == "mapping.toml"


OTHERS = (
    "REQUESTS_CA_BUNDLE",
    "PYTHON_THREADPOOL_THREAD_COUNT",
    "AzureWebJobs.deliver.Disabled",
    "AzureWebJobs_deliver_Disabled",
    "AzureWebJobsStorage__tenantId",
    "LEADPIPE_KEY",
    "LEADPIPE_NOT_INVENTED_YET",
)


class TestReferences:
    @pytest.mark.parametrize("name", [*NAMES, *OTHERS])
    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (KEY_VAULT, "Key Vault"),
            (KEY_VAULT.upper(), "Key Vault"),
            (APP_CONFIGURATION, "App Configuration"),
            (f'"{APP_CONFIGURATION.lower()}"', "App Configuration"),
            (f" ' {KEY_VAULT.replace('(', ' (')}'", "Key Vault"),
        ],
    )
    def test_one_is_a_fault_of_any_setting(self, name: str, value: str, kind: str) -> None:
        found = [fault for fault in read(**{name: value}).faults if fault.setting == name]

        assert [fault.problem.partition(":")[0] for fault in found] == [f"is an unresolved {kind} reference"]
        assert "contoso" not in str(found)

    @pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("AzureWebJobsStorage")])
    def test_nothing_is_sent_to_a_storage_account_while_one_of_its_settings_is_one(self, name: str) -> None:
        by_identity = {} if name == "AzureWebJobsStorage" else {"AzureWebJobsStorage": None, **ADDRESSES}
        found = read(**{**by_identity, name: KEY_VAULT})

        assert (found.storage is None) == (name != "AzureWebJobsStorage__blobServiceUri")
        assert found.stopping

    def test_nothing_is_forgotten_while_the_retention_is_one(self) -> None:
        assert read(LEADPIPE_RETENTION=KEY_VAULT).retention > timedelta(days=30_000)


SECRETS = (
    "LEADPIPE_KEYS",
    "AzureWebJobsStorage",
    "DATAVERSE_CLIENT_SECRET",
    "DATAVERSE_CERTIFICATE_PASSWORD",
    "DATAVERSE_PASSWORD",
)
SECRET = st.text("Zq9_~", min_size=8, max_size=30)
VALUES = (
    st.sampled_from(
        [
            CONNECTION_STRING, ORGANISATION, TENANT_ID, KEY_VAULT, RESOURCE, "", " ", "contoso", "'c'",
            "0", "7d", "keep", "system", "2027-01-31",
            "https://[", "https://a:b@c", "UseDevelopmentStorage=true", "AccountName=a;AccountKey=b", "=", ";", "\x00",
        ]
    )
    | st.text(st.characters())
)  # fmt: skip


class TestAnyEnvironment:
    def test_all_faults_are_told_at_once(self) -> None:
        assert faulty(
            AzureWebJobsStorage="contoso",
            DATAVERSE_TENANT_ID="contoso",
            DATAVERSE_CLIENT_ID=None,
            DATAVERSE_AUTHORITY="login",
            LEADPIPE_TEST_LEADS="drop",
            LEADPIPE_FALLBACK_AFTER="soon",
            DATAVERSE_SECRET_EXPIRES="soon",
        ) == [
            "AzureWebJobsStorage",
            "DATAVERSE_AUTHORITY",
            "DATAVERSE_TENANT_ID",
            "DATAVERSE_CLIENT_ID",
            "LEADPIPE_FALLBACK_AFTER",
            "LEADPIPE_TEST_LEADS",
            "DATAVERSE_SECRET_EXPIRES",
        ]

    def test_faults_of_an_area_are_one_line(self) -> None:
        found = read(DATAVERSE_CLIENT_ID=None, LEADPIPE_DNC_LEADS="drop")

        assert (
            found.faults_of(Area.DYNAMICS)
            == "DATAVERSE_CLIENT_ID is not set; LEADPIPE_DNC_LEADS is neither write nor keep"
        )

    @given(st.dictionaries(st.sampled_from(NAMES), VALUES))
    def test_it_gives_settings(self, values: dict[str, str]) -> None:
        found = Settings.from_environment(values)

        assert (found.storage is None) == any(fault.area is Area.STORAGE for fault in found.faults)
        assert len(set(found.faults)) == len(found.faults)

    @given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.fixed_dictionaries(dict.fromkeys(SECRETS, SECRET)))
    def test_no_fault_holds_a_secret(self, values: dict[str, str], secrets: dict[str, str]) -> None:
        told = " ".join(str(fault) for fault in Settings.from_environment(values | secrets).faults)

        assert not any(secret in told for secret in secrets.values())

    @pytest.mark.parametrize(
        "way",
        [
            {"DATAVERSE_CLIENT_SECRET": "pass-word"},
            {"DATAVERSE_CERTIFICATE_PATH": "lead.pfx", "DATAVERSE_CERTIFICATE_PASSWORD": "pass-word"},
            {"DATAVERSE_USERNAME": "jane@contoso.com", "DATAVERSE_PASSWORD": "pass-word"},
        ],
    )
    def test_no_secret_is_in_what_a_debugger_would_show(self, way: dict[str, str]) -> None:
        found = read(**{"DATAVERSE_CLIENT_SECRET": None, **way})

        assert found.faults == ()
        assert "pass-word" not in repr(found)
        assert "bWFkZS11cA==" not in repr(found)


class TestNotify:
    def test_nobody_is_notified_unless_it_is_set(self) -> None:
        assert read().webhook is None

    @pytest.mark.parametrize(
        ("word", "shape"),
        [
            (None, Shape.SLACK),
            ("", Shape.SLACK),
            ("json", Shape.JSON),
            ("Teams", Shape.TEAMS),
            (" slack ", Shape.SLACK),
        ],
    )
    def test_the_host_decides_the_format_unless_it_is_named(self, word: str | None, shape: str) -> None:
        found = read(LEADPIPE_NOTIFY_URL=HOOK, LEADPIPE_NOTIFY_FORMAT=word)
        assert (found.webhook, found.faults) == (Webhook(url=HOOK, shape=Shape(shape)), ())

    def test_the_address_is_in_no_text_of_the_settings(self) -> None:
        assert "made-up-key" not in repr(read(LEADPIPE_NOTIFY_URL=HOOK))

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("hooks.slack.com/made-up-key", "is no https address"),
            ("http://hooks.slack.com/made-up-key", "is not https"),
            ("https://jane:made-up-key@contoso.example/", "has a user name or a password"),
            (KEY_VAULT, "is an unresolved Key Vault reference"),
            (APP_CONFIGURATION, "is an unresolved App Configuration reference"),
        ],
    )
    def test_an_address_that_cannot_be_used_stops_no_lead_and_is_not_quoted(self, url: str, problem: str) -> None:
        found = read(LEADPIPE_NOTIFY_URL=url)
        (fault,) = found.faults
        assert (found.webhook, found.stopping, fault.area) == (None, (), Area.NOTED)
        assert str(fault).startswith(f"LEADPIPE_NOTIFY_URL {problem}")
        assert "made-up-key" not in repr(found)

    @pytest.mark.parametrize("word", ["discord", KEY_VAULT])
    def test_a_format_that_cannot_be_read_leaves_it_to_the_host(self, word: str) -> None:
        found = read(LEADPIPE_NOTIFY_URL=HOOK, LEADPIPE_NOTIFY_FORMAT=word)
        assert found.webhook == Webhook(url=HOOK, shape=Shape.SLACK)
        assert [(fault.setting, fault.area) for fault in found.faults] == [("LEADPIPE_NOTIFY_FORMAT", Area.NOTED)]

    def test_a_format_without_an_address_is_a_slip(self) -> None:
        wanted = "LEADPIPE_NOTIFY_URL is not set, but LEADPIPE_NOTIFY_FORMAT is; nobody is notified meanwhile"
        assert faults(LEADPIPE_NOTIFY_FORMAT="teams") == [wanted]


class TestAppName:
    def test_it_is_the_sites_where_there_is_one(self) -> None:
        assert read(WEBSITE_SITE_NAME="contoso-leads").app_name == "contoso-leads"

    def test_it_is_the_storage_accounts_elsewhere(self) -> None:
        assert read(AzureWebJobsStorage="AccountName=contosodata;AccountKey=bWFkZS11cA==").app_name == "contosodata"

    @pytest.mark.parametrize(
        "storage", ["nonsense", "AccountName=contoso;AccountKey=bWFkZS11cA==;TableEndpoint=https://[::1"]
    )
    def test_without_either_it_still_has_one(self, storage: str) -> None:
        assert read(AzureWebJobsStorage=storage).app_name == "unnamed"


# The canary


def with_canary(every: str, url: str) -> Settings:
    return Settings.from_environment(environment(LEADPIPE_CANARY=every, LEADPIPE_CANARY_URL=url))


CANARY_ADDRESS = "https://contoso.azurewebsites.net/api/leads?code=s3cret=="


@pytest.mark.parametrize(
    "url", [CANARY_ADDRESS, "http://127.0.0.1:7071/api/leads", "http://localhost:7071/api/leads", "http://[::1]/leads"]
)
def test_a_canary_is_planned_with_the_address_as_it_is_given(url: str) -> None:
    settings = with_canary("1h", url)
    assert settings.canary is not None
    assert (settings.canary.every, settings.canary.url, settings.faults) == (timedelta(hours=1), url, ())


def test_there_is_no_canary_unless_it_is_asked_for() -> None:
    assert Settings.from_environment(environment()).canary is None


@pytest.mark.parametrize(
    ("every", "url", "setting"),
    [
        ("1d", "", "LEADPIPE_CANARY_URL"),
        ("", CANARY_ADDRESS, "LEADPIPE_CANARY"),
        ("59m", CANARY_ADDRESS, "LEADPIPE_CANARY"),
        ("0", CANARY_ADDRESS, "LEADPIPE_CANARY"),
        ("daily", CANARY_ADDRESS, "LEADPIPE_CANARY"),
        ("1d", "http://contoso.azurewebsites.net/api/leads?code=s3cret==", "LEADPIPE_CANARY_URL"),
        ("1d", "contoso.azurewebsites.net/api/leads?code=s3cret==", "LEADPIPE_CANARY_URL"),
        ("1d", "https://kim:s3cret@contoso.azurewebsites.net/api/leads", "LEADPIPE_CANARY_URL"),
        ("1d", "https://contoso.azurewebsites.net:port/api/leads?code=s3cret", "LEADPIPE_CANARY_URL"),
        ("1d", "https://contoso.azurewebsites.net/api/leads?code=s3cret two", "LEADPIPE_CANARY_URL"),
        ("1d", "https:///api/leads?code=s3cret", "LEADPIPE_CANARY_URL"),
        ("1d", KEY_VAULT, "LEADPIPE_CANARY_URL"),
        (KEY_VAULT, CANARY_ADDRESS, "LEADPIPE_CANARY"),
    ],
)
def test_a_faulty_canary_is_noted_once_stops_nothing_and_shows_no_key(every: str, url: str, setting: str) -> None:
    settings = with_canary(every, url)
    (fault,) = settings.faults
    assert (fault.area, fault.setting, settings.canary, settings.stopping) == (Area.NOTED, setting, None, ())
    assert "s3cret" not in str(fault)


def test_the_canarys_key_is_not_in_what_the_settings_show_of_themselves() -> None:
    assert "s3cret" not in repr(with_canary("1d", CANARY_ADDRESS))


@pytest.mark.parametrize(
    ("word", "app", "fault"),
    [
        (None, App.INTAKE, []),
        ("", App.INTAKE, []),
        (" Intake", App.INTAKE, []),
        ("console", App.CONSOLE, []),
        ("CONSOLE ", App.CONSOLE, []),
        ("consol", App.INTAKE, ["LEADPIPE_APP is neither intake nor console; intake counts"]),
        ("console,intake", App.INTAKE, ["LEADPIPE_APP is neither intake nor console; intake counts"]),
    ],
)
def test_only_the_word_console_makes_an_app_the_consoles(word: str | None, app: App, fault: list[str]) -> None:
    changes = {} if word is None else {"LEADPIPE_APP": word}
    found = read(**changes)
    assert (found.app, app_of(environment(**changes)), [str(each) for each in found.faults]) == (app, app, fault)
    assert found.stopping == ()


def test_a_reference_in_the_apps_name_is_named_and_intake_counts() -> None:
    found = read(LEADPIPE_APP="@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)")
    assert (found.app, [each.setting for each in found.faults]) == (App.INTAKE, ["LEADPIPE_APP"])
