"""Reads from the settings and the command line which organisation and which application a set-up is for.

The app's own sign-in need not be set yet: the set-up comes before it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from leadpipe.model.errors import SettingsError
from leadpipe.model.guid import is_guid
from leadpipe.model.reference import unresolved
from leadpipe.model.settings import ANY_EMULATOR, Dataverse, Settings
from leadpipe.operations.setup.sign_in import SYSTEM, Known, SignInMethod

_METHODS = {
    "DATAVERSE_CLIENT_SECRET": SignInMethod.SECRET,
    "DATAVERSE_CERTIFICATE_PATH": SignInMethod.CERTIFICATE,
    "DATAVERSE_MANAGED_IDENTITY": SignInMethod.MANAGED_IDENTITY,
    "DATAVERSE_USERNAME": SignInMethod.PASSWORD,
}
_DOMAIN = re.compile(r"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`client_id` empty: not known yet. `account`: the Office 365 user's name, where that is the way to sign in.

    `tenant`: an id or a domain name. `identity`: the managed identity as the settings have it, an id or `system`.
    `signs_in_as`: the application that the settings name, empty where they name none.
    """

    organisation: Dataverse
    sign_in: SignInMethod
    client_id: str
    tenant: str
    account: str
    identity: str
    signs_in_as: str

    @property
    def is_another(self) -> bool:
        """Whether the app's settings name another application than this set-up is for."""
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


def subject_of(
    environment: Mapping[str, str], *, client_id: str, tenant: str, sign_in: SignInMethod | None = None
) -> Subject:
    """Reads whom the set-up is for. `sign_in` None: as the settings choose.

    Raises SettingsError without an organisation, and for an id that is not one.
    """
    names = (*_METHODS, "DATAVERSE_CLIENT_ID", "DATAVERSE_TENANT_ID")
    given = {name: environment.get(name, "").strip() for name in names}
    set_sign_in = _method_of(given)
    sign_in = sign_in or set_sign_in
    identity = given["DATAVERSE_MANAGED_IDENTITY"]
    of_identity = "" if identity.lower() == SYSTEM else identity
    ids = dict.fromkeys(SignInMethod, given["DATAVERSE_CLIENT_ID"]) | {SignInMethod.MANAGED_IDENTITY: of_identity}
    named = ids[sign_in]
    _require_resolved(given, sign_in)
    if named and not is_guid(named):
        setting = "DATAVERSE_MANAGED_IDENTITY" if sign_in is SignInMethod.MANAGED_IDENTITY else "DATAVERSE_CLIENT_ID"
        raise SettingsError("client_id", f"{setting} is not an id like aaaabbbb-0000-cccc-1111-dddd2222eeee")
    tenant = tenant or given["DATAVERSE_TENANT_ID"]
    if tenant and not is_tenant(tenant):
        raise SettingsError("tenant", "DATAVERSE_TENANT_ID is not an id like aaaabbbb-0000-cccc-1111-dddd2222eeee")
    return Subject(
        organisation=_organisation(environment),
        sign_in=sign_in,
        client_id=(client_id or named).lower(),
        tenant=tenant,
        account=given["DATAVERSE_USERNAME"] if sign_in is SignInMethod.PASSWORD else "",
        identity=SYSTEM if identity and not of_identity else identity,
        signs_in_as=ids[set_sign_in].lower(),
    )


def is_tenant(text: str) -> bool:
    """Whether the text is a directory's id or the name of a domain."""
    return is_guid(text) or _DOMAIN.fullmatch(text) is not None


def _method_of(given: Mapping[str, str]) -> SignInMethod:
    """The method that the settings choose; with only a client id a secret, else the recommended one."""
    chosen = next((method for name, method in _METHODS.items() if given[name]), None)
    return chosen or (SignInMethod.SECRET if given["DATAVERSE_CLIENT_ID"] else SignInMethod.MANAGED_IDENTITY)


def _organisation(environment: Mapping[str, str]) -> Dataverse:
    """The organisation's address and sign-in host, read by the rules of the settings. Its sign-in is a placeholder."""
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


def _require_resolved(given: Mapping[str, str], sign_in: SignInMethod) -> None:
    """Raises SettingsError for a value that is an unresolved reference. Secrets are not used, so not checked."""
    used = {"DATAVERSE_CLIENT_ID", "DATAVERSE_TENANT_ID", "DATAVERSE_MANAGED_IDENTITY"}
    if sign_in is SignInMethod.PASSWORD:
        used.add("DATAVERSE_USERNAME")
    for name in sorted(used):
        if problem := unresolved(given[name]):
            raise SettingsError("settings", f"{name} {problem}")
