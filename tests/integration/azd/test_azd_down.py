"""Before `azd down` deletes everything: what stays in Dynamics, and whether a lead would be lost."""

import json
import os
import sys

import pytest

import predown
from leadpipe.model.record import State
from tests.factories import payload
from tests.integration.azd.conftest import Azd
from tests.integration.azd.test_azd_up import users
from tests.integration.conftest import App
from tests.standin_process import Standin

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the fakes of az, azd and func are scripts")
ASKED = "Remove the application user and the role there too?"


def test_what_stays_in_dynamics_is_said_and_taken_away_only_on_request(azd: Azd, organisation: Standin) -> None:
    assert azd.hook("postdeploy").code == 0
    identity = azd.outputs["LEADPIPE_IDENTITY_CLIENT_ID"]

    kept, refused = azd.hook("predown"), azd.hook("predown", "n\n")
    there = users(organisation)
    taken = azd.hook("predown", "y\n")

    assert [ran.code for ran in (kept, refused, taken)] == [0, 0, 0], taken.out
    assert "These stay in Dynamics: the leads, the application user" in kept.out
    assert "azd env set LEADPIPE_DOWN_REMOVES_USER yes" in kept.out
    assert (ASKED in kept.out, ASKED in refused.out) == (False, True)
    assert identity in there
    assert identity not in users(organisation)
    assert len(organisation.leads()) == 1  # the test lead


def test_a_pipeline_says_in_the_environment_that_it_is_taken_away(azd: Azd, organisation: Standin) -> None:
    azd.python = sys.executable  # a fork would have leadpipe's modules from here, not from the clone
    azd.set(LEADPIPE_DOWN_REMOVES_USER="yes")

    ran = azd.hook("predown")

    assert (ran.code, "leadpipe setup --remove --client-id" in ran.out) == (0, True)
    assert users(organisation) == []


def test_leads_that_dynamics_does_not_have_stop_it_unless_they_may_be_lost(
    azd_without_dynamics: Azd, app_without_dynamics: App
) -> None:
    azd, app = azd_without_dynamics, app_without_dynamics
    taken = app.post(payload(), headers={"x-functions-key": app.host.function_key()}).json()
    assert app.settled(taken["lead_id"]).state is State.FALLBACK

    stopped, refused, agreed = azd.hook("predown"), azd.hook("predown", "\n"), azd.hook("predown", "y\n")
    azd.set(LEADPIPE_DOWN_LOSES_LEADS="yes")
    lost = azd.hook("predown")

    assert [ran.code for ran in (stopped, refused, agreed, lost)] == [1, 1, 0, 0], agreed.out
    assert "1 fallback: they are in the storage account alone" in stopped.out
    assert "azd env set LEADPIPE_DOWN_LOSES_LEADS yes" in stopped.out


def test_rejected_posts_stop_it_too(azd_without_dynamics: Azd, app_without_dynamics: App) -> None:
    app = app_without_dynamics
    assert app.post("[]", headers={"x-functions-key": app.host.function_key()}).status_code == 400

    ran = azd_without_dynamics.hook("predown")

    assert (ran.code, "✗ 1 rejected: they are in the storage account alone" in ran.out) == (1, True), ran.out


def test_rows_of_the_marketplace_and_messages_without_a_record_stop_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    states = {**dict.fromkeys(State, 0), State.WRITTEN: 5}
    answers = {"status": [{"states": states, "messages_without_record": 2}], "import": [{"row": "a"}]}
    monkeypatch.setattr(predown, "leadpipe_answer", lambda command, *_, **__: (json.dumps(answers[command]), ""))

    assert predown.leads_left({}) == "2 messages without a record, 1 rows of the marketplace not taken in"


def test_a_ledger_that_cannot_be_read_stops_it(azd: Azd) -> None:
    azd.app_settings(AzureWebJobsStorage="AccountName=x")

    ran = azd.hook("predown")

    assert (ran.code, "it is not known whether leads wait" in ran.out) == (1, True)


def test_an_app_that_is_gone_can_still_be_taken_down_if_that_is_meant(azd: Azd) -> None:
    azd.answer("functionapp config appsettings list", {"ERROR": "(ResourceNotFound) The Resource was not found."})

    stopped = azd.hook("predown")
    azd.set(LEADPIPE_DOWN_LOSES_LEADS="yes")
    meant = azd.hook("predown")

    assert (stopped.code, meant.code) == (1, 0), meant.out
    assert "(ResourceNotFound)" in stopped.out


def test_where_nothing_was_deployed_there_is_nothing_to_ask(azd: Azd) -> None:
    azd.outputs["AZURE_FUNCTION_APP_NAME"] = ""

    ran = azd.hook("predown")

    assert (ran.code, azd.calls()) == (0, [])
