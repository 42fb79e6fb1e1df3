"""A server with a certificate of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.conftest import TlsServer


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[TlsServer]:
    server = TlsServer(tmp_path)
    yield server
    server.close()
