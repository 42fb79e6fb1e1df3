import pytest

from leadpipe.model.disabled_functions import switched_off


@pytest.mark.parametrize("setting", ["AzureWebJobs.deliver.Disabled", "AzureWebJobs_deliver_Disabled"])
@pytest.mark.parametrize(("value", "is_off"), [("1", True), (" True ", True), ("0", False), ("", False)])
def test_a_function_is_off_by_either_spelling_of_its_setting(setting: str, value: str, *, is_off: bool) -> None:
    assert switched_off({setting: value}) == ({"deliver": setting} if is_off else {})


def test_without_a_setting_every_function_is_on() -> None:
    assert switched_off({}) == {}
