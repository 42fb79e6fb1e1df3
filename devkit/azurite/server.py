"""Runs one Azurite process with any number of storage accounts."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from devkit.azurite.install import ensure_azurite
from devkit.launcher.part import Part
from devkit.launcher.private import make_private

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

SERVICES = ("blob", "queue", "table")
# The files that Azurite makes in its folder.
FILES = ("AzuriteConfig", "__azurite_db_*", "__*storage__")
LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)")


class Azurite:
    """`data` None keeps everything in memory. Port 0 is any free one, which a restart keeps.

    Azurite writes to disk every few seconds and on a gentle end.
    """

    START_SECONDS = 60.0

    def __init__(
        self,
        *,
        data: Path | None = None,
        accounts: Sequence[str] = ("leadpipe",),
        ports: Sequence[int] = (0, 0, 0),
        log: Path | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self._data = data
        self._ports = dict(zip(SERVICES, ports, strict=True))
        self._heard: dict[str, int] = {}
        self._say = say
        self.part = Part(
            "Azurite",
            self._command,
            log=log or Path(tempfile.gettempdir()) / f"azurite-{os.getpid()}.log",
            environment={**os.environ, "AZURITE_ACCOUNTS": ";".join(f"{name}:{key_of(name)}" for name in accounts)},
            ready=self._hear,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts Azurite and returns when all three services answer. Raises PartError or InstallError."""
        self.part.start()
        self.part.wait_until_ready(self.START_SECONDS)

    def stop(self) -> None:
        self.part.stop()

    def kill(self) -> None:
        self.part.kill()

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[service]}"

    def connection_string(self, account: str) -> str:
        endpoints = (f"{service.title()}Endpoint={self.url(service)}/{account}" for service in SERVICES)
        return ";".join(
            ("DefaultEndpointsProtocol=http", f"AccountName={account}", f"AccountKey={key_of(account)}", *endpoints)
        )

    def _command(self) -> list[str]:
        found = ensure_azurite(self._say)
        self._heard.clear()
        keep = ["--inMemoryPersistence"]
        if self._data:
            make_private(self._data, FILES)
            keep = ["--location", str(self._data.resolve())]
        ports = [f"--{service}Port={port}" for service, port in self._ports.items()]
        # The SDKs are newer than any Azurite, but send nothing here that is new.
        flags = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        return [found.node, found.script, *keep, *ports, *flags]

    def _hear(self, line: str) -> str | None:
        found = LISTENING.search(line)
        if found:
            self._heard[found[1].lower()] = int(found[2])
        if self._heard.keys() < set(SERVICES):
            return None
        self._ports = {service: self._heard[service] for service in SERVICES}
        return " ".join(f"{service} {self.url(service)}" for service in SERVICES)


def key_of(account: str) -> str:
    """Derives the account's key from its name, so that older data stays usable. Azurite takes any base64."""
    return base64.b64encode(hashlib.sha256(account.encode()).digest()[:9]).decode()
