"""Signing in as an Office 365 account, by name and password. Legacy: it ends with the password, after 90 days.

It cannot work where the directory asks for more than a password. Microsoft advises against it:
https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc
"""

import json
import warnings
from typing import Any

import msal
import requests

from leadpipe.dataverse.auth.authority import authority_options, http_client_for
from leadpipe.dataverse.auth.refusal import refusal
from leadpipe.dataverse.auth.tokens import Ask
from leadpipe.model.errors import Blocked
from leadpipe.model.settings import Dataverse, UserPassword

_DEPRECATED = "This API has been deprecated for public client flows"


def by_password(dataverse: Dataverse, sign_in: UserPassword) -> Ask:
    application = msal.PublicClientApplication(
        sign_in.client_id,
        http_client=http_client_for(dataverse.authority),
        **authority_options(dataverse.authority, sign_in.tenant_id),
    )
    scopes = [f"{dataverse.url}/.default"]

    def ask() -> dict[str, Any]:
        _accept_deprecation()
        try:
            answer: dict[str, Any] = application.acquire_token_by_username_password(
                sign_in.username, sign_in.password, scopes
            )
        except json.JSONDecodeError:
            raise  # of Entra's own answer, as with every way to sign in
        except requests.RequestException:
            raise  # some are a ValueError too
        except (RuntimeError, SyntaxError, ValueError, LookupError, TypeError, AttributeError) as error:
            # The account signs in at its company's own server, whose refusal msal raises with the whole answer in it.
            raise Blocked("federation_refused", type(error).__name__) from error
        if "access_token" not in answer:
            refused = refusal(answer)
            # An application's numbers for its certificate: here it is the company's server whose word is not taken.
            if refused.slug == "certificate_refused":
                raise Blocked("federation_broken", refused.detail)
        return answer

    return ask


def _accept_deprecation() -> None:
    """Msal warns the developer of this way at each call; who has to know is the operator, and is told in the README.

    Only this one sentence is silenced. Not by `catch_warnings`, which is not thread-safe; Python keeps one filter
    however often it is set.
    """
    warnings.filterwarnings("ignore", _DEPRECATED, DeprecationWarning)
