"""Plays the short scenarios with our host, side by side, and compares each with the recording of Microsoft's."""

from dataclasses import dataclass

import pytest

from tests.devkit.functions_host.traces.compare import Compared, unexplained
from tests.devkit.functions_host.traces.judge import judge
from tests.devkit.functions_host.traces.scenarios import SCENARIOS
from tests.devkit.functions_host.traces.trace import Trace

# The longest first. The others take half a minute and more; `python -m tests.devkit.functions_host.traces` has all.
SHORT = (
    "s22_worker_exits_in_a_run",
    "s02_fails_five_times",
    "s07_base64_that_is_no_utf8",
    "s01_success_then_idle",
    "s09_killed_during_the_run",
    "s03_succeeds_at_the_third",
    "s05_spent_before_the_run",
    "s12_no_queue_at_first",
    "s08_lease_lost_during_the_run",
    "s04_burst_of_forty",
    "s10_stopped_during_the_run",
    "s17_delete_503_once",
    "s18_delete_done_and_reply_lost",
    "s06_not_base64",
    "s14_receive_403",
    "s16_poison_send_403",
    "s20_sixty_four_kib",
)


@dataclass(frozen=True, kw_only=True)
class Found:
    compared: dict[str, list[Compared]]
    output: dict[str, str]


@pytest.fixture(scope="module")
def found(module_storage_account: str) -> Found:
    output: dict[str, str] = {}

    def keep(trace: Trace) -> None:
        output[trace.scenario] = "\n".join(trace.output)

    compared = judge([SCENARIOS[name] for name in SHORT], account=module_storage_account, on_done=keep)
    return Found(compared=compared, output=output)


@pytest.mark.timeout(300)  # the first waits for all
@pytest.mark.parametrize("name", SHORT)
def test_our_host_does_what_microsofts_did(name: str, found: Found) -> None:
    assert [str(each) for each in unexplained(found.compared[name])] == [], found.output[name]
