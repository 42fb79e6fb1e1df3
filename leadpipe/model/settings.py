"""Reads the app settings: every name, default and rule. Reports all faults at once.

A fault in the storage settings stops intake (503). One in a setting that decides where and how leads are written makes
the leads wait as blocked. One in a setting whose default will do is only reported. If leadpipe can read a storage
setting but the functions host cannot, intake goes on, and health, `status` and `doctor` report it. If leadpipe checks
the keys of posts itself and can read none, intake stops too (503): a post that is answered with 401 is gone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from leadpipe.model import storage_shape
from leadpipe.model.disabled_functions import switched_off
from leadpipe.model.duration import duration_of
from leadpipe.model.keys import EndpointKey, keys_of
from leadpipe.model.reference import unresolved
from leadpipe.model.webhook import Shape, Webhook, shape_for, wrong_url

DEFAULT_AUTHORITY = "https://login.microsoftonline.com"
ANY_DIRECTORY = "organizations"
DEFAULT_DEDUPE_WINDOW = "7d"
DEFAULT_FALLBACK_AFTER = "4h"
DEFAULT_RETENTION = "90d"
# Names the emulator without saying on which ports it listens.
ANY_EMULATOR = "UseDevelopmentStorage=true"
_ORGANISATION = "https://contoso.crm4.dynamics.com"
# The emulator's account, published by Microsoft: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
_EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;TableEndpoint=http://127.0.0.1:10002/devstoreaccount1"
)
CANARY_EVERY = "LEADPIPE_CANARY"
CANARY_URL = "LEADPIPE_CANARY_URL"
SHORTEST_CANARY = timedelta(hours=1)
# Longer ones mean for ever. Counted back from today, this is still a date that exists.
LONGEST_DURATION = timedelta(days=36500)
_STORAGE = "AzureWebJobsStorage"
_NO_CANARY = "no canary is posted meanwhile"
_ADDRESSES = {
    "blob": "AzureWebJobsStorage__blobServiceUri",
    "queue": "AzureWebJobsStorage__queueServiceUri",
    "table": "AzureWebJobsStorage__tableServiceUri",
}
_ACCOUNT = "AzureWebJobsStorage__accountName"
_CREDENTIAL = "AzureWebJobsStorage__credential"
_IDENTITY = "AzureWebJobsStorage__clientId"
_IDENTITY_RESOURCE = "AzureWebJobsStorage__managedIdentityResourceId"
# Any of these names a storage account.
NAMES_STORAGE = (_STORAGE, _ACCOUNT, *_ADDRESSES.values())
# With these the host signs in to storage in a way that leadpipe does not know.
_OTHER_SIGN_IN = tuple(
    f"{_STORAGE}__{part}"
    for part in ("clientSecret", "clientCertificate", "managedIdentityClientId", "managedIdentityObjectId")
)
_NOTIFY_URL = "LEADPIPE_NOTIFY_URL"
_NOTIFY_FORMAT = "LEADPIPE_NOTIFY_FORMAT"
_NOBODY = "nobody is notified meanwhile"
_AUTH = "LEADPIPE_AUTH"
_KEYS = "LEADPIPE_KEYS"
_APP = "LEADPIPE_APP"
# Read by the platform, by the command line or by libraries, not by `Settings`.
_READ_ELSEWHERE = frozenset({"PYTHON_THREADPOOL_THREAD_COUNT", "FUNCTIONS_WORKER_RUNTIME"})
_PREFIXES = ("DATAVERSE_", "LEADPIPE_", "AzureWebJobsStorage", "AzureWebJobs.", "AzureWebJobs_")


class Area(StrEnum):
    """What a fault stops."""

    STORAGE = "storage"  # intake
    KEYS = "keys"  # intake: without a key to compare with, no post may be called wrong
    HOST = "host"  # the functions host may refuse every post; a lead that reaches leadpipe is kept
    DYNAMICS = "dynamics"  # writing leads
    NOTED = "noted"  # nothing: a default counts meanwhile, or a warning is lost


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

    @property
    def account(self) -> str:
        """What an operator calls it; never a key. Raises ValueError."""
        return storage_shape.account_in(self.connection_string)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageByIdentity:
    """`client_id` and `resource_id` name a user-assigned identity; at most one of them is set.

    Without both it is the system-assigned one, or the developer's own sign-in if `managed` is false.
    """

    queue_url: str
    table_url: str
    client_id: str | None
    managed: bool
    resource_id: str | None = None

    @property
    def account(self) -> str:
        """What an operator calls it."""
        return storage_shape.account_at(self.table_url)


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
    """Office 365: fails under multi-factor sign-in, and the password expires after 90 days.

    `tenant_id` is `organizations` if it is not set: Entra finds the directory by the user name's domain. The
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPlan:
    """How often leadpipe posts a canary, and the endpoint's address with its key, which is a secret."""

    every: timedelta
    url: str = field(repr=False)


