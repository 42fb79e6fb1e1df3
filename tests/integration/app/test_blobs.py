"""The host reads its keys from blobs. Without them posts are refused, unless leadpipe checks the keys itself."""

import pytest

from leadpipe.model.record import State
from tests.factories import payload
from tests.integration.conftest import Starter

OWN_KEY = "0123456789abcdef"


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"LEADPIPE_AUTH": "keys", "LEADPIPE_KEYS": f"a:{OWN_KEY}"}, 202),
        ({"LEADPIPE_AUTH": "host"}, 401),
    ],
    ids=["keys", "host"],
)
def test_without_blobs_only_an_endpoint_with_keys_of_its_own_takes_posts(
    start_app: Starter, storage_account: str, settings: dict[str, str], status: int
) -> None:
    app = start_app(storage_account, "--enable-auth", "--blobs", "missing", **settings)
    assert app.host.get("/api/health").status_code == 200
    answer = app.post(payload(), headers={"x-functions-key": OWN_KEY})
    assert answer.status_code == status
    assert not (app.host.folder / "host" / "keys.json").exists()
    if status == 202:
        assert app.settled(answer.json()["lead_id"]).state is State.WRITTEN
