"""A mapping file that sets every column there is, written to the stand-in by one create."""

import pytest

from devkit.standin.organisation.columns import link_column
from leadpipe.dataverse.auth import tokens_for
from leadpipe.dataverse.client import DataverseClient
from leadpipe.mapping.file_reader import read_mapping
from leadpipe.mapping.note import note_of
from leadpipe.model.ports import Receipt
from leadpipe.model.settings import Settings
from tests.factories import LEAD_ID, lead
from tests.lead_columns import DOCUMENTED, MAPPED, ROW, fitting
from tests.standin_process import Standin

BOUND = {name: DOCUMENTED[name][1] for name in MAPPED if DOCUMENTED[name][0] == "lookup"}
PLAIN = [name for name in MAPPED if name not in BOUND]


@pytest.fixture
def made(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    standin.configure(rows={entity_set: [ROW] for entity_set in BOUND.values()})
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", standin.settings["REQUESTS_CA_BUNDLE"])
    settings = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", **standin.settings}
    dataverse = Settings.from_environment(settings).dataverse
    assert dataverse is not None
    lines = "\n".join(f"{name} = {fitting(name).toml}" for name in MAPPED)
    mapping = read_mapping(f"[columns]\n{lines}".encode(), "mapping.toml")
    client = DataverseClient(dataverse.url, tokens_for(dataverse), mapping.columns_of, note_of)
    assert client.create(LEAD_ID, lead()) is Receipt.CREATED
    row: dict[str, object] = standin.api("GET", f"leads({LEAD_ID})").json()
    return row


def test_every_column_is_written_with_what_the_file_says(made: dict[str, object]) -> None:
    # Dynamics moves this one into createdon.
    sent = {name: fitting(name).sent for name in PLAIN if name != "overriddencreatedon"}
    assert {name: made[name] for name in sent} == sent
    assert made["createdon"] == fitting("overriddencreatedon").sent
    assert {made[link_column(name)] for name in BOUND} == {ROW}
