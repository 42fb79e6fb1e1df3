import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from leadpipe.model.errors import Blocked
from leadpipe.model.ports import Receipt
from tests.factories import LEAD_ID, lead, lead_id

WAYS = (
    "client_secret",
    "certificate_pem",
    "certificate_pfx",
    "managed_identity_system",
    "managed_identity_user",
    "user_password",
)
ASKED = {"managed_identity_system": "managed_identity", "managed_identity_user": "managed_identity"}


def test_every_way_that_the_standin_knows_is_tried_here(signing_in: Any) -> None:
    assert set(signing_in.standin.ways) == set(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_delivers_a_lead(signing_in: Any, way: str) -> None:
    assert signing_in.client(way).create(LEAD_ID, lead()) is Receipt.CREATED
    assert [found["leadid"] for found in signing_in.standin.leads()] == [LEAD_ID]


@pytest.mark.parametrize("way", WAYS)
def test_sixteen_threads_that_start_cold_ask_for_one_token(signing_in: Any, way: str) -> None:
    client, together = signing_in.client(way), threading.Barrier(16)

    def deliver(number: int) -> Receipt:
        together.wait()
        return client.create(lead_id(number=number), lead())

    with ThreadPoolExecutor(16) as pool:
        receipts = [*pool.map(deliver, range(16))]

    assert receipts == [Receipt.CREATED] * 16
    assert signing_in.asked(ASKED.get(way, "token")) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_dynamics_refuses_is_replaced_and_the_lead_goes_through(signing_in: Any, way: str) -> None:
    client = signing_in.client(way)
    signing_in.standin.fault("empty_401", count=1)

    assert client.create(LEAD_ID, lead()) is Receipt.CREATED
    assert signing_in.asked(ASKED.get(way, "token")) == 2


@pytest.mark.parametrize("way", WAYS)
def test_while_dynamics_refuses_every_token_only_one_is_replaced(signing_in: Any, way: str) -> None:
    client = signing_in.client(way)
    signing_in.standin.fault("empty_401")

    def deliver(number: int) -> str:
        with pytest.raises(Blocked) as failed:
            client.create(lead_id(number=number), lead())
        return failed.value.slug

    with ThreadPoolExecutor(8) as pool:
        reasons = [*pool.map(deliver, range(24))]

    assert reasons == ["token_refused"] * 24
    assert signing_in.asked(ASKED.get(way, "token")) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_token_is_renewed_shortly_before_its_end(signing_in: Any, way: str) -> None:
    tokens = signing_in.tokens(way)
    first = tokens.token()
    signing_in.clock.now += 3200
    same = tokens.token()
    signing_in.clock.now += 200

    assert same == first
    assert tokens.token() != first
    assert signing_in.asked(ASKED.get(way, "token")) == 2


def test_the_directory_need_not_be_named_for_a_user(signing_in: Any) -> None:
    dataverse = signing_in.dataverse("user_password", DATAVERSE_TENANT_ID=None)

    assert dataverse.sign_in.tenant_id == "organizations"
    assert signing_in.tokens("user_password", DATAVERSE_TENANT_ID=None).token()


def test_a_renewed_certificate_needs_no_restart(signing_in: Any, tmp_path: Path) -> None:
    path = tmp_path / "lead.pem"
    tokens = signing_in.tokens("certificate_pem", DATAVERSE_CERTIFICATE_PATH=str(path))
    with pytest.raises(Blocked, match="certificate_unreadable"):
        tokens.token()

    path.write_bytes(Path(signing_in.standin.ways["certificate_pem"]["DATAVERSE_CERTIFICATE_PATH"]).read_bytes())
    signing_in.clock.now += 5

    assert tokens.token()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [None, 7000215])
def test_no_secret_is_in_any_log(
    signing_in: Any, way: str, number: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    if number:
        signing_in.standin.fault("aad_error", number=number)
    settings = signing_in.standin.ways[way]
    tokens = signing_in.tokens(way)
    for name in ("msal", "urllib3"):  # which a command that ran before in this process may have quieted
        caplog.set_level(logging.DEBUG, logger=name)
    with caplog.at_level(logging.DEBUG):
        try:
            secrets = [tokens.token()]
        except Blocked:
            secrets = ["AADSTS7000215:"]

    names = ("DATAVERSE_CLIENT_SECRET", "DATAVERSE_CERTIFICATE_PASSWORD", "DATAVERSE_PASSWORD", "IDENTITY_HEADER")
    secrets += [settings[name] for name in names if name in settings]
    assert caplog.messages
    assert not [secret for secret in (*secrets, "PRIVATE KEY", "client_assertion", "eyJ") if secret in caplog.text]
