"""TLS material: an authority of its own, one server certificate, and a bundle that trusts real hosts as well."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import certifi
import trustme

from devkit.standin.identity import write_private


def server_context(folder: Path) -> ssl.SSLContext:
    """Made at first start and reused, so that a client's trust outlives a restart.

    The authority's own key is never kept: nobody can issue another certificate that this machine was told to trust.
    """
    server = folder / "server.pem"
    if not server.exists():
        _make_certificates(folder, server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    return context


def write_ca_bundle(folder: Path) -> Path:
    """The machine's usual trust plus this authority, because requests knows only one bundle at a time."""
    bundle = folder / "ca-bundle.pem"
    own = (folder / "ca.pem").read_text(encoding="utf-8")
    write_private(bundle, _usual_trust(bundle).read_text(encoding="utf-8").rstrip() + "\n\n" + own)
    return bundle


def _make_certificates(folder: Path, server: Path) -> None:
    authority = trustme.CA(organization_name="leadpipe devkit")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    write_private(folder / "ca.pem", authority.cert_pem.bytes().decode())
    # Last: where this file is, the other is too.
    write_private(server, certificate.private_key_and_cert_chain_pem.bytes().decode())


def _usual_trust(own_bundle: Path) -> Path:
    configured = os.environ.get("REQUESTS_CA_BUNDLE")
    if configured and Path(configured).is_file() and Path(configured).resolve() != own_bundle.resolve():
        return Path(configured)
    return Path(certifi.where())
