import pytest
import requests

from leadpipe.storage.connection import _Session

HOSTS = ["https://contoso.table.core.windows.net/leadledger", "http://127.0.0.1:10002/contoso/leadledger"]


@pytest.mark.parametrize("url", HOSTS)
def test_the_environment_says_the_same_as_to_requests_own_session(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.contoso.com:8080")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.contoso.com:8080")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "contoso.pem")
    ours = _Session()
    for stream in (False, True):
        expected = requests.Session().merge_environment_settings(url, None, stream, None, None)
        assert ours.merge_environment_settings(url, None, stream, None, None) == expected
