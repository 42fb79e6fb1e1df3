import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from leadpipe.dataverse.auth.refusal import REASONS
from leadpipe.model.errors import Blocked, Transient
from leadpipe.model.ports import Receipt
from tests.certificates import LONG_AGO, made
from tests.factories import CLIENT_ID, LEAD_ID, lead
from tests.integration.sign_in.conftest import failure_of


class TestReasons:
    @pytest.mark.parametrize(
        ("way", "number"),
        [
            *(("client_secret", number) for number in REASONS),
            ("certificate_pem", 700016),
            ("user_password", 50055),
            ("user_password", 50076),
            ("managed_identity_system", 500011),
        ],
    )
    def test_each_number_becomes_its_reason(self, signing_in: Any, way: str, number: int) -> None:
        signing_in.standin.fault("aad_error", number=number)

        reason, detail = signing_in.refusal(way)

        assert reason == REASONS[number]
        assert detail.split()[0] == f"AADSTS{number}"

    @pytest.mark.parametrize("number", [90033, 90055])
    @pytest.mark.parametrize("way", ["client_secret", "certificate_pem", "managed_identity_user", "user_password"])
    def test_an_outage_of_entra_is_transient(self, signing_in: Any, way: str, number: int) -> None:
        signing_in.standin.fault("aad_error", number=number)

        failure = failure_of(signing_in.tokens(way).token)

        assert (type(failure), failure.slug) == (Transient, "sign_in_unavailable")

    @pytest.mark.parametrize("kind", ["token_503", "sign_in_drop", "discovery_503"])
    def test_no_answer_is_transient(self, signing_in: Any, kind: str) -> None:
        signing_in.standin.fault(kind)

        failure = failure_of(signing_in.tokens().token)

        assert (type(failure), failure.slug) == (Transient, "sign_in_unavailable")
        assert failure.detail == ("the connection broke" if kind == "sign_in_drop" else "it answered 503")

    def test_a_users_realm_that_cannot_be_had_is_transient(self, signing_in: Any) -> None:
        signing_in.standin.fault("user_realm_503")

        assert isinstance(failure_of(signing_in.tokens("user_password").token), Transient)

    @pytest.mark.parametrize(
        ("way", "changes", "refusal"),
        [
            ("client_secret", {"DATAVERSE_CLIENT_SECRET": "wrong"}, ("secret_wrong", "AADSTS7000215 invalid_client")),
            (
                "client_secret",
                {"DATAVERSE_CLIENT_ID": CLIENT_ID},
                ("application_unknown", "AADSTS700016 unauthorized_client"),
            ),
            ("client_secret", {"DATAVERSE_TENANT_ID": CLIENT_ID}, ("tenant_unknown", "AADSTS90002")),
            (
                "client_secret",
                {"DATAVERSE_URL": "https://contoso.crm4.dynamics.com"},
                ("organisation_unknown", "AADSTS500011 invalid_resource"),
            ),
            ("user_password", {"DATAVERSE_PASSWORD": "wrong"}, ("password_wrong", "AADSTS50126 invalid_grant")),
            (
                "user_password",
                {"DATAVERSE_USERNAME": "jane@contoso.com"},
                ("account_unknown", "AADSTS50034 invalid_grant"),
            ),
            (
                "certificate_pem",
                {"DATAVERSE_CERTIFICATE_PATH": "missing.pem"},
                ("certificate_unreadable", "DATAVERSE_CERTIFICATE_PATH names no file that can be read"),
            ),
            ("managed_identity_user", {"DATAVERSE_MANAGED_IDENTITY": CLIENT_ID}, ("managed_identity_missing", "400")),
            (
                "managed_identity_system",
                {"IDENTITY_ENDPOINT": None},
                ("managed_identity_missing", "IDENTITY_ENDPOINT is not set"),
            ),
            ("managed_identity_system", {"IDENTITY_HEADER": "wrong"}, ("managed_identity_missing", "401")),
            (
                "managed_identity_system",
                {"DATAVERSE_URL": "https://contoso.crm4.dynamics.com"},
                ("managed_identity_failed", "500"),
            ),
            (
                "client_secret",
                {"REQUESTS_CA_BUNDLE": None},
                ("tls", "that of the sign-in host, localhost"),
            ),
            (
                "managed_identity_system",
                {"REQUESTS_CA_BUNDLE": None},
                ("tls", "that of the sign-in host, localhost"),
            ),
            (
                "client_secret",
                {"REQUESTS_CA_BUNDLE": __file__},
                ("tls", "REQUESTS_CA_BUNDLE names a file that holds no certificates"),
            ),
            (
                "user_password",
                {"REQUESTS_CA_BUNDLE": "missing.pem"},
                ("tls", "REQUESTS_CA_BUNDLE names no file of certificates"),
            ),
        ],
    )
    def test_a_wrong_setting_is_named(
        self, signing_in: Any, way: str, changes: dict[str, str | None], refusal: tuple[str, str]
    ) -> None:
        assert signing_in.refusal(way, **changes) == refusal

    @pytest.mark.parametrize("kind", ["system", "user"])
    def test_an_identity_that_was_taken_from_the_app_is_named(self, signing_in: Any, kind: str) -> None:
        signing_in.standin.configure(managed_identities=[])

        assert signing_in.refusal(f"managed_identity_{kind}") == ("managed_identity_missing", "400")

    def test_a_certificate_that_is_not_registered_is_named(self, signing_in: Any, tmp_path: Path) -> None:
        path = tmp_path / "lead.pem"
        path.write_bytes(made().key_pem() + made().pem())

        assert signing_in.refusal("certificate_pem", DATAVERSE_CERTIFICATE_PATH=str(path)) == (
            "certificate_refused",
            "AADSTS700027 invalid_client",
        )

    def test_a_certificate_that_is_registered_and_has_expired_is_named_as_that(
        self, signing_in: Any, tmp_path: Path
    ) -> None:
        path, old = tmp_path / "lead.pfx", made(until=LONG_AGO)
        path.write_bytes(old.pfx())
        signing_in.standin.configure(certificates=[old.pem().decode()])

        assert signing_in.refusal("certificate_pem", DATAVERSE_CERTIFICATE_PATH=str(path)) == (
            "certificate_expired",
            "AADSTS700027 invalid_client",
        )


