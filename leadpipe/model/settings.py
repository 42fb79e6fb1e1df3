"""The app settings: every name, default and rule, and all faults at once.

A fault in the storage settings stops intake (503), one in what decides where and how leads are written makes them wait
as blocked, and one in a setting whose default will do meanwhile is told and stops nothing.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

DEFAULT_AUTHORITY = "https://login.microsoftonline.com"
ANY_DIRECTORY = "organizations"
DEFAULT_DEDUPE_WINDOW = "7d"
DEFAULT_FALLBACK_AFTER = "4h"
DEFAULT_RETENTION = "90d"
# The emulator's account, published by Microsoft: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
_EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;TableEndpoint=http://127.0.0.1:10002/devstoreaccount1"
)
# Longer ones mean for ever; what is counted back from today stays a date that a calendar has.
LONGEST_DURATION = timedelta(days=36500)
_DURATION = re.compile(r"(\d{1,6})([smhd])|0")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Area(StrEnum):
    STORAGE = "storage"
    DYNAMICS = "dynamics"
    # It is told and stops nothing: a default counts meanwhile, or a warning is lost.
    NOTED = "noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One setting that cannot be used, and what to do about it. Never holds the setting's value."""

    area: Area
    setting: str
    problem: str

    def __str__(self) -> str:
        return f"{self.setting} {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageByKey:
    connection_string: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageByIdentity:
    """`client_id` None: the system-assigned identity, or the developer's own sign-in."""

    queue_url: str
    table_url: str
    client_id: str | None
    managed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    tenant_id: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    tenant_id: str
    client_id: str
    path: str
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedIdentity:
    """`client_id` None: the system-assigned identity."""

    client_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPassword:
    """Office 365: fails under multi-factor sign-in, and the password ends after 90 days.

    `tenant_id` is `organizations` where it is not set: Entra finds the directory by the user name's domain. The
    application has to be the publisher's own; Microsoft's ready-made one is for trying things out only.
    """

    tenant_id: str
    client_id: str
    username: str
    password: str = field(repr=False)


SignIn = ClientSecret | Certificate | ManagedIdentity | UserPassword


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataverse:
    url: str
    authority: str
    sign_in: SignIn


class SpecialLeads(StrEnum):
    """What becomes of test leads, or of do-not-contact leads."""

    WRITE = "write"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`storage` None: its settings have faults. `dataverse` None: not configured, or faults."""

    storage: StorageByKey | StorageByIdentity | None
    dataverse: Dataverse | None
    dedupe_window: timedelta = timedelta(days=7)
    fallback_after: timedelta = timedelta(hours=4)
    retention: timedelta = timedelta(days=90)
    mapping_path: str | None = None
    test_leads: SpecialLeads = SpecialLeads.WRITE
    dnc_leads: SpecialLeads = SpecialLeads.WRITE
    secret_expires: date | None = None
    password_changed: date | None = None
    faults: tuple[Fault, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Reads all settings; whatever is wrong stands in `faults`, nothing is raised."""
        reader = _Reader(environment)
        return cls(
            storage=reader.storage(),
            dataverse=reader.dataverse(),
            dedupe_window=reader.duration("LEADPIPE_DEDUPE_WINDOW", DEFAULT_DEDUPE_WINDOW),
            fallback_after=reader.duration("LEADPIPE_FALLBACK_AFTER", DEFAULT_FALLBACK_AFTER),
            # What was forgotten too early does not come back.
            retention=reader.duration(
                "LEADPIPE_RETENTION",
                DEFAULT_RETENTION,
                meanwhile=LONGEST_DURATION,
                said="nothing is forgotten meanwhile",
            ),
            mapping_path=reader.text("LEADPIPE_MAPPING") or None,
            test_leads=reader.special("LEADPIPE_TEST_LEADS"),
            dnc_leads=reader.special("LEADPIPE_DNC_LEADS"),
            secret_expires=reader.day("DATAVERSE_SECRET_EXPIRES"),
            password_changed=reader.day("DATAVERSE_PASSWORD_CHANGED"),
            faults=tuple(reader.faults),
        )

    @property
    def stopping(self) -> tuple[Fault, ...]:
        """The faults that keep leads from being kept or written."""
        return tuple(fault for fault in self.faults if fault.area is not Area.NOTED)

    def faults_of(self, area: Area) -> str:
        """All faults of that area in one line, empty when there are none."""
        return "; ".join(str(fault) for fault in self.faults if fault.area is area)


