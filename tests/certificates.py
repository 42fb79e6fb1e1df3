"""Certificates made for tests: self-signed, with a key of the wanted kind, valid until the wanted time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

NEXT_YEAR = datetime(2040, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Made:
    key: Any
    certificate: x509.Certificate

    def key_pem(self, password: str | None = None) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, _encryption(password)
        )

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def pfx(self, password: str | None = None) -> bytes:
        return pkcs12.serialize_key_and_certificates(None, self.key, self.certificate, None, _encryption(password))


@cache
def made(*, until: datetime = NEXT_YEAR, kind: str = "rsa", number: int = 0) -> Made:
    """`number` tells apart what is alike otherwise."""
    key: Any = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"leadpipe {number}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=365))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    return Made(key, certificate)


def _encryption(password: str | None) -> Any:
    return serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