class TestNoHammering:
    @pytest.mark.parametrize("number", [7000222, 50076, 90033])
    def test_however_many_leads_come_a_refused_sign_in_is_asked_for_once(self, signing_in: Any, number: int) -> None:
        client, together = signing_in.client(), threading.Barrier(16)
        signing_in.standin.fault("aad_error", number=number)

        def deliver(_: int) -> None:
            together.wait()
            for _lead in range(10):
                failure_of(lambda: client.create(LEAD_ID, lead()))

        with ThreadPoolExecutor(16) as pool:
            assert [*pool.map(deliver, range(16))] == [None] * 16
        assert (signing_in.asked(), signing_in.asked("discovery")) == (1, 1)

    def test_while_it_lasts_it_is_asked_for_less_and_less_often(self, signing_in: Any) -> None:
        tokens = signing_in.tokens()
        signing_in.standin.fault("aad_error", number=7000222)

        for _second in range(600):
            failure_of(tokens.token)
            signing_in.clock.now += 1

        assert signing_in.asked() <= 10


class TestMending:
    @pytest.mark.parametrize("number", [7000222, 700016, 90033])
    @pytest.mark.parametrize("way", ["client_secret", "certificate_pfx", "user_password", "managed_identity_system"])
    def test_what_was_mended_works_without_a_restart(self, signing_in: Any, way: str, number: int) -> None:
        client = signing_in.client(way)
        fault = signing_in.standin.fault("aad_error", number=number, retry_after=1)
        failure_of(lambda: client.create(LEAD_ID, lead()))

        signing_in.standin.control("DELETE", f"faults/{fault['id']}")
        receipt = None
        while receipt is None:  # msal itself keeps to the second that Retry-After asked for
            signing_in.clock.now += 200
            try:
                receipt = client.create(LEAD_ID, lead())
            except Transient:
                continue

        assert receipt is Receipt.CREATED

    def test_a_setting_that_stays_wrong_stays_refused(self, signing_in: Any) -> None:
        tokens = signing_in.tokens(DATAVERSE_CLIENT_SECRET="wrong")

        for _ in range(3):
            with pytest.raises(Blocked, match="secret_wrong"):
                tokens.token()
            signing_in.clock.now += 200

        assert signing_in.asked() == 3

    def test_while_a_token_is_good_an_outage_of_entra_is_not_noticed(self, signing_in: Any) -> None:
        client = signing_in.client()
        client.has(LEAD_ID)
        signing_in.standin.fault("token_503")
        signing_in.clock.now += 3400

        assert client.create(LEAD_ID, lead()) is Receipt.CREATED
        assert signing_in.asked() == 2