class SpecialLeads(StrEnum):
    """What becomes of test leads, or of do-not-contact leads."""

    WRITE = "write"
    KEEP = "keep"


class Auth(StrEnum):
    """Who checks the key of a post."""

    HOST = "host"  # the functions host, by its function keys
    KEYS = "keys"  # leadpipe, by LEADPIPE_KEYS


class App(StrEnum):
    """Which of leadpipe's functions a function app has."""

    INTAKE = "intake"  # all that leads need
    CONSOLE = "console"  # the operators' pages alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`storage` None: its settings have faults. `dataverse` None: not configured, or faults.

    `switched_off`: the functions that a setting switches off, and that setting.
    `webhook` None: nobody is notified. `site_name`: the function app's, empty where it does not run on Azure.
    `console_host`: a name that the console on Azure answers to beside its own.
    """

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
    switched_off: Mapping[str, str] = field(default_factory=dict)
    webhook: Webhook | None = None
    site_name: str = ""
    auth: Auth = Auth.HOST
    keys: tuple[EndpointKey, ...] = ()
    canary: CanaryPlan | None = None
    app: App = App.INTAKE
    console_host: str = ""
    faults: tuple[Fault, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Reads all settings. Puts whatever is wrong into `faults` and raises nothing."""
        reader = _Reader(environment)
        return cls(
            storage=reader.storage(),
            dataverse=reader.dataverse(),
            dedupe_window=reader.duration("LEADPIPE_DEDUPE_WINDOW", DEFAULT_DEDUPE_WINDOW),
            fallback_after=reader.duration("LEADPIPE_FALLBACK_AFTER", DEFAULT_FALLBACK_AFTER),
            # Data that was removed too early does not come back.
            retention=reader.duration(
                "LEADPIPE_RETENTION",
                DEFAULT_RETENTION,
                meanwhile=LONGEST_DURATION,
                effect="nothing is forgotten meanwhile",
            ),
            mapping_path=reader.text("LEADPIPE_MAPPING") or None,
            test_leads=reader.special("LEADPIPE_TEST_LEADS"),
            dnc_leads=reader.special("LEADPIPE_DNC_LEADS"),
            secret_expires=reader.day("DATAVERSE_SECRET_EXPIRES"),
            password_changed=reader.day("DATAVERSE_PASSWORD_CHANGED"),
            switched_off=switched_off(environment),
            webhook=reader.webhook(),
            site_name=reader.text("WEBSITE_SITE_NAME", Area.NOTED),
            auth=auth_of(environment),
            keys=reader.keys(auth_of(environment)),
            canary=reader.canary(),
            app=reader.app(),
            console_host=reader.text("LEADPIPE_CONSOLE_HOST", Area.NOTED).lower(),
            faults=reader.all_faults(),
        )

    @property
    def app_name(self) -> str:
        """Which leadpipe this is, for a person who has several: the site's name, else the storage account's."""
        try:
            return self.site_name or (self.storage.account if self.storage else "") or "unnamed"
        except ValueError:
            return "unnamed"

    @property
    def stopping(self) -> tuple[Fault, ...]:
        """The faults that keep leads from being taken in, kept or written."""
        return tuple(fault for fault in self.faults if fault.area is not Area.NOTED)

    def faults_of(self, area: Area) -> str:
        """All faults of that area in one line; empty if there are none."""
        return "; ".join(str(fault) for fault in self.faults if fault.area is area)


def auth_of(environment: Mapping[str, str]) -> Auth:
    """Who checks the key of a post. Any word that is not `host` means leadpipe.

    So a slip in LEADPIPE_AUTH never leaves posts to the host, which answers 401 where leadpipe answers 503.
    """
    word = environment.get(_AUTH, "").strip().lower()
    return Auth.HOST if word in {"", Auth.HOST} else Auth.KEYS


