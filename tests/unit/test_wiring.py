import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from leadpipe.model.errors import SettingsError
from leadpipe.model.settings import Settings
from leadpipe.wiring import SILENT_LIBRARIES, Wiring, quiet_libraries
from tests.factories import environment


@pytest.fixture
def levels() -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in SILENT_LIBRARIES}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


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
    assert wiring.why_not_ready().startswith("AzureWebJobsStorage__blobServiceUri is not set, so the host answers 401")


@pytest.mark.parametrize(
    ("keys", "setting"),
    [({"LEADPIPE_AUTH": "keys"}, "LEADPIPE_KEYS"), ({"LEADPIPE_AUTH": "kyes", "LEADPIPE_KEYS": "a"}, "LEADPIPE_AUTH")],
)
def test_without_a_readable_key_the_app_is_ill_and_no_post_can_be_compared(keys: dict[str, str], setting: str) -> None:
    wiring = Wiring(Settings.from_environment(environment(**keys)))
    assert wiring.why_not_ready().startswith(f"{setting} is")
    with pytest.raises(SettingsError) as raised:
        wiring.keys()
    assert (raised.value.slug, raised.value.detail.startswith(setting)) == ("keys_settings", True)


@pytest.mark.usefixtures("levels")
@pytest.mark.parametrize(
    "logger", ["msal.oauth2cli.oauth2", "msal.mex", "azure.identity._internal", "urllib3.connection"]
)
def test_the_libraries_words_which_quote_what_others_answered_reach_no_log(
    caplog: pytest.LogCaptureFixture, logger: str
) -> None:
    quiet_libraries()
    logging.getLogger(logger).error("Token response is not in json format: %s", '{"access_token": "made-up')
    assert caplog.text == ""


def test_notices_are_posted_where_the_settings_say_and_nowhere_without_them() -> None:
    hook = "https://hooks.slack.com/services/made-up-key"
    wiring = Wiring(Settings.from_environment(environment(LEADPIPE_NOTIFY_URL=hook)))
    assert wiring.notifier() is not None
    assert wiring.notifier() is wiring.delivery().notifier
    for useless in (None, "http://contoso.example"):
        assert Wiring(Settings.from_environment(environment(LEADPIPE_NOTIFY_URL=useless))).delivery().notifier is None


def test_what_posts_notices_is_no_part_of_a_cold_start() -> None:
    code = (
        "import sys; from leadpipe.model.settings import Settings; from leadpipe.wiring import Wiring; "
        "given = {'AzureWebJobsStorage': 'UseDevelopmentStorage=true', 'LEADPIPE_NOTIFY_URL': 'https://a.example'}; "
        "Wiring(Settings.from_environment(given)).intake(); "
        "print([name for name in sys.modules if 'leadpipe.webhook' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_endpoints_description_is_no_part_of_a_cold_start() -> None:
    code = "import function_app, sys; print([name for name in sys.modules if name.endswith('openapi')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_operators_tools_and_the_console_are_no_part_of_the_app() -> None:
    """Not even once all of delivery is built."""
    code = (
        "import function_app, sys; from leadpipe.model.settings import Settings; from leadpipe.wiring import Wiring; "
        "Wiring(Settings.from_environment({'AzureWebJobsStorage': 'UseDevelopmentStorage=true'})).delivery(); "
        "tools = ('leadpipe.cli', 'leadpipe.console', 'leadpipe.operations', 'jinja2', 'typer', 'rich'); "
        "print([name for name in sys.modules if name.startswith(tools)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
