from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.settings import (
    Area,
    Certificate,
    ClientSecret,
    ManagedIdentity,
    Settings,
    SpecialLeads,
    StorageByIdentity,
    StorageByKey,
    UserPassword,
)
from tests.factories import CLIENT_ID, CLIENT_SECRET, CONNECTION_STRING, ORGANISATION, TENANT_ID, environment, settings

KEY_VAULT = "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/crm)"
NAMES = (
    "AzureWebJobsStorage",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
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
)


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
        assert found.faults_of(Area.STORAGE).startswith("AzureWebJobsStorage is no connection string")

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

    def test_addresses_count_more_than_the_account_name(self) -> None:
        storage = identity(
            AzureWebJobsStorage__accountName="contoso", AzureWebJobsStorage__queueServiceUri="https://q.example"
        )

        assert isinstance(storage, StorageByIdentity)
        assert (storage.queue_url, storage.table_url) == (
            "https://q.example",
            "https://contoso.table.core.windows.net",
        )

    def test_both_addresses_do_without_an_account_name(self) -> None:
        storage = identity(
            AzureWebJobsStorage__queueServiceUri="https://q.example",
            AzureWebJobsStorage__tableServiceUri="https://t.example",
        )

        assert isinstance(storage, StorageByIdentity)
        assert (storage.queue_url, storage.table_url) == ("https://q.example", "https://t.example")

    @pytest.mark.parametrize(
        ("given_one", "missing"), [("queueServiceUri", "tableServiceUri"), ("tableServiceUri", "queueServiceUri")]
    )
    def test_one_address_without_its_sibling_is_a_fault(self, given_one: str, missing: str) -> None:
        values = {f"AzureWebJobsStorage__{given_one}": "https://x.example"}

        assert faults(AzureWebJobsStorage=None, **values) == [
            f"AzureWebJobsStorage__{missing} is not set while its sibling is"
        ]

    @pytest.mark.parametrize("name", ["accountName", "queueServiceUri", "tableServiceUri"])
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

    def test_no_organisation_and_no_credentials_is_a_wish(self) -> None:
        found = read(DATAVERSE_URL=None, DATAVERSE_CLIENT_SECRET=None)

        assert (found.dataverse, found.faults) == (None, ())

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DATAVERSE_CLIENT_SECRET", CLIENT_SECRET),
            ("DATAVERSE_CERTIFICATE_PATH", "lead.pfx"),
            ("DATAVERSE_MANAGED_IDENTITY", "system"),
            ("DATAVERSE_CLIENT_SECRET", KEY_VAULT),
        ],
    )
    def test_credentials_without_an_organisation_are_a_slip(self, name: str, value: str) -> None:
        values: dict[str, str | None] = {"DATAVERSE_URL": None, "DATAVERSE_CLIENT_SECRET": None, name: value}

        assert "DATAVERSE_URL" in faulty(**values)
        assert read(**values).dataverse is None

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
            ("DATAVERSE_TENANT_ID", "contoso", "is no id like aaaabbbb-0000-cccc-1111-dddd2222eeee"),
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

    @pytest.mark.parametrize("name", ["DATAVERSE_TENANT_ID", "DATAVERSE_CLIENT_ID"])
    def test_a_missing_id_is_a_fault(self, name: str) -> None:
        assert faults(**{name: None}) == [f"{name} is not set"]

    @pytest.mark.parametrize("name", ["DATAVERSE_TENANT_ID", "DATAVERSE_CLIENT_ID"])
    @pytest.mark.parametrize("value", ["contoso", "aaaabbbb0000cccc1111dddd2222eeee", f"{{{TENANT_ID}}}"])
    def test_an_id_of_another_shape_is_a_fault(self, name: str, value: str) -> None:
        assert faults(**{name: value}) == [f"{name} is no id like aaaabbbb-0000-cccc-1111-dddd2222eeee"]

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
            "LEADPIPE_DEDUPE_WINDOW is no time like 7d, 12h, 30m, 45s or 0; 7d counts"
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
            "LEADPIPE_RETENTION is no time like 90d, 12h, 30m, 45s or 0; nothing is forgotten meanwhile"
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
        assert faults(**{name: text}) == [f"{name} is no date like 2027-01-31; nobody is warned meanwhile"]


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


SECRETS = ("AzureWebJobsStorage", "DATAVERSE_CLIENT_SECRET", "DATAVERSE_CERTIFICATE_PASSWORD", "DATAVERSE_PASSWORD")
SECRET = st.text("Zq9_~", min_size=8, max_size=30)
VALUES = (
    st.sampled_from(
        [
            CONNECTION_STRING, ORGANISATION, TENANT_ID, KEY_VAULT, "", " ", "0", "7d", "keep", "system", "2027-01-31",
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

        assert (found.storage is None) <= any(fault.area is Area.STORAGE for fault in found.faults)
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
