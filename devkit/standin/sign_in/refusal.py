"""Makes Entra's sign-in errors: a number, its OAuth error, and a text that nobody should parse.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from devkit.standin.refusal import Refusal

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

_ERRORS: dict[int, tuple[str, str]] = {
    7000215: (
        "invalid_client",
        (
            "Invalid client secret provided. Ensure the secret being sent is the client secret value, not the client "
            "secret ID, for a secret added to app '{app}'."
        ),
    ),
    7000222: ("invalid_client", "The provided client secret keys for app '{app}' are expired."),
    7000218: (
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    700016: ("unauthorized_client", "Application with identifier '{app}' was not found in the directory."),
    7000112: ("unauthorized_client", "Application '{app}' is disabled."),
    90002: ("invalid_request", "Tenant not found. Check to make sure you have the correct tenant ID."),
    900144: ("invalid_request", "The request body must contain the following parameter: 'grant_type'."),
    70003: ("unsupported_grant_type", "The app requested an unsupported grant type."),
    500011: ("invalid_resource", "The resource principal was not found in the tenant."),
    50001: ("invalid_resource", "The resource principal was not found in the tenant."),
    70011: ("invalid_scope", "The provided request must include a 'scope' input parameter that is valid."),
    28002: ("invalid_scope", "Provided value for scope is not valid when requesting an access token."),
    700027: (
        "invalid_client",
        "The certificate with identifier used to sign the client assertion is not registered on application '{app}'.",
    ),
    700024: ("invalid_client", "Client assertion is not within its valid time range."),
    50012: ("invalid_client", "Client assertion contains an invalid signature."),
    50013: ("invalid_grant", "Assertion failed signature validation."),
    50027: ("invalid_client", "The given token is invalid."),
    50034: ("invalid_grant", "The user account does not exist in the directory."),
    50126: ("invalid_grant", "Error validating credentials due to invalid username or password."),
    50053: ("invalid_grant", "The account is locked."),
    50055: ("invalid_grant", "The password is expired."),
    50057: ("invalid_grant", "The user account is disabled."),
    50076: ("interaction_required", "You must use multi-factor authentication to access the resource."),
    50079: ("interaction_required", "You must enroll in multi-factor authentication to access the resource."),
    50158: ("interaction_required", "External security challenge was not satisfied."),
    530032: ("interaction_required", "Blocked by a security policy of the tenant."),
    65001: ("invalid_grant", "The user or administrator has not consented to use the application '{app}'."),
    90094: ("invalid_grant", "Administrator consent is required for the application '{app}'."),
    50196: ("invalid_grant", "The server terminated an operation because it encountered a client request loop."),
}
_UNAVAILABLE = {50033, 50087, 90006, 90012, 90024, 90033, 90090}
_THROTTLED = 90055


class SignInRefusal(Refusal):
    """An error answer in OAuth's form."""

    def __init__(self, status: int, error: str, number: int, text: str, retry_after: int | None) -> None:
        super().__init__(status, error, text, retry_after=retry_after)
        self.number = number

    def response(self) -> Response:
        answer = super().response()
        answer.set_data(json.dumps(self._body()))
        return answer

    def _body(self) -> dict[str, object]:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        return {
            "error": self.code,
            "error_description": f"AADSTS{self.number}: {self.message} Trace ID: {trace} Correlation ID: {correlation} "
            f"Timestamp: {now}",
            "error_codes": [self.number],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
        }


def sign_in_error(number: int, *, client_id: str = "", retry_after: int | None = None) -> SignInRefusal:
    """Makes the error: invalid_client is 401, transient errors are 503 and 429, all others 400."""
    if number in _UNAVAILABLE:
        return SignInRefusal(503, "temporarily_unavailable", number, "The service is unavailable.", retry_after or 1)
    if number == _THROTTLED:
        return SignInRefusal(429, "temporarily_unavailable", number, "The tenant is throttled.", retry_after or 1)
    error, text = _ERRORS.get(number, ("invalid_request", "The request was refused."))
    status = 401 if error == "invalid_client" else 400
    return SignInRefusal(status, error, number, text.format(app=client_id), retry_after)
