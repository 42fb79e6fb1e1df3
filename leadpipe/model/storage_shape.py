"""Checks the shape of each storage setting: finds what is wrong with the text and what belongs there. Never quotes it.

The storage SDKs would report it only when the first lead comes, and not which setting is wrong.
"""

import base64
import re
from urllib.parse import SplitResult, urlsplit

from leadpipe.model.guid import is_guid

SERVICES = ("blob", "queue", "table")
# https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-name
_NAME = re.compile(r"[a-z0-9]{3,24}")
_IDENTITY = re.compile(
    r"/subscriptions/[^/\s]+/resourcegroups/[^/\s]+/providers/microsoft\.managedidentity/userassignedidentities/[^/\s]+",
    re.IGNORECASE,
)
_QUOTES = "'\"`‘’“”„"
# The services that a storage address can name.
_ALL_SERVICES = frozenset({*SERVICES, "file", "dfs", "web"})
_CREDENTIAL = re.compile(r"\b(AccountName|AccountKey|SharedAccessSignature|EndpointSuffix)\s*=", re.IGNORECASE)
_ACCESS_KEYS = "copy it whole from the storage account's Access keys"
# A key has 64 bytes. An account's name may look like a key, but is shorter than this.
_LONGER_THAN_A_NAME = 40


def wrong_name(text: str) -> str:
    """What is wrong with an account's name, empty if nothing is. Capitals are accepted here."""
    if _is_quoted(text):
        return "is in quotes: take them away"
    if "=" in text or ";" in text:
        return "is a connection string or a key: give the account's name alone"
    if any(character in text for character in "/.:"):
        return "is an address: give the account's name alone"
    if not _NAME.fullmatch(text.lower()):
        return "is not a storage account's name, which has 3 to 24 small letters and digits"
    return ""


def wrong_address(text: str, service: str) -> str:
    """What is wrong with a service's address, empty if nothing is. With a token the SDKs send only over https."""
    example = f"https://contoso.{service}.core.windows.net"
    if _is_quoted(text):
        return "is in quotes: take them away"
    if _CREDENTIAL.search(text):
        return f"is a connection string: give the address alone, like {example}"
    parts = _split(text)
    if parts is None or parts.scheme != "https" or not parts.hostname:
        return f"is not an https address like {example}"
    if parts.username is not None or parts.query or parts.fragment or (parts.path.strip("/") and not _is_local(parts)):
        return f"has more in it than an address like {example}, which ends with the host's name"
    labels = parts.hostname.split(".")[1:]
    if service not in labels and (other := next((label for label in labels if label in _ALL_SERVICES), "")):
        return f"is the address of the {other} service: give that of the {service} service, like {example}"
    return ""


def wrong_connection_string(text: str) -> str:
    if _is_quoted(text):
        return "is not a connection string while it is in quotes: take them away"
    pairs = [part.partition("=") for part in text.rstrip(";").split(";")]
    parts = {name.lower(): value.strip() for name, _, value in pairs}
    if not _is_usable(parts):
        return f"is not a connection string{_instead(text)}: {_ACCESS_KEYS}"
    if not any(name.endswith("endpoint") for name in parts) and not _NAME.fullmatch(parts["accountname"]):
        return "is not a connection string that storage knows: its AccountName has 3 to 24 small letters and digits"
    return ""


def reaches_no_blobs(connection_string: str) -> bool:
    """Whether the host finds no blob service in it. The host can derive the address from the account's name."""
    names = {part.partition("=")[0].lower() for part in connection_string.split(";")}
    return not names & {"accountname", "blobendpoint"}


def wrong_client_id(text: str) -> str:
    return "" if is_guid(text) else "is not an id like aaaabbbb-0000-cccc-1111-dddd2222eeee"


def wrong_resource_id(text: str) -> str:
    if _IDENTITY.fullmatch(text):
        return ""
    return (
        "is not the resource id of a user-assigned identity, like /subscriptions/…/resourceGroups/…/providers/"
        "Microsoft.ManagedIdentity/userAssignedIdentities/…"
    )


def origin(address: str) -> str:
    """The address in a form to compare: in small letters, without a slash at its end."""
    parts = urlsplit(address)
    return f"https://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _is_usable(parts: dict[str, str]) -> bool:
    if not all(name and value for name, value in parts.items()):
        return False
    if "sharedaccesssignature" in parts:
        return "accountname" in parts or {"queueendpoint", "tableendpoint"} <= parts.keys()
    return "accountname" in parts and _is_base64(parts.get("accountkey", ""))


def _instead(text: str) -> str:
    """What the text is instead of a connection string; empty if that is not known."""
    alone = ";" not in text
    found = {
        ", but an address": _scheme(text) in {"http", "https"},
        ", but a name (to use an identity, set AzureWebJobsStorage__accountName)": bool(_NAME.fullmatch(text)),
        ", but a shared access signature alone": alone and "sig=" in text,
        ", but the first part of one (a shell cuts it at ; where it is not quoted)": alone
        and text.lower().startswith("defaultendpointsprotocol=")
        and text.count("=") == 1,
        ", but a key alone": len(text) > _LONGER_THAN_A_NAME and _is_base64(text),
        ": its parts are divided by ; and have = between name and value": alone
        and bool(_CREDENTIAL.search(text.replace(":", "="))),
    }
    return next((what for what, is_so in found.items() if is_so), "")


def _scheme(text: str) -> str:
    parts = _split(text)
    return parts.scheme if parts else ""


def _split(text: str) -> SplitResult | None:
    if any(character.isspace() for character in text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_local(parts: SplitResult) -> bool:
    """Whether it is an emulator's address, which has the account in its path and not in the host's name."""
    from ipaddress import ip_address  # noqa: PLC0415 - a cold start by connection string has no use for it

    try:
        return parts.hostname == "localhost" or bool(ip_address(parts.hostname or ""))
    except ValueError:
        return False


def _is_quoted(text: str) -> bool:
    return text[0] in _QUOTES or text[-1] in _QUOTES


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False
