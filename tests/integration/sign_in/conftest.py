"""leadpipe's own client with real msal, over TLS, against the stand-in; each way to sign in by the stand-in's name."""

from collections.abc import Callable
from typing import Any

import pytest

from leadpipe.dataverse.auth import Tokens, tokens_for
from leadpipe.dataverse.client import DataverseClient
from leadpipe.mapping.default import columns_of
from leadpipe.mapping.note import note_of
from leadpipe.model.errors import Blocked, Transient
from leadpipe.model.settings import Dataverse, Settings
from tests.standin_process import Standin

PLATFORM = ("REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class SigningIn:
    """Makes what signs in, after setting of the environment what the platform or the machine would."""

    def __init__(self, standin: Standin, patch: pytest.MonkeyPatch) -> None:
        self.standin = standin
        self.clock = Clock()
        self._patch = patch

    def dataverse(self, way: str = "client_secret", **changes: str | None) -> Dataverse:
        """The settings of that way; None leaves one out."""
        whole = {name: value for name, value in {**self.standin.ways[way], **changes}.items() if value is not None}
        for name in PLATFORM:
            if name in whole:
                self._patch.setenv(name, whole[name])
            else:
                self._patch.delenv(name, raising=False)
        settings = Settings.from_environment({"AzureWebJobsStorage": "UseDevelopmentStorage=true", **whole})
        assert settings.faults == ()
        assert settings.dataverse is not None
        return settings.dataverse

    def tokens(self, way: str = "client_secret", **changes: str | None) -> Tokens:
        return tokens_for(self.dataverse(way, **changes), clock=self.clock)

    def client(self, way: str = "client_secret", **changes: str | None) -> DataverseClient:
        return DataverseClient(self.standin.url, self.tokens(way, **changes), columns_of, note_of)

    def refusal(self, way: str = "client_secret", **changes: str | None) -> tuple[str, str]:
        """The reason and the detail with which a first token is refused."""
        failure = failure_of(self.tokens(way, **changes).token)
        return failure.slug, failure.detail

    def asked(self, path: str = "token") -> int:
        """How often the stand-in was asked for that."""
        counts = self.standin.control("GET", "requests")["counts"]
        return sum(row["count"] for row in counts if row["path"] == path)


def failure_of(call: Callable[[], Any]) -> Blocked | Transient:
    with pytest.raises((Blocked, Transient)) as failed:
        call()
    return failed.value


@pytest.fixture
def signing_in(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> SigningIn:
    standin.control("DELETE", "requests")
    return SigningIn(standin, monkeypatch)
