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