def app_of(environment: Mapping[str, str]) -> App:
    """Which functions are registered. Any word that is not `console` means those that leads need.

    So a slip in LEADPIPE_APP never leaves the marketplace without its endpoint.
    """
    return App.CONSOLE if environment.get(_APP, "").strip().lower() == App.CONSOLE else App.INTAKE


def as_the_host_reads(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with the storage settings' usual names. The host ignores their case and reads `:` as `__`.

    https://learn.microsoft.com/aspnet/core/fundamentals/configuration#non-prefixed-environment-variables
    """
    names = (*NAMES_STORAGE, _CREDENTIAL, _IDENTITY, _IDENTITY_RESOURCE, *_OTHER_SIGN_IN)
    usual = {name.lower(): name for name in names}
    spelled = {usual.get(name.replace(":", "__").lower(), name): value for name, value in environment.items()}
    return {**spelled, **environment}


def _duration(text: str) -> timedelta:
    span = timedelta(0) if text == "0" else duration_of(text)
    if span is None:
        raise ValueError(text)
    return min(span, LONGEST_DURATION)


def is_any_emulator(connection_string: str) -> bool:
    return connection_string.strip().rstrip(";").lower() == ANY_EMULATOR.lower()


class _Reader:
    """Reads one setting after another and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = as_the_host_reads(environment)
        self.faults: list[Fault] = []

    def text(self, name: str, area: Area = Area.DYNAMICS) -> str:
        """The value; empty if it is not set or is an unresolved reference. Every setting is read here."""
        value = self._environment.get(name, "").strip()
        if problem := unresolved(value):
            self._fault(area, name, problem)
            return ""
        return value

    def all_faults(self) -> tuple[Fault, ...]:
        """All faults. Call it last: it also checks the settings that were not read for unresolved references."""
        faulty = {fault.setting for fault in self.faults}
        for name in self._environment:
            if name not in faulty and (name.startswith(_PREFIXES) or name in _READ_ELSEWHERE):
                self.text(name, Area.NOTED)
        return tuple(self.faults)

    def storage(self) -> StorageByKey | StorageByIdentity | None:
        self.text("REQUESTS_CA_BUNDLE", Area.STORAGE)
        found = self._storage_by_key() if self._is_set(_STORAGE) else self._storage_by_identity()
        if any(fault.area is Area.STORAGE for fault in self.faults):
            return None
        if found is None:
            problem = "is not set: give a connection string, or AzureWebJobsStorage__accountName to use an identity"
            self._fault(Area.STORAGE, _STORAGE, problem)
        return found

    def _storage_by_key(self) -> StorageByKey | None:
        """The connection string. It wins over an identity, for the host too."""
        value = self.text(_STORAGE, Area.STORAGE)
        if not value:
            return None
        if is_any_emulator(value):
            return StorageByKey(connection_string=_EMULATOR)
        if problem := storage_shape.wrong_connection_string(value):
            self._fault(Area.STORAGE, _STORAGE, problem)
            return None
        if storage_shape.reaches_no_blobs(value):
            problem = "has no BlobEndpoint: the host cannot read its keys there, and answers 401 to every post"
            self._fault(Area.HOST, _STORAGE, problem)
        for name in (_ACCOUNT, *_ADDRESSES.values()):
            if self.text(name, Area.NOTED):
                problem = "is set beside AzureWebJobsStorage, and does not count: remove one of the two"
                self._fault(Area.NOTED, name, problem)
        return StorageByKey(connection_string=value)

    def _storage_by_identity(self) -> StorageByIdentity | None:
        account = self._account()
        # Only the host needs the blob service, for its keys. An account name replaces queue and table addresses.
        needed = {} if account else {"queue": Area.STORAGE, "table": Area.STORAGE}
        addresses = {
            service: self._address(service, needed.get(service, Area.HOST)) for service in storage_shape.SERVICES
        }
        if not any(self._is_set(name) for name in NAMES_STORAGE):
            return None
        if _STORAGE in self._environment:
            problem = "is empty beside identity settings: the host answers 401 to every post; remove the setting"
            self._fault(Area.HOST, _STORAGE, problem)
        if account:
            of_account = {service: f"https://{account}.{service}.core.windows.net" for service in addresses}
            self._require_same_account(addresses, of_account)
            addresses = of_account
        elif not self._is_set(_ACCOUNT):
            self._require_all(addresses)
        return self._by_identity(queue_url=addresses["queue"], table_url=addresses["table"])

    def _account(self) -> str:
        """The account's name; empty if it is not set or has a fault."""
        account = self.text(_ACCOUNT, Area.STORAGE)
        if account and (problem := storage_shape.wrong_name(account)):
            self._fault(Area.STORAGE, _ACCOUNT, problem)
            return ""
        if account != account.lower():
            problem = "has capitals, which no account's name has: write it in small letters"
            self._fault(Area.HOST, _ACCOUNT, problem)
        return account.lower()

    def _address(self, service: str, area: Area) -> str:
        name = _ADDRESSES[service]
        value = self.text(name, area)
        if value and (problem := storage_shape.wrong_address(value, service)):
            self._fault(area, name, problem)
            return ""
        return storage_shape.origin(value) if value else ""

    def _require_same_account(self, addresses: Mapping[str, str], of_account: Mapping[str, str]) -> None:
        others = [service for service, address in addresses.items() if address and address != of_account[service]]
        if not others:
            return
        names = " and ".join(_ADDRESSES[service] for service in others)
        if others == ["blob"]:
            took = "the host takes its keys from that address, and queue and tables from this account"
        else:
            took = "the host takes the queue from this account, and so leadpipe takes queue and tables from it"
        self._fault(Area.HOST, _ACCOUNT, f"names another account than {names}: {took}; remove the one that is wrong")

    def _require_all(self, addresses: Mapping[str, str]) -> None:
        for service in addresses:
            name = _ADDRESSES[service]
            if self._is_set(name):
                continue
            wanted = "all three addresses have to be set, or AzureWebJobsStorage__accountName in their place"
            if service == "blob":
                self._fault(Area.HOST, name, f"is not set, so the host answers 401 to every post: {wanted}")
            else:
                self._fault(Area.STORAGE, name, f"is not set: {wanted}")

    def _by_identity(self, *, queue_url: str, table_url: str) -> StorageByIdentity:
        word = self.text(_CREDENTIAL, Area.STORAGE).lower()
        if word not in {"", "managedidentity"}:
            problem = "is not managedidentity: host and leadpipe sign in with whatever identity each of them finds"
            self._fault(Area.NOTED, _CREDENTIAL, problem)
        client_id = self._storage_id(_IDENTITY, storage_shape.wrong_client_id)
        resource_id = self._storage_id(_IDENTITY_RESOURCE, storage_shape.wrong_resource_id)
        if client_id and resource_id:
            problem = "is set beside AzureWebJobsStorage__clientId, and the host takes only one: remove one of the two"
            self._fault(Area.HOST, _IDENTITY_RESOURCE, problem)
            client_id = None
        for name in filter(self._is_set, _OTHER_SIGN_IN):
            problem = "is read by the host and not by leadpipe: name the identity by AzureWebJobsStorage__clientId"
            self._fault(Area.HOST, name, problem)
        return StorageByIdentity(
            queue_url=queue_url,
            table_url=table_url,
            client_id=client_id,
            resource_id=resource_id,
            managed=word == "managedidentity" or client_id is not None or resource_id is not None,
        )

    def _storage_id(self, name: str, wrong: Callable[[str], str]) -> str | None:
        value = self.text(name, Area.STORAGE)
        if value and (problem := wrong(value)):
            self._fault(Area.STORAGE, name, problem)
        return value or None

    def dataverse(self) -> Dataverse | None:
        """None if no organisation is configured, or if there are faults."""
        others = [name for name in self._environment if name.upper().startswith("DATAVERSE") and self._is_set(name)]
        if not others:
            return None
        url = self._organisation(others)
        authority = self._https("DATAVERSE_AUTHORITY", DEFAULT_AUTHORITY) or DEFAULT_AUTHORITY
        sign_in = self._sign_in()
        return Dataverse(url=url, authority=authority, sign_in=sign_in) if url and sign_in else None

    def _organisation(self, others: list[str]) -> str:
        """The organisation's address; empty if it has a fault.

        Without the address, any other setting of an organisation is a mistake, not a wish for the fallback table. On
        Linux, a vault reference that cannot be read leaves no variable, and `Dataverse_Url` is not DATAVERSE_URL.
        """
        if self._is_set("DATAVERSE_URL"):
            return self._https("DATAVERSE_URL", _ORGANISATION)
        named = f"{', '.join(sorted(others))} {'is' if len(others) == 1 else 'are'}"
        problem = (
            f"is not set, but {named}: set it, like {_ORGANISATION}, or remove all of them to have no organisation"
        )
        self._fault(Area.DYNAMICS, "DATAVERSE_URL", problem)
        return ""

    def _is_set(self, name: str) -> bool:
        return bool(self._environment.get(name, "").strip())

    def _https(self, name: str, example: str) -> str:
        """The origin of an https address; empty if it is not set or not such an address."""
        value = self.text(name)
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme != "https" or not parts.hostname or parts.username is not None:
            self._fault(Area.DYNAMICS, name, f"is not an https address like {example}")
            return ""
        return f"https://{parts.netloc.lower()}"

    def _sign_in(self) -> SignIn | None:
        faults_before = len(self.faults)
        ways = self._ways()
        chosen = [name for name in ways if self._is_set(name)]
        half = [name for name in ways if name not in chosen and self._is_set(_GOES_WITH.get(name, ""))]
        if len(chosen) > 1:
            self._fault(Area.DYNAMICS, " and ".join(chosen), "are set together: keep exactly one way to sign in")
        elif not chosen and not half:
            self._fault(Area.DYNAMICS, "DATAVERSE_CLIENT_SECRET", "is not set, nor is another way to sign in")
        found = [ways[name]() for name in chosen or half]
        signs_in = found[0] if len(self.faults) == faults_before else None
        for name in half if chosen else ():
            if self.text(_GOES_WITH[name], Area.NOTED):
                self._fault(Area.NOTED, _GOES_WITH[name], f"does not count without {name}: remove it")
        return signs_in

    def _ways(self) -> dict[str, Callable[[], SignIn]]:
        """Each way to sign in, by the setting that chooses it."""
        return {
            "DATAVERSE_CLIENT_SECRET": lambda: ClientSecret(
                tenant_id=self._guid("DATAVERSE_TENANT_ID"),
                client_id=self._guid("DATAVERSE_CLIENT_ID"),
                secret=self.text("DATAVERSE_CLIENT_SECRET"),
            ),
            "DATAVERSE_CERTIFICATE_PATH": lambda: Certificate(
                tenant_id=self._guid("DATAVERSE_TENANT_ID"),
                client_id=self._guid("DATAVERSE_CLIENT_ID"),
                path=self._required("DATAVERSE_CERTIFICATE_PATH"),
                password=self.text("DATAVERSE_CERTIFICATE_PASSWORD") or None,
            ),
            "DATAVERSE_MANAGED_IDENTITY": self._managed_identity,
            "DATAVERSE_USERNAME": lambda: UserPassword(
                tenant_id=self._guid("DATAVERSE_TENANT_ID") if self._is_set("DATAVERSE_TENANT_ID") else ANY_DIRECTORY,
                client_id=self._guid("DATAVERSE_CLIENT_ID"),
                username=self._required("DATAVERSE_USERNAME"),
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
        if value and (problem := storage_shape.wrong_client_id(value)):
            self._fault(Area.DYNAMICS, name, problem)
        return value

    def duration(self, name: str, default: str, *, meanwhile: timedelta | None = None, effect: str = "") -> timedelta:
        """The duration. If it cannot be read, `meanwhile` counts, else the default; `effect` explains that."""
        value = self.text(name, Area.NOTED)
        try:
            if value or not self._is_set(name):
                return _duration(value or default)
        except ValueError:
            problem = f"is not a time like {default}, 12h, 30m, 45s or 0; {effect or f'{default} counts'}"
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
            self._fault(Area.NOTED, name, "is not a date like 2027-01-31; nobody is warned meanwhile")
            return None

    def webhook(self) -> Webhook | None:
        """Where notices are posted; None if that is not set or has a fault. No fault of it stops a lead."""
        url, shape = self.text(_NOTIFY_URL, Area.NOTED), self._shape()
        if not url:
            if shape and not self._is_set(_NOTIFY_URL):
                self._fault(Area.NOTED, _NOTIFY_URL, f"is not set, but {_NOTIFY_FORMAT} is; {_NOBODY}")
            return None
        if problem := wrong_url(url):
            self._fault(Area.NOTED, _NOTIFY_URL, f"{problem}; {_NOBODY}")
            return None
        return Webhook(url=url, shape=shape or shape_for(url))

    def _shape(self) -> Shape | None:
        """The wanted one; None if the host decides."""
        word = self.text(_NOTIFY_FORMAT, Area.NOTED).lower()
        if not word or word in {*Shape}:
            return Shape(word) if word else None
        self._fault(Area.NOTED, _NOTIFY_FORMAT, "is none of teams, slack and json; the host's name decides")
        return None

    def keys(self, auth: Auth) -> tuple[EndpointKey, ...]:
        """The keys that posts are compared with; none if the host checks them, or if LEADPIPE_AUTH has a fault."""
        word = self.text(_AUTH, Area.KEYS).lower()
        if auth is Auth.HOST:
            self._note_idle_keys(word)
            return ()
        if word != Auth.KEYS:
            if word:
                self._fault(Area.KEYS, _AUTH, "is neither host nor keys, so no post is taken")
            return ()
        text = self._environment.get(_KEYS, "").strip()
        if not text:
            problem = "is not set, so no post is taken: on Linux a reference to a secret that cannot be read is not set"
            self._fault(Area.KEYS, _KEYS, problem)
        return self._keys_in(text) if text else ()

    def app(self) -> App:
        word = self.text(_APP, Area.NOTED).lower()
        if word and word not in {*App}:
            self._fault(Area.NOTED, _APP, "is neither intake nor console; intake counts")
        return app_of(self._environment)

    def _note_idle_keys(self, word: str) -> None:
        if not self._is_set(_KEYS):
            return
        if word:
            self._fault(Area.NOTED, _KEYS, "does not count while LEADPIPE_AUTH is host")
        else:
            problem = (
                "is not set beside LEADPIPE_KEYS, so the host answers 401 to those keys: set it to keys or to host"
            )
            self._fault(Area.HOST, _AUTH, problem)

    def _keys_in(self, text: str) -> tuple[EndpointKey, ...]:
        """One key that can be read is enough: the others are only noted."""
        keys, flaws = keys_of(text)
        if not keys:
            unreadable = f"has no key that can be read, so no post is taken: {'; '.join(flaws)}"
            self._fault(Area.KEYS, _KEYS, unresolved(text) or unreadable)
            return ()
        for flaw in flaws:
            self._fault(Area.NOTED, _KEYS, f"has a flaw: {flaw}")
        return tuple(keys)

    def canary(self) -> CanaryPlan | None:
        """None if none is wanted, or if a setting has a fault."""
        every, url = self._canary_every(), self._canary_url()
        for name, other in ((CANARY_EVERY, CANARY_URL), (CANARY_URL, CANARY_EVERY)):
            if self._is_set(name) and not self._is_set(other):
                self._fault(Area.NOTED, other, f"is not set, but {name} is; {_NO_CANARY}")
        return CanaryPlan(every=every, url=url) if every and url else None

    def _canary_every(self) -> timedelta | None:
        value = self.text(CANARY_EVERY, Area.NOTED)
        try:
            every = _duration(value) if value else None
        except ValueError:
            self._fault(Area.NOTED, CANARY_EVERY, f"is not a time like 1d or 12h; {_NO_CANARY}")
            return None
        if every is not None and every < SHORTEST_CANARY:
            self._fault(Area.NOTED, CANARY_EVERY, f"is shorter than 1h, which is the shortest; {_NO_CANARY}")
            return None
        return every

    def _canary_url(self) -> str:
        value = self.text(CANARY_URL, Area.NOTED)
        if value and (not value.isascii() or wrong_url(value)):
            problem = f"is not an address like https://contoso.azurewebsites.net/api/leads?code=KEY; {_NO_CANARY}"
            self._fault(Area.NOTED, CANARY_URL, problem)
            return ""
        return value

    def _fault(self, area: Area, setting: str, problem: str) -> None:
        fault = Fault(area=area, setting=setting, problem=problem)
        if fault not in self.faults:
            self.faults.append(fault)


# Settings that mean nothing without the way to sign in that they belong to.
_GOES_WITH = {
    "DATAVERSE_CERTIFICATE_PATH": "DATAVERSE_CERTIFICATE_PASSWORD",
    "DATAVERSE_USERNAME": "DATAVERSE_PASSWORD",
}
