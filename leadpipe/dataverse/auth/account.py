"""Signs in as an Office 365 account, by name and password. Legacy: it fails once the password expires.

It cannot work if the directory asks for more than a password. Microsoft advises against it:
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
            raise  # from Entra's own answer
        except requests.RequestException:
            raise  # some are also a ValueError
        except (RuntimeError, SyntaxError, ValueError, LookupError, TypeError, AttributeError) as error:
            # The company's own sign-in server refused. msal's exception has the whole answer in its text.
            raise Blocked("federation_refused", type(error).__name__) from error
        if "access_token" not in answer:
            refused = refusal(answer)
            # These numbers are about an application's certificate; here Entra does not accept the company's server.
            if refused.slug == "certificate_refused":
                raise Blocked("federation_broken", refused.detail)
        return answer

    return ask


def _accept_deprecation() -> None:
    """Silences msal's warning at each call that this sign-in is deprecated; the README warns the operator.

    Not by `catch_warnings`, which is not thread-safe. Python keeps one filter however often it is set.
    """
    warnings.filterwarnings("ignore", _DEPRECATED, DeprecationWarning)
