"""Lists the methods to sign in, and what is known before the commands for one are written."""

from dataclasses import dataclass
from enum import StrEnum

from leadpipe.model.settings import DEFAULT_AUTHORITY


class SignInMethod(StrEnum):
    """How the app signs in; the words of the command line."""

    MANAGED_IDENTITY = "managed-identity"
    SECRET = "secret"  # noqa: S105 - the method's name
    CERTIFICATE = "certificate"
    PASSWORD = "password"  # noqa: S105


# The value of DATAVERSE_MANAGED_IDENTITY for the identity that lives and dies with the app.
SYSTEM = "system"
# The settings that belong to one method only.
SETTINGS_OF = {
    SignInMethod.MANAGED_IDENTITY: ("DATAVERSE_MANAGED_IDENTITY",),
    SignInMethod.SECRET: ("DATAVERSE_CLIENT_SECRET", "DATAVERSE_SECRET_EXPIRES"),
    SignInMethod.CERTIFICATE: ("DATAVERSE_CERTIFICATE_PATH", "DATAVERSE_CERTIFICATE_PASSWORD"),
    SignInMethod.PASSWORD: ("DATAVERSE_USERNAME", "DATAVERSE_PASSWORD", "DATAVERSE_PASSWORD_CHANGED"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known already; an empty value becomes a variable to fill in. `identity`: a user-assigned one, or SYSTEM.

    `tenant_id`: an id, since the app's setting takes no domain name.
    """

    url: str
    authority: str = DEFAULT_AUTHORITY
    client_id: str = ""
    tenant_id: str = ""
    username: str = ""
    identity: str = ""
