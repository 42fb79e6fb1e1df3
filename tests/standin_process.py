"""The stand-in as a process of its own, and a client that trusts it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

# Microsoft's own client for people at a terminal.
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
REPOSITORY = Path(__file__).parents[1]


class Standin:
    """A running stand-in and a client that trusts it; `api` carries a token, `control` does not."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.settings = json.loads((folder / "settings.json").read_text())
        self.ways = json.loads((folder / "ways.json").read_text())
        self.url = self.settings["DATAVERSE_URL"]
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(folder / "ca.pem")
        self._token: str | None = None

    def control(self, method: str, path: str, **options: Any) -> Any:
        answer = self.session.request(method, f"{self.url}/_standin/{path}", timeout=20, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(self, kind: str, **details: Any) -> dict[str, Any]:
        return self.control("POST", "faults", json={"kind": kind, **details})

    def configure(self, **changes: Any) -> None:
        self.control("POST", "config", json=changes)

    def leads(self) -> list[dict[str, Any]]:
        return self.control("GET", "leads")

    def make_note(self, note: str, of: str) -> None:
        """A note under that id on the lead `of`."""
        made = {"annotationid": note, "objectid_lead@odata.bind": f"/leads({of})"}
        assert self.api("POST", "annotations", made).status_code == 204

    def notes(self) -> dict[str, str]:
        """The id of each note to that of the lead that it is on."""
        return {note["annotationid"]: note["lead"] for note in self.control("GET", "notes")}

    def sign_in(self, **changes: str | None) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.settings["DATAVERSE_CLIENT_ID"],
            "client_secret": self.settings["DATAVERSE_CLIENT_SECRET"],
            "scope": f"{self.url}/.default",
            **changes,
        }
        tenant = form.pop("tenant", self.settings["DATAVERSE_TENANT_ID"])
        return self.session.post(f"{self.url}/{tenant}/oauth2/v2.0/token", data=form, timeout=20)

    def token(self) -> str:
        if self._token is None:
            self._token = self.sign_in().json()["access_token"]
        return self._token

    def device_code(self, tenant: str = "organizations", **form: str) -> requests.Response:
        wanted = {"client_id": AZURE_CLI, "scope": f"{self.url}/.default openid", **form}
        return self.session.post(f"{self.url}/{tenant}/oauth2/v2.0/devicecode", data=wanted, timeout=20)

    def redeem(self, device_code: str) -> requests.Response:
        """Trades a device code for a token."""
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "client_id": AZURE_CLI,
            "device_code": device_code,
        }
        return self.session.post(f"{self.url}/organizations/oauth2/v2.0/token", data=form, timeout=20)

    def person_token(self) -> str:
        """Of the person whom the configuration lets sign in: the administrator."""
        return str(self.redeem(self.device_code().json()["device_code"]).json()["access_token"])

    def administer(self, method: str, path: str, row: Any = None) -> requests.Response:
        return self.api(method, path, row, headers={"Authorization": f"Bearer {self.person_token()}"})

    def api(
        self, method: str, path: str, row: Any = None, *, headers: dict[str, str] | None = None, **options: Any
    ) -> requests.Response:
        return self.session.request(
            method,
            f"{self.url}/api/data/v9.2/{path}",
            json=row,
            headers={"Authorization": f"Bearer {self.token()}", **(headers or {})},
            timeout=options.pop("timeout", 20),
            **options,
        )

    def create(self, **columns: Any) -> requests.Response:
        return self.api("POST", "leads", columns)

    def created(self, **columns: Any) -> str:
        leadid = str(uuid.uuid4())
        assert self.create(leadid=leadid, lastname="Ito", **columns).status_code == 204
        return leadid


@contextmanager
def running(folder: Path, *arguments: str, python: str = sys.executable) -> Iterator[Standin]:
    command = [python, "-m", "devkit.standin", "--data", str(folder), *arguments]
    with (folder.parent / "standin.log").open("a") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=log, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening https://localhost:")
        standin = Standin(process, folder)
        try:
            with standin.session:
                yield standin
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