def _is_connection_string(text: str) -> bool:
    """Whether the storage SDKs can use it; they would only say so when the first lead comes, and not which setting."""
    pairs = [part.partition("=") for part in text.rstrip(";").split(";")]
    parts = {name.lower(): value.strip() for name, _, value in pairs}
    if not all(name and value for name, value in parts.items()):
        return False
    if "sharedaccesssignature" in parts:
        return "accountname" in parts or {"queueendpoint", "tableendpoint"} <= parts.keys()
    return "accountname" in parts and _is_base64(parts.get("accountkey", ""))


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(text)
    asked = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found[1] else timedelta(0)
    return min(asked, LONGEST_DURATION)


class _Reader:
    """Reads one setting after another and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.faults: list[Fault] = []

    def text(self, name: str, area: Area = Area.DYNAMICS) -> str:
        value = self._environment.get(name, "").strip()
        if value.startswith("@Microsoft.KeyVault("):
            # The platform puts the reference's own text here when it cannot read the vault.
            self._fault(area, name, "is an unresolved Key Vault reference: give the app's identity access to the vault")
            return ""
        return value

    def storage(self) -> StorageByKey | StorageByIdentity | None:
        before = len(self.faults)
        found = self._storage_by_key() or self._storage_by_identity()
        if found is None and len(self.faults) == before:
            self._fault(
                Area.STORAGE,
                "AzureWebJobsStorage",
                "is not set: give a connection string, or AzureWebJobsStorage__accountName to use an identity",
            )
        return found

    def _storage_by_key(self) -> StorageByKey | None:
        value = self.text("AzureWebJobsStorage", Area.STORAGE)
        if not value:
            return None
        if value.rstrip(";").lower() == "usedevelopmentstorage=true":
            return StorageByKey(connection_string=_EMULATOR)
        if not _is_connection_string(value):
            self._fault(
                Area.STORAGE,
                "AzureWebJobsStorage",
                "is no connection string: copy it whole from the storage account's Access keys",
            )
            return None
        for name in ("accountName", "queueServiceUri", "tableServiceUri"):
            if self._is_set(f"AzureWebJobsStorage__{name}"):
                problem = "is set beside AzureWebJobsStorage, and does not count: remove one of the two"
                self._fault(Area.NOTED, f"AzureWebJobsStorage__{name}", problem)
        return StorageByKey(connection_string=value)

    def _storage_by_identity(self) -> StorageByIdentity | None:
        account = self.text("AzureWebJobsStorage__accountName", Area.STORAGE)
        queue = self.text("AzureWebJobsStorage__queueServiceUri", Area.STORAGE)
        table = self.text("AzureWebJobsStorage__tableServiceUri", Area.STORAGE)
        if account:
            queue = queue or f"https://{account}.queue.core.windows.net"
            table = table or f"https://{account}.table.core.windows.net"
        elif queue or table:
            for name, value in (("queueServiceUri", queue), ("tableServiceUri", table)):
                if not value:
                    self._fault(Area.STORAGE, f"AzureWebJobsStorage__{name}", "is not set while its sibling is")
        if not (queue and table):
            return None
        client_id = self.text("AzureWebJobsStorage__clientId", Area.STORAGE) or None
        managed = self.text("AzureWebJobsStorage__credential", Area.STORAGE).lower() == "managedidentity"
        return StorageByIdentity(
            queue_url=queue, table_url=table, client_id=client_id, managed=managed or client_id is not None
        )

    def dataverse(self) -> Dataverse | None:
        url = self._organisation()
        if url is None:
            return None
        authority = self._https("DATAVERSE_AUTHORITY", DEFAULT_AUTHORITY) or DEFAULT_AUTHORITY
        sign_in = self._sign_in()
        return Dataverse(url=url, authority=authority, sign_in=sign_in) if url and sign_in else None

    def _organisation(self) -> str | None:
        """The organisation's address, empty where it has a fault; None when every lead shall rest in the fallback.

        Credentials without an organisation are a slip, not a wish for the fallback table.
        """
        if self._is_set("DATAVERSE_URL"):
            return self._https("DATAVERSE_URL", "https://contoso.crm4.dynamics.com")
        if not any(self._is_set(name) for name in _CREDENTIALS):
            return None
        self._fault(
            Area.DYNAMICS, "DATAVERSE_URL", "is not set, but credentials are: https://contoso.crm4.dynamics.com"
        )
        return ""

    def _is_set(self, name: str) -> bool:
        return bool(self._environment.get(name, "").strip())

    def _https(self, name: str, example: str) -> str:
        """The origin of an https address, empty when it is not set or not one."""
        value = self.text(name)
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme != "https" or not parts.hostname or parts.username is not None:
            self._fault(Area.DYNAMICS, name, f"is no https address like {example}")
            return ""
        return f"https://{parts.netloc.lower()}"

    def _sign_in(self) -> SignIn | None:
        faults_before = len(self.faults)
        chosen = {name: read for name, read in self._ways().items() if self.text(name)}
        if len(chosen) > 1:
            self._fault(Area.DYNAMICS, " and ".join(chosen), "are set together: keep exactly one way to sign in")
        elif not chosen and len(self.faults) == faults_before:
            self._fault(Area.DYNAMICS, "DATAVERSE_CLIENT_SECRET", "is not set, nor is another way to sign in")
        found = [read() for read in chosen.values()]
        return found[0] if len(self.faults) == faults_before else None

    def _ways(self) -> dict[str, Callable[[], SignIn]]:
        """Each way to sign in under the setting that chooses it."""
        return {
            "DATAVERSE_CLIENT_SECRET": lambda: ClientSecret(
                tenant_id=self._guid("DATAVERSE_TENANT_ID"),
                client_id=self._guid("DATAVERSE_CLIENT_ID"),
                secret=self.text("DATAVERSE_CLIENT_SECRET"),
            ),
            "DATAVERSE_CERTIFICATE_PATH": lambda: Certificate(
                tenant_id=self._guid("DATAVERSE_TENANT_ID"),
                client_id=self._guid("DATAVERSE_CLIENT_ID"),
                path=self.text("DATAVERSE_CERTIFICATE_PATH"),
                password=self.text("DATAVERSE_CERTIFICATE_PASSWORD") or None,
            ),
            "DATAVERSE_MANAGED_IDENTITY": self._managed_identity,
            "DATAVERSE_USERNAME": lambda: UserPassword(
                tenant_id=self._guid("DATAVERSE_TENANT_ID") if self._is_set("DATAVERSE_TENANT_ID") else ANY_DIRECTORY,
                client_id=self._guid("DATAVERSE_CLIENT_ID"),
                username=self.text("DATAVERSE_USERNAME"),
                password=self._required("DATAVERSE_PASSWORD"),
            ),
        }

    def _managed_identity(self) -> ManagedIdentity:
        if self.text("DATAVERSE_MANAGED_IDENTITY").lower() == "system":
            return ManagedIdentity(client_id=None)
        return ManagedIdentity(client_id=self._guid("DATAVERSE_MANAGED_IDENTITY"))

    def _required(self, name: str) -> str:
        value = self.text(name)
        if not value and not any(fault.setting == name for fault in self.faults):
            self._fault(Area.DYNAMICS, name, "is not set")
        return value

    def _guid(self, name: str) -> str:
        value = self._required(name)
        if value and not _GUID.fullmatch(value):
            self._fault(Area.DYNAMICS, name, "is no id like aaaabbbb-0000-cccc-1111-dddd2222eeee")
        return value

    def duration(self, name: str, default: str, *, meanwhile: timedelta | None = None, said: str = "") -> timedelta:
        """`meanwhile` counts in place of one that cannot be read, else the default."""
        try:
            return _duration(self.text(name, Area.NOTED) or default)
        except ValueError:
            problem = f"is no time like {default}, 12h, 30m, 45s or 0; {said or f'{default} counts'}"
            self._fault(Area.NOTED, name, problem)
            return meanwhile or _duration(default)

    def special(self, name: str) -> SpecialLeads:
        value = self.text(name).lower() or SpecialLeads.WRITE
        if value in {*SpecialLeads}:
            return SpecialLeads(value)
        self._fault(Area.DYNAMICS, name, "is neither write nor keep")
        return SpecialLeads.WRITE

    def day(self, name: str) -> date | None:
        value = self.text(name, Area.NOTED)
        try:
            return date.fromisoformat(value) if value else None
        except ValueError:
            self._fault(Area.NOTED, name, "is no date like 2027-01-31; nobody is warned meanwhile")
            return None

    def _fault(self, area: Area, setting: str, problem: str) -> None:
        fault = Fault(area=area, setting=setting, problem=problem)
        if fault not in self.faults:
            self.faults.append(fault)


_CREDENTIALS = (
    "DATAVERSE_CLIENT_SECRET",
    "DATAVERSE_CERTIFICATE_PATH",
    "DATAVERSE_MANAGED_IDENTITY",
    "DATAVERSE_USERNAME",
)
