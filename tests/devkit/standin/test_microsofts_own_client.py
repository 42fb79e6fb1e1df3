"""What keeps the stand-in honest: the client that Microsoft publishes must not notice a difference.

It is imported by the tests, since it loads pandas, and every worker of a run would load that.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.credentials import AccessToken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PowerPlatform.Dataverse.client import DataverseClient


class Credential:
    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)


@pytest.fixture
def client(standin: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataverseClient]:
    from PowerPlatform.Dataverse.client import DataverseClient

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", standin.settings["REQUESTS_CA_BUNDLE"])
    with DataverseClient(standin.url, Credential(standin.token())) as client:
        yield client


def test_it_creates_and_reads_a_lead(client: DataverseClient) -> None:
    leadid = client.records.create("lead", {"subject": "Offer", "lastname": "Ito", "leadsourcecode": "Web"})

    lead = client.records.retrieve("lead", leadid, select=["subject", "fullname", "leadsourcecode", "statuscode"])

    assert (lead["subject"], lead["fullname"]) == ("Offer", "Ito")
    assert (lead["leadsourcecode"], lead["statuscode"]) == (8, 1)


def test_it_learns_of_a_lead_that_is_there_already(client: DataverseClient) -> None:
    from PowerPlatform.Dataverse.core.errors import HttpError

    leadid = str(uuid.uuid4())
    client.records.create("lead", {"leadid": leadid, "lastname": "Ito"})

    with pytest.raises(HttpError) as refused:
        client.records.create("lead", {"leadid": leadid, "lastname": "Ito"})

    assert refused.value.status_code == 412
    assert refused.value.details["service_error_code"] == "0x80040237"


def test_it_changes_finds_and_deletes_leads(client: DataverseClient, standin: Any) -> None:
    leadid = client.records.create("lead", {"lastname": "Ito", "emailaddress1": "ito@example.com"})
    client.records.create("lead", {"lastname": "Okafor"})

    client.records.update("lead", leadid, {"jobtitle": "Buyer"})
    found = list(client.records.list("lead", filter="emailaddress1 eq 'ITO@example.com'", select=["jobtitle"]))
    client.records.delete("lead", leadid)

    assert [lead["jobtitle"] for lead in found] == ["Buyer"]
    assert [lead["lastname"] for lead in standin.leads()] == ["Okafor"]
