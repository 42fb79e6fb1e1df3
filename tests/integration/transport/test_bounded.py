"""Real peers that do not stop answering, over real sockets: each ends with words, and in time."""

import time

import pytest
import requests

from leadpipe.dataverse.auth import tokens_for
from leadpipe.dataverse.client import DataverseClient
from leadpipe.mapping.default import columns_of
from leadpipe.mapping.note import note_of
from leadpipe.model.errors import Blocked, DeliveryFailed, Transient
from leadpipe.model.settings import ClientSecret, Dataverse, ManagedIdentity, SignIn, UserPassword
from leadpipe.operations.partner_center import Endpoint, StepFailed, post, validation_lead
from leadpipe.transport.bounded import ANSWER_SECONDS, BoundedAdapter, Endless
from leadpipe.transport.no_answer import without_answer
from tests.factories import CLIENT_ID, LEAD_ID, TENANT_ID
from tests.peers import (
    HEAD,
    MIB,
    Answering,
    MakePeer,
    body_in_drops,
    headers_in_drops,
    silent,
    status_in_drops,
    too_much,
    whole,
)


def session(seconds: float) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.mount("http://", BoundedAdapter(timeout=5, answer_seconds=seconds, largest_mib=2))
    return made


@pytest.mark.parametrize("answering", [body_in_drops, headers_in_drops, status_in_drops])
def test_an_answer_that_comes_in_drops_ends_with_its_time(peer: MakePeer, answering: Answering) -> None:
    began = time.monotonic()
    with pytest.raises(Endless, match="not complete after"):
        session(0.5).get(f"http://{peer(answering).netloc}/")
    assert time.monotonic() - began < 5


def test_a_proxys_own_answer_in_drops_ends_too(peer: MakePeer) -> None:
    through = {"https": f"http://{peer(status_in_drops).netloc}"}
    made = session(0.5)
    made.mount("https://", BoundedAdapter(timeout=5, answer_seconds=0.5))
    with pytest.raises(Endless, match="not complete"):
        made.get("https://contoso.crm4.dynamics.com/", proxies=through)


def test_an_answer_without_end_is_not_kept_in_memory(peer: MakePeer) -> None:
    with pytest.raises(Endless, match="larger than 2 MiB"):
        session(30).get(f"http://{peer(too_much).netloc}/")


def test_what_unpacks_to_too_much_is_too_much(peer: MakePeer) -> None:
    import gzip

    packed = gzip.compress(MIB * 64)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with pytest.raises(Endless, match="larger than 2 MiB"):
        session(30).get(f"http://{peer(lambda caller: caller.sendall(head + packed)).netloc}/")


def test_a_connection_serves_again_with_its_own_time_out(peer: MakePeer) -> None:
    made, there = session(2), peer(whole)
    for _ in range(3):
        assert made.get(f"http://{there.netloc}/").json() == {"ok": True}


def test_silence_ends_with_the_reads_own_time_out(peer: MakePeer) -> None:
    with pytest.raises(requests.ReadTimeout) as raised:
        session(30).get(f"http://{peer(silent).netloc}/", timeout=0.3)
    assert without_answer(raised.value) == "connected, but no answer in time"


class StaticTokens:
    def token(self) -> str:
        return "token"

    def drop(self, token: str) -> None:
        pass


def test_dynamics_that_does_not_stop_is_a_transient_failure_that_says_so(
    tls_peer: MakePeer,
) -> None:
    client = DataverseClient(f"https://{tls_peer(too_much).netloc}", StaticTokens(), columns_of, note_of)
    with pytest.raises(Transient) as raised:
        client.has(LEAD_ID)
    assert (raised.value.slug, raised.value.detail) == ("dynamics_unreachable", "the answer is larger than 16 MiB")


def test_a_dead_proxy_is_named_without_its_password(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://jane:pass-word@127.0.0.1:{free_port}")
    client = DataverseClient("https://contoso.crm4.dynamics.com", StaticTokens(), columns_of, note_of)
    with pytest.raises(Transient) as raised:
        client.has(LEAD_ID)
    named = f"the proxy 127.0.0.1:{free_port} is not there, or does not let it through"
    assert (raised.value.slug, raised.value.detail) == ("dynamics_unreachable", named)


@pytest.mark.parametrize(
    ("bundle", "says"),
    [(None, "that of Dynamics, 127.0.0.1"), (__file__, "REQUESTS_CA_BUNDLE names a file that holds no certificates")],
    ids=["another authority", "a file without certificates"],
)
def test_a_certificate_that_is_not_trusted_is_told_with_its_host_or_the_files_fault(
    tls_peer: MakePeer, monkeypatch: pytest.MonkeyPatch, bundle: str | None, says: str
) -> None:
    there = tls_peer(whole)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    if bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    with pytest.raises(Blocked) as raised:
        DataverseClient(f"https://{there.netloc}", StaticTokens(), columns_of, note_of).has(LEAD_ID)
    assert (raised.value.slug, raised.value.detail) == ("tls", says)


@pytest.mark.parametrize(
    "sign_in",
    [
        ClientSecret(tenant_id=TENANT_ID, client_id=CLIENT_ID, secret="s3cret"),
        UserPassword(tenant_id=TENANT_ID, client_id=CLIENT_ID, username="jane@contoso.com", password="pass-word"),
        ManagedIdentity(client_id=None),
    ],
    ids=["client secret", "user and password", "managed identity"],
)
def test_a_sign_in_host_that_does_not_stop_is_a_transient_failure_that_says_so(
    tls_peer: MakePeer, monkeypatch: pytest.MonkeyPatch, sign_in: SignIn
) -> None:
    authority = f"https://{tls_peer(too_much).netloc}"
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{authority}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    dataverse = Dataverse(url="https://contoso.crm4.dynamics.com", authority=authority, sign_in=sign_in)
    with pytest.raises(DeliveryFailed) as raised:
        tokens_for(dataverse).token()
    assert isinstance(raised.value, Transient)
    assert (raised.value.slug, raised.value.detail) == ("sign_in_unavailable", "the answer is larger than 1 MiB")


def test_send_test_does_not_wait_for_an_app_that_does_not_stop(peer: MakePeer) -> None:
    there = f"http://{peer(too_much).netloc}/api/leads"
    with pytest.raises(StepFailed) as raised:
        post(Endpoint(url=there, key=None), validation_lead("1"))
    assert "larger than 16 MiB" in raised.value.fact


def test_an_answer_has_less_than_a_minute() -> None:
    assert ANSWER_SECONDS < 60
