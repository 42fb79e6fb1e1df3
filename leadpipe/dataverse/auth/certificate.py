"""Reads the certificate that an application signs in with from its file: PEM with key and certificate, or PFX."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from leadpipe.model.errors import Blocked
from leadpipe.regular_file import read_at_once

# A chain of certificates with its key has some ten thousand bytes.
LARGEST_FILE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """The form that msal takes. `not_after` is when the certificate expires."""

    private_key: str = field(repr=False)
    certificate: str
    not_after: datetime


def load_certificate(path: str, password: str | None) -> KeyPair:
    """Raises Blocked if the file cannot be used, with what is wrong but without its path or content."""
    try:
        return _loaded(path, password)
    except Blocked:
        raise
    except Exception as error:
        # A damaged file makes the library's parsers raise anything; only the type may be named.
        raise _unreadable(f"it cannot be read ({type(error).__name__})") from error


def _loaded(path: str, password: str | None) -> KeyPair:
    key, certificates = _read(_bytes(path), password.encode() if password else None)
    if key is None:
        raise _unreadable("it holds no private key")
    if not isinstance(key, RSAPrivateKey):
        raise _unreadable("its key is not an RSA key")
    own = next((each for each in certificates if each.public_key() == key.public_key()), None)
    if own is None:
        raise _unreadable("it holds no certificate for its key")
    plain_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(
        private_key=plain_key.decode(),
        certificate=own.public_bytes(Encoding.PEM).decode(),
        not_after=own.not_valid_after_utc,
    )


def _bytes(path: str) -> bytes:
    """Refuses pipes and devices, which would block this thread and all that wait for the token."""
    try:
        content = read_at_once(Path(path), LARGEST_FILE + 1)
    except OSError as error:
        raise _unreadable("DATAVERSE_CERTIFICATE_PATH names no file that can be read") from error
    if len(content) > LARGEST_FILE:
        raise _unreadable(f"it is larger than {LARGEST_FILE >> 10} KiB")
    return content


def _read(content: bytes, password: bytes | None) -> tuple[PrivateKeyTypes | None, list[x509.Certificate]]:
    if b"-----BEGIN" in content:
        return _pem_key(content, password), _pem_certificates(content)
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, password)
    except (ValueError, UnsupportedAlgorithm) as error:
        why = "does not open it" if password else "is not set, and it does not open without"
        raise _unreadable(f"DATAVERSE_CERTIFICATE_PASSWORD {why}, or it is neither PEM nor PFX") from error
    return key, [each for each in (certificate, *others) if each is not None]


def _pem_key(content: bytes, password: bytes | None) -> PrivateKeyTypes | None:
    if b"PRIVATE KEY-----" not in content:
        return None
    # cryptography refuses a password for a key that needs none; leadpipe ignores it.
    encrypted = b"ENCRYPTED" in content
    if encrypted and password is None:
        raise _unreadable("its key is encrypted, and DATAVERSE_CERTIFICATE_PASSWORD is not set")
    try:
        return load_pem_private_key(content, password if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unreadable("DATAVERSE_CERTIFICATE_PASSWORD does not open its key, or the key is damaged") from error


def _pem_certificates(content: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise _unreadable("it holds no certificate") from error


def _unreadable(why: str) -> Blocked:
    return Blocked("certificate_unreadable", why)
