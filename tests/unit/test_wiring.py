import logging

import pytest

from leadpipe.model.settings import Settings
from leadpipe.wiring import Wiring
from tests.factories import environment


def test_each_fault_of_the_settings_is_logged_at_start_louder_where_leads_wait_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Wiring(Settings.from_environment(environment(DATAVERSE_URL="contoso", LEADPIPE_DEDUPE_WINDOW="a week")))
    told = {line.getMessage().split()[1]: line.levelno for line in caplog.records}
    assert told == {"setting=DATAVERSE_URL": logging.ERROR, "setting=LEADPIPE_DEDUPE_WINDOW": logging.WARNING}


def test_what_the_host_would_trip_over_makes_the_app_ill_and_stops_no_intake() -> None:
    wiring = Wiring(
        Settings.from_environment(
            {
                "AzureWebJobsStorage__queueServiceUri": "https://contoso.queue.core.windows.net",
                "AzureWebJobsStorage__tableServiceUri": "https://contoso.table.core.windows.net",
                "AzureWebJobsStorage__credential": "managedidentity",
            }
        )
    )
    assert len(wiring.intake()) == 2
    assert wiring.ill().startswith("AzureWebJobsStorage__blobServiceUri is not set, so the host answers 401")
