"""Whom a set-up is for: the organisation and the application, as far as the settings and the command line name them.

The app's own sign-in need not be set yet: the set-up is what comes before it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from leadpipe.model.errors import SettingsError
from leadpipe.model.guid import is_guid
from leadpipe.model.reference import unresolved
from leadpipe.model.settings import ANY_EMULATOR, Dataverse, ManagedIdentity, Settings
from leadpipe.operations.setup.sign_in import Known, Way

_WAYS = {
    "DATAVERSE_CLIENT_SECRET": Way.SECRET,
    "DATAVERSE_CERTIFICATE_PATH": Way.CERTIFICATE,
    "DATAVERSE_MANAGED_IDENTITY": Way.MANAGED_IDENTITY,
    "DATAVERSE_USERNAME": Way.PASSWORD,
}
_DOMAIN = re.compile(r"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`client_id` empty: not known yet. `account`: the Office 365 user's name, where that is the way to sign in.

    `tenant`: an id or a domain name. `identity`: the id of a user-assigned managed identity, as the settings have it.
    `signs_in_as`: the application that the settings name, empty where they name none.
    """

    organisation: Dataverse
    way: Way
    client_id: str
    tenant: str
    account: str
    identity: str
    signs_in_as: str

    @property
    def is_another(self) -> bool:
        """Whether the app, as it is set, is not the application that this is for."""
        return bool(self.signs_in_as and not self.account and self.client_id != self.signs_in_as)

    def known(self) -> Known:
        return Known(
            url=self.organisation.url,
            authority=self.organisation.authority,
            client_id=self.client_id,
            tenant_id=self.tenant if is_guid(self.tenant) else "",
            username=self.account,
            identity=self.identity,
        )


def subject_of(environment: Mapping[str, str], *, client_id: str, tenant: str, way: Way | None = None) -> Subject:
    """`way` None: as the settings choose. Raises SettingsError without an organisation, or for an id that is none."""
    given = {name: environment.get(name, "").strip() for name in (*_WAYS, "DATAVERSE_CLIENT_ID", "DATAVERSE_TENANT_ID")}
    set_way = _way_of(given)
    way = way or set_way
    identity = given["DATAVERSE_MANAGED_IDENTITY"]
    of_identity = "" if identity.lower() == "system" else identity
    ids = dict.fromkeys(Way, given["DATAVERSE_CLIENT_ID"]) | {Way.MANAGED_IDENTITY: of_identity}
    named = ids[way]
    _require_resolved(given, way)
    if named and not is_guid(named):
        setting = "DATAVERSE_MANAGED_IDENTITY" if way is Way.MANAGED_IDENTITY else "DATAVERSE_CLIENT_ID"
        raise SettingsError("client_id", f"{setting} is no id like aaaabbbb-0000-cccc-1111-dddd2222eeee")
    tenant = tenant or given["DATAVERSE_TENANT_ID"]
    if tenant and not is_tenant(tenant):
        raise SettingsError("tenant", "DATAVERSE_TENANT_ID is no id like aaaabbbb-0000-cccc-1111-dddd2222eeee")
    return Subject(
        organisation=_organisation(environment),
        way=way,
        client_id=(client_id or named).lower(),
        tenant=tenant,
        account=given["DATAVERSE_USERNAME"] if way is Way.PASSWORD else "",
        identity=of_identity,
        signs_in_as=ids[set_way].lower(),
    )


def is_tenant(text: str) -> bool:
    """Whether it can name a directory: by its id, or by one of its domains."""
    return is_guid(text) or _DOMAIN.fullmatch(text) is not None


def _way_of(given: Mapping[str, str]) -> Way:
    """Where nothing is chosen yet, what is advised; a client id without more is an application's."""
    chosen = next((way for name, way in _WAYS.items() if given[name]), None)
    return chosen or (Way.SECRET if given["DATAVERSE_CLIENT_ID"] else Way.MANAGED_IDENTITY)


def is_managed_identity(settings: Settings) -> bool:
    return settings.dataverse is not None and isinstance(settings.dataverse.sign_in, ManagedIdentity)


def _organisation(environment: Mapping[str, str]) -> Dataverse:
    """Its address and its sign-in host, read by the settings' own rules; who signs in does not matter here."""
    if not environment.get("DATAVERSE_URL", "").strip():
        raise SettingsError("no_organisation", "DATAVERSE_URL is not set, such as https://contoso.crm4.dynamics.com")
    names = ("DATAVERSE_URL", "DATAVERSE_AUTHORITY")
    alone = {name: environment[name] for name in names if name in environment}
    settings = Settings.from_environment(
        {**alone, "DATAVERSE_MANAGED_IDENTITY": "system", "AzureWebJobsStorage": ANY_EMULATOR}
    )
    if settings.dataverse is None or settings.faults:
        raise SettingsError("no_organisation", "; ".join(map(str, settings.faults)))
    return settings.dataverse


def _require_resolved(given: Mapping[str, str], way: Way) -> None:
    """Of the settings whose values are used; of a secret it only counts that there is one."""
    used = {"DATAVERSE_CLIENT_ID", "DATAVERSE_TENANT_ID", "DATAVERSE_MANAGED_IDENTITY"}
    if way is Way.PASSWORD:
        used.add("DATAVERSE_USERNAME")
    for name in sorted(used):
        if problem := unresolved(given[name]):
            raise SettingsError("settings", f"{name} {problem}")
