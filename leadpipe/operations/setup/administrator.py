"""Signs in the administrator: with the account of the Azure CLI, else by a code that is confirmed in a browser.

The token lives as long as the command. azure-identity is imported only here, and only when it is used.
https://learn.microsoft.com/python/api/azure-identity
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from leadpipe.dataverse.administration import Administration
from leadpipe.dataverse.auth.authority import MICROSOFT_HOSTS
from leadpipe.dataverse.auth.refusal import refusal
from leadpipe.dataverse.inspection import Inspection
from leadpipe.model.errors import Blocked, DeliveryFailed, LeadpipeError
from leadpipe.model.settings import Dataverse
from leadpipe.operations.causes import failure_in_words, with_detail
from leadpipe.operations.dataverse_client import client_of

# Azure CLI starts slowly, on Windows above all.
_CLI_SECONDS = 60
_NOT_A_MEMBER = frozenset({"no_application_user", "user_disabled", "no_role"})
_TOO_LITTLE = frozenset({"missing_privilege", "access_denied"})


class NoAdministrator(Blocked):
    """The person could not be signed in; the detail says why and what to do."""


class AdministratorTokens:
    """Not thread-safe. Signs the person in at the first token; `say` shows what the person has to know or do."""

    def __init__(self, dataverse: Dataverse, tenant: str, say: Callable[[str], None]) -> None:
        self._say = say
        self._dataverse = dataverse
        self._tenant = tenant
        self._token = ""

    def token(self) -> str:
        if not self._token:
            scope = f"{self._dataverse.url}/.default"
            self._token = self._of_cli(scope) or self._by_code(scope)
        return self._token

    def drop(self, token: str) -> None:
        if self._token == token:
            self._token = ""

    def _of_cli(self, scope: str) -> str:
        """Empty where there is no Azure CLI, or it has no token for this organisation."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - `--azure` needs none of it
        from azure.identity import AzureCliCredential  # noqa: PLC0415

        if shutil.which("az") is None:
            return ""
        try:
            credential = AzureCliCredential(tenant_id=self._tenant, process_timeout=_CLI_SECONDS)
            token = str(credential.get_token(scope).token)
        except (AzureError, ValueError) as error:
            self._say(f"the Azure CLI gave no token{_number(error)}: signing in by code instead")
            return ""
        self._say("signed in with the account of the Azure CLI (`az account show` names it)")
        return token

    def _by_code(self, scope: str) -> str:
        from azure.core.exceptions import AzureError  # noqa: PLC0415
        from azure.identity import DeviceCodeCredential  # noqa: PLC0415

        asked = []

        def ask(uri: str, code: str, until: datetime) -> None:
            asked.append(uri)
            self._say(f"to sign in as an administrator, open {uri} and enter the code {code} (until {until:%H:%M} UTC)")

        named: dict[str, Any] = {"tenant_id": self._tenant} if self._tenant else {}
        try:
            credential = DeviceCodeCredential(
                authority=self._dataverse.authority,
                disable_instance_discovery=urlsplit(self._dataverse.authority).hostname not in MICROSOFT_HOSTS,
                prompt_callback=ask,
                **named,
            )
            return str(credential.get_token(scope).token)
        except (AzureError, ValueError) as error:
            what = "run it again and confirm the code in time" if asked else _why_not_even_a_code(error)
            raise NoAdministrator(
                "administrator",
                f"nobody was signed in{_number(error)}: {what}, or `az login` first;"
                " --tenant names the directory of the organisation, DATAVERSE_AUTHORITY the sign-in host",
            ) from None  # its text may quote the answer of the sign-in host


def administration_of(dataverse: Dataverse, tenant: str, say: Callable[[str], None]) -> Administration:
    tokens = AdministratorTokens(dataverse, tenant, say)
    client = client_of(dataverse, tokens)
    return Administration(dataverse.url, client.send)


def inspection_as_administrator(dataverse: Dataverse, tenant: str, say: Callable[[str], None]) -> Inspection:
    """For what the application user may usually not read."""
    tokens = AdministratorTokens(dataverse, tenant, say)
    return Inspection(client_of(dataverse, tokens).get)


def what_went_wrong(error: LeadpipeError) -> str:
    """A failure in words for the administrator: the ledger's causes are about the application user."""
    if isinstance(error, Blocked) and error.slug in _NOT_A_MEMBER:
        return "your account may do nothing in the organisation: sign in as one of its System Administrators"
    if isinstance(error, Blocked) and error.slug in _TOO_LITTLE:
        may_not = with_detail("your account may not do this", error.detail)
        return f"{may_not}: sign in as somebody with the role System Administrator"
    return failure_in_words(error)


@contextmanager
def said_to_the_administrator() -> Iterator[None]:
    """Turns failures of the reads before the first step into NoAdministrator."""
    try:
        yield
    except NoAdministrator:
        raise
    except LeadpipeError as error:
        raise NoAdministrator("administrator", what_went_wrong(error)) from error


def _why_not_even_a_code(error: Exception) -> str:
    if _refusal(error).slug == "tenant_unknown":
        return "the sign-in host knows no such directory: correct --tenant"
    return "the sign-in host asked for no code: check --tenant and the network"


def _number(error: Exception) -> str:
    """Only Microsoft's number: the text around it has ids and other parts of the answer."""
    known = _refusal(error).detail.split()[0]
    return f" ({known})" if known.startswith("AADSTS") else ""


def _refusal(error: BaseException) -> DeliveryFailed:
    """The refusal, from the texts of all chained exceptions: azure-identity and msal each raise one of their own."""
    texts = []
    each: BaseException | None = error
    while each is not None:
        texts.append(str(each))
        each = each.__context__
    return refusal({"error": "refused", "error_description": " ".join(texts)})
