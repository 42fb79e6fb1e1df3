from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests

from devkit.standin.organisation.certificates import server_context, write_ca_bundle


def port_of(standin: Any) -> int:
    return int(standin.url.rsplit(":", 1)[1])


def test_a_client_that_connects_and_says_nothing_blocks_no_other(standin: Any) -> None:
    with socket.create_connection(("localhost", port_of(standin))), requests.Session() as other:
        other.trust_env = False
        answer = other.get(f"{standin.url}/_standin/faults", verify=standin.session.verify, timeout=10)

    assert answer.status_code == 200


def test_a_client_that_speaks_no_tls_is_hung_up_on(standin: Any) -> None:
    received = b""
    with (
        socket.create_connection(("localhost", port_of(standin)), timeout=10) as plain,
        contextlib.suppress(ConnectionResetError),
    ):
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        received = plain.recv(1000)

    assert not received.startswith(b"HTTP")
    assert standin.api("GET", "WhoAmI").status_code == 200


def test_one_connection_serves_many_requests(standin: Any) -> None:
    context = ssl.create_default_context(cafile=str(standin.folder / "ca.pem"))
    ask = f"GET /_standin/faults HTTP/1.1\r\nHost: localhost:{port_of(standin)}\r\n\r\n".encode()
    with (
        socket.create_connection(("localhost", port_of(standin)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
        secured.makefile("rb") as answers,
    ):
        secured.sendall(ask + ask)
        statuses = [_read_answer(answers) for _ in range(2)]

    assert statuses == [b"HTTP/1.1 200 OK\r\n"] * 2


def _read_answer(stream: Any) -> bytes:
    status = stream.readline()
    length = 0
    while (line := stream.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    stream.read(length)
    return status


def test_a_chunked_body_is_read(standin: Any) -> None:
    answer = standin.api("POST", "leads", data=iter([b'{"last', b'name": "Ito"}']))

    assert answer.status_code == 204


def test_a_hundred_clients_at_once_are_served(standin: Any) -> None:
    standin.configure(concurrent_requests=None)
    headers = {"Authorization": f"Bearer {standin.token()}"}

    def create(number: int) -> int:
        with requests.Session() as own:
            own.trust_env = False
            own.verify = standin.session.verify
            url = f"{standin.url}/api/data/v9.2/leads"
            return own.post(url, json={"lastname": f"Ito {number}"}, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(create, range(100)))

    assert statuses == [204] * 100
    assert len(standin.leads()) == 100


def test_of_many_creates_with_one_id_exactly_one_succeeds(standin: Any) -> None:
    leadid = str(uuid.uuid4())
    headers = {"Authorization": f"Bearer {standin.token()}"}

    def create(_number: int) -> int:
        with requests.Session() as own:
            own.trust_env = False
            own.verify = standin.session.verify
            url = f"{standin.url}/api/data/v9.2/leads"
            return own.post(url, json={"leadid": leadid}, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(create, range(16)))

    assert sorted(statuses) == [204] + [412] * 15


def test_leads_ids_trust_and_tokens_outlive_a_killed_process(own_standin: Any) -> None:
    with own_standin() as first:
        leadid = first.created(subject="Offer")
        trust, settings = (first.folder / "ca.pem").read_bytes(), first.settings
        first.process.kill()
        first.process.wait()

    with own_standin("--port", str(port_of(first))) as second:
        assert [lead["leadid"] for lead in second.leads()] == [leadid]
        assert ((second.folder / "ca.pem").read_bytes(), second.settings) == (trust, settings)
        answer = second.api("GET", f"leads({leadid})", headers={"Authorization": f"Bearer {first.token()}"})
        assert answer.json()["subject"] == "Offer"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_told_to(own_standin: Any, number: int) -> None:
    with own_standin() as standin:
        standin.process.send_signal(number)

        assert standin.process.wait(10) == 0
        assert standin.process.stdout.read() == ""


def test_its_log_holds_no_lead_no_secret_and_no_token(own_standin: Any, tmp_path: Path) -> None:
    with own_standin() as standin:
        standin.create(lastname="Secretname")
        standin.api("GET", "leads", params={"$filter": "lastname eq 'Secretname'"})
        token, secret = standin.token(), standin.settings["DATAVERSE_CLIENT_SECRET"]

    log = (tmp_path / "standin.log").read_text()
    assert not any(text in log for text in ("Secretname", token, secret))


def test_what_must_stay_secret_is_readable_by_the_owner_alone(standin: Any) -> None:
    modes = {name: (standin.folder / name).stat().st_mode & 0o777 for name in ("settings.json", "server.pem")}

    assert modes == {"settings.json": 0o600, "server.pem": 0o600}


def test_the_settings_are_what_a_function_app_needs(standin: Any) -> None:
    settings = json.loads((standin.folder / "settings.json").read_text())

    assert settings["DATAVERSE_URL"] == settings["DATAVERSE_AUTHORITY"] == standin.url
    assert {"DATAVERSE_TENANT_ID", "DATAVERSE_CLIENT_ID", "DATAVERSE_CLIENT_SECRET"} < set(settings)
    assert Path(settings["REQUESTS_CA_BUNDLE"]).is_absolute()


@pytest.mark.parametrize("configured", [True, False])
def test_the_bundle_trusts_the_usual_hosts_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, configured: bool
) -> None:
    usual = tmp_path / "proxy.pem" if configured else Path(certifi.where())
    (tmp_path / "proxy.pem").write_text("-----BEGIN CERTIFICATE-----")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / ("proxy.pem" if configured else "ca-bundle.pem")))
    server_context(tmp_path)

    # The second time the bundle of the first is there, and must not be piled upon.
    bundles = [write_ca_bundle(tmp_path).read_text() for _ in range(2)]

    assert bundles == [usual.read_text().rstrip() + "\n\n" + (tmp_path / "ca.pem").read_text()] * 2


def test_it_can_be_reached_by_address_too(standin: Any) -> None:
    answer = standin.session.get(f"https://127.0.0.1:{port_of(standin)}/_standin/faults", timeout=20)

    assert answer.status_code == 200
