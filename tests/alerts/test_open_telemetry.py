"""With OpenTelemetry on, as docs/logs.md describes it, each line still arrives, once and with its level.

It needs Microsoft's own worker, which is there for Python 3.13 and newer.
"""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.alerts.workspace import ROOT

if sys.version_info < (3, 13):
    pytest.skip("Microsoft has its worker's runtime for Python 3.13 and newer", allow_module_level=True)

LEVELS = {"Verbose": 0, "Information": 1, "Warning": 2, "Error": 3, "Critical": 4}


class Ingestion:
    """Takes what the exporter sends in place of Application Insights."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def connection_string(self) -> str:
        address = f"http://127.0.0.1:{self.server.server_address[1]}/"
        return f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint={address}"

    @property
    def lines(self) -> list[tuple[str, int]]:
        found = (item["data"]["baseData"] for item in self.items if item["data"]["baseType"] == "MessageData")
        return [(each["message"], LEVELS.get(each["severityLevel"], each["severityLevel"])) for each in found]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        items = self.items

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    sent = gzip.decompress(sent)
                taken = json.loads(sent) if sent.startswith(b"[") else [json.loads(line) for line in sent.splitlines()]
                items.extend(taken)
                answer = json.dumps({"itemsReceived": len(taken), "itemsAccepted": len(taken), "errors": []}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler


@pytest.fixture
def ingestion() -> Iterator[Ingestion]:
    taking = Ingestion()
    thread = Thread(target=taking.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield taking
    taking.server.shutdown()
    taking.server.server_close()
    thread.join()


def test_each_line_arrives_once_with_its_level(ingestion: Ingestion, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "APPLICATIONINSIGHTS_CONNECTION_STRING": ingestion.connection_string,
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        # Otherwise the exporter's own lines are sent too, without end.
        "PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME": "leadpipe",
        # It keeps there what it could not send.
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.alerts.telemetry_app"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    written = Counter((text, severity) for text, severity in json.loads(done.stdout))
    assert len({text.split()[0] for text, _ in written}) >= 9
    assert Counter(ingestion.lines) == written
