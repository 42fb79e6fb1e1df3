"""Every combination of the storage settings, each present, empty or missing: health, posts, and who names the setting.

What the functions host does with each was recorded on the real host (4.1037). It serves posts only if it can read its
keys from blobs, and runs `deliver` only if it knows the queue.
"""

from itertools import product

import pytest

from leadpipe.model.errors import SettingsError
from leadpipe.model.settings import Area, Settings
from leadpipe.operations.doctor.app_checks import look_at_settings
from leadpipe.operations.doctor.finding import CheckResult
from leadpipe.wiring import Wiring

STRING = "AzureWebJobsStorage"
ACCOUNT = f"{STRING}__accountName"
BLOBS, QUEUES, TABLES = (f"{STRING}__{service}ServiceUri" for service in ("blob", "queue", "table"))
PRESENT = {
    STRING: "AccountName=contoso;AccountKey=bWFkZS11cA==;EndpointSuffix=core.windows.net",
    ACCOUNT: "contoso",
    BLOBS: "https://contoso.blob.core.windows.net",
    QUEUES: "https://contoso.queue.core.windows.net",
    TABLES: "https://contoso.table.core.windows.net",
}
WAYS = ("present", "empty", "missing")
COMBINATIONS = list(product(WAYS, repeat=len(PRESENT)))


def environment_of(ways: tuple[str, ...]) -> dict[str, str]:
    given = dict(zip(PRESENT, ways, strict=True))
    return {name: PRESENT[name] if way == "present" else "" for name, way in given.items() if way != "missing"}


def culprits(environment: dict[str, str]) -> set[str]:
    """The settings that keep a post from being kept, by what was recorded on the real host."""
    if environment.get(STRING):
        return set()  # it wins over all others, whatever they are
    if environment.get(ACCOUNT):
        needed = set()
    elif any(environment.get(name) for name in (BLOBS, QUEUES, TABLES)):
        needed = {name for name in (BLOBS, QUEUES, TABLES) if not environment.get(name)}
    else:
        return {STRING}
    return needed | ({STRING} if STRING in environment else set())


def serves(environment: dict[str, str]) -> bool:
    """Whether the real host answers 202 to a post with the right key."""
    return not culprits(environment)


@pytest.mark.parametrize("ways", COMBINATIONS, ids="-".join)
def test_health_is_green_exactly_where_the_real_host_takes_posts(ways: tuple[str, ...]) -> None:
    """The stores are not asked: with settings that can be used, `why_not_ready` would go on to them."""
    environment = environment_of(ways)
    settings = Settings.from_environment(environment)
    assert {fault.setting for fault in settings.stopping} == culprits(environment)
    if serves(environment):
        assert len(Wiring(settings).intake()) == 2
        return
    problem = Wiring(settings).why_not_ready()
    assert all(name in problem for name in _named_first(settings))
    assert problem


@pytest.mark.parametrize("ways", COMBINATIONS, ids="-".join)
def test_the_doctor_names_each_setting_that_keeps_posts_out(ways: tuple[str, ...]) -> None:
    environment = environment_of(ways)
    findings = list(look_at_settings(Settings.from_environment(environment)))
    failed = {finding.fact.split()[0] for finding in findings if finding.result is CheckResult.FAILED}
    assert failed == culprits(environment)


@pytest.mark.parametrize("ways", COMBINATIONS, ids="-".join)
def test_a_post_is_kept_or_refused_with_the_settings_name(ways: tuple[str, ...]) -> None:
    """Where only the host cannot use its settings, leadpipe keeps what reaches it."""
    environment = environment_of(ways)
    wiring = Wiring(Settings.from_environment(environment))
    for_leadpipe = culprits(environment) & {QUEUES, TABLES}
    if culprits(environment) == {STRING} and not any(environment.get(name) for name in PRESENT):
        for_leadpipe = {STRING}
    if not for_leadpipe:
        assert len(wiring.intake()) == 2
        return
    with pytest.raises(SettingsError) as raised:
        wiring.intake()
    assert raised.value.slug == "storage_settings"
    assert all(name in raised.value.detail for name in for_leadpipe)


def test_all_combinations_are_tried_and_both_outcomes_are_among_them() -> None:
    assert len(COMBINATIONS) == 3**5
    assert {serves(environment_of(ways)) for ways in COMBINATIONS} == {True, False}


def _named_first(settings: Settings) -> set[str]:
    """What leadpipe cannot use comes first; only without it what the host cannot use."""
    stops_intake = {fault.setting for fault in settings.faults if fault.area is Area.STORAGE}
    return stops_intake or {fault.setting for fault in settings.faults if fault.area is Area.HOST}
