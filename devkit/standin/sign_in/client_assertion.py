"""Checks an application's signed assertion, whose signature must be a registered certificate's.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from devkit.standin.sign_in.refusal import sign_in_error

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ["PS256", "RS256"]


def check_assertion(assertion: str, *, client_id: str, audience: str, certificates: Iterable[str]) -> None:
    """Raises the sign-in error for what is wrong with it."""
    key = _registered_key(assertion, client_id, certificates)
    try:
        claims = jwt.decode(assertion, key, _ALGORITHMS, audience=audience, issuer=client_id)
    except jwt.InvalidSignatureError as error:
        raise sign_in_error(50012, client_id=client_id) from error
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        raise sign_in_error(700024, client_id=client_id) from error
    except jwt.InvalidTokenError as error:
        raise sign_in_error(50027, client_id=client_id) from error
    if claims.get("sub") != client_id:
        raise sign_in_error(50027, client_id=client_id)


def _registered_key(assertion: str, client_id: str, certificates: Iterable[str]) -> RSAPublicKey:
    """Ignores certificates that have expired."""
    try:
        thumbprint = jwt.get_unverified_header(assertion).get("x5t#S256", "")
    except jwt.InvalidTokenError as error:
        raise sign_in_error(50027, client_id=client_id) from error
    for text in certificates:
        certificate = x509.load_pem_x509_certificate(text.encode())
        key = certificate.public_key()
        in_time = certificate.not_valid_after_utc > datetime.now(UTC)
        if _thumbprint(certificate) == str(thumbprint).rstrip("=") and in_time and isinstance(key, RSAPublicKey):
            return key
    raise sign_in_error(700027, client_id=client_id)


def _thumbprint(certificate: x509.Certificate) -> str:
    """Gives the SHA-256 thumbprint. SHA-1 is not accepted, so that no client uses it unnoticed."""
    return base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
