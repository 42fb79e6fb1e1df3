"""Each column of the sweep's marks damaged: no sweep and no command stops. A row of each other table is damaged too."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.integration.cli.conftest import Runner
from tests.integration.cli.test_damaged_cells import (
    ABSENT,
    CLAIM_CASES,
    EVENT_CASES,
    FALLBACK_CASES,
    FAR_AHEAD,
    HUGE,
    LONG_AGO,
    PAYLOAD_CASES,
    RECORD_CASES,
    Account,
    Case,
)

MARKS = (
    "Watermark",
    "LookedBackAt",
    "TakenInUntil",
    "ForgottenBefore",
    "ExpiryToldOn",
    "ProbesFailSince",
    "NextProbeAt",
    "ReconciledAt",
)
TIMES = {"LookedBackAt", "TakenInUntil", "ProbesFailSince", "NextProbeAt", "ReconciledAt"}
MARK_CASES = [
    Case(column, how, cell)
    for column in MARKS
    for how, cell in (
        ("is a number", 7),
        ("is text", "tomorrow"),
        ("is of 1601", LONG_AGO if column in TIMES else "1601-01-01"),
        ("is of 9999", FAR_AHEAD if column in TIMES else "9999-12-31"),
        ("is missing", ABSENT),
        ("is huge", HUGE),
    )
]


@pytest.fixture(scope="module")
def sweeping(module_storage_account: str) -> Iterator[Account]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        runner = Runner({"AzureWebJobsStorage": module_storage_account}, monkeypatch)
        account = Account.connected(module_storage_account, runner)
        account.damage_all(
            records=[RECORD_CASES[0], PAYLOAD_CASES[0]],
            events=EVENT_CASES[:1],
            claims=CLAIM_CASES[:1],
            fallback_rows=FALLBACK_CASES[:1],
        )
        account.sweep()
        yield account


@pytest.fixture(scope="module")
def sound(sweeping: Account) -> Mapping[str, Any]:
    """The marks of a sweep that met no damage in them."""
    return sweeping.storage.table("leadledger").get_entity("sweep", "marks")


@pytest.mark.parametrize("case", MARK_CASES, ids=str)
def test_damaged_marks_stop_neither_the_sweep_nor_a_command(
    sweeping: Account, sound: Mapping[str, Any], case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    sweeping.put_damaged("leadledger", sound, case)
    sweeping.sweep()
    assert "sweep_failed" not in caplog.text
    sweeping.look()
