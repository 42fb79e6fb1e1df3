import pytest

from leadpipe.model.source import one_source, spellings_of


@pytest.mark.parametrize(
    "text",
    [
        "AppSource",
        "SPZA",
        "AppSource (SPZA)",
        "appsource",
        " spza ",
        "APPSOURCE(SPZA)",
        "App Source",
        "SPZA (AppSource)",
    ],
)
def test_app_source_is_one_source_however_it_is_spelt(text: str) -> None:
    assert one_source(text) == "AppSource"


@pytest.mark.parametrize(
    "text", ["AzureMarketplace", "AzurePortal", "TestDrive", "SPZAX", "AppSources", "", "(-)", "Ünïcode"]
)
def test_any_other_source_is_as_it_is(text: str) -> None:
    assert one_source(text) == text
    assert spellings_of(text) == (text,)


def test_the_documented_spellings_are_known() -> None:
    assert spellings_of("AppSource") == ("AppSource", "SPZA", "AppSource (SPZA)")
