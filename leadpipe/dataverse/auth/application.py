"""Signs in as an application, with a secret or a certificate.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msal

from leadpipe.dataverse.auth.authority import authority_options, http_client_for
from leadpipe.dataverse.auth.certificate import load_certificate
from leadpipe.dataverse.auth.refusal import refusal
from leadpipe.dataverse.auth.tokens import Ask
from leadpipe.model.errors import Blocked
from leadpipe.model.settings import Certificate, ClientSecret, Dataverse


def by_secret(dataverse: Dataverse, sign_in: ClientSecret) -> Ask:
    return _asking(dataverse, sign_in, sign_in.secret)


def by_certificate(
    dataverse: Dataverse, sign_in: Certificate, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Ask:
    """Reads the file at each call, so that a renewed certificate needs no restart.

    Without a thumbprint msal signs with SHA-256 and sends the certificate, which registration by subject needs.
    """
    pair = load_certificate(sign_in.path, sign_in.password)
    ask = _asking(dataverse, sign_in, {"private_key": pair.private_key, "public_certificate": pair.certificate})

    def asked() -> dict[str, Any]:
        answer = ask()
        if "access_token" not in answer:
            refused = refusal(answer)
            # Entra has one number for expired and unknown certificates; the certificate's own date decides.
            if refused.slug == "certificate_refused" and pair.not_after <= now():
                raise Blocked("certificate_expired", refused.detail)
        return answer

    return asked


def _asking(dataverse: Dataverse, sign_in: ClientSecret | Certificate, credential: str | dict[str, str]) -> Ask:
    # This asks the sign-in host for its addresses, so it can fail like any request.
    application = msal.ConfidentialClientApplication(
        sign_in.client_id,
        client_credential=credential,
        http_client=http_client_for(dataverse.authority),
        # No regional host: the secret goes only to the host that is set.
        azure_region=msal.ConfidentialClientApplication.DISABLE_MSAL_FORCE_REGION,
        **authority_options(dataverse.authority, sign_in.tenant_id),
    )
    scopes = [f"{dataverse.url}/.default"]

    def ask() -> dict[str, Any]:
        answer: dict[str, Any] = application.acquire_token_for_client(scopes)
        return answer

    return ask
