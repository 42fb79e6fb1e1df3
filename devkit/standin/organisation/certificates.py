"""Makes certificates: the server's own, a bundle that trusts it beside real hosts, and a client's."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, cast

import certifi
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from devkit.standin.organisation.identity import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


def server_context(folder: Path) -> ssl.SSLContext:
    """Makes the server's certificate at the first start and reuses it, so that clients trust it after a restart.

    The authority's key is not kept, so that nobody can issue another certificate that this machine trusts.
    """
    server = folder / "server.pem"
    if not server.exists():
        _make_certificates(folder, server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    return context


def client_certificate(folder: Path, password: str) -> str:
    """Gives the application's certificate as PEM; `client.pem` and `client.pfx` have it with its key.

    RSA, since Entra accepts that.
    """
    files = folder / "client.pem", folder / "client.pfx"
    if not all(file.exists() for file in files):
        issued = trustme.CA(organization_name="leadpipe devkit").issue_cert(
            "leadpipe.invalid", key_type=trustme.KeyType.RSA
        )
        key, certificate = issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes()
        write_private(files[0], (key + certificate).decode())
        write_private(files[1], _pfx(key, certificate, password))
    return files[0].read_text(encoding="utf-8")


def _pfx(key: bytes, certificate: bytes, password: str) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"leadpipe",
        cast("RSAPrivateKey", serialization.load_pem_private_key(key, None)),
        x509.load_pem_x509_certificate(certificate),
        None,
        serialization.BestAvailableEncryption(password.encode()),
    )


def write_ca_bundle(folder: Path) -> Path:
    """Writes the machine's usual trust plus this authority, because requests uses only one bundle."""
    bundle = folder / "ca-bundle.pem"
    own = (folder / "ca.pem").read_text(encoding="utf-8")
    write_private(bundle, _usual_trust(bundle).read_text(encoding="utf-8").rstrip() + "\n\n" + own)
    return bundle


def _make_certificates(folder: Path, server: Path) -> None:
    authority = trustme.CA(organization_name="leadpipe devkit")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    write_private(folder / "ca.pem", authority.cert_pem.bytes().decode())
    # Written last: if this file exists, so does the other.
    write_private(server, certificate.private_key_and_cert_chain_pem.bytes().decode())


def _usual_trust(own_bundle: Path) -> Path:
    configured = os.environ.get("REQUESTS_CA_BUNDLE")
    if configured and Path(configured).is_file() and Path(configured).resolve() != own_bundle.resolve():
        return Path(configured)
    return Path(certifi.where())
