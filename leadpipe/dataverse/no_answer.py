"""Why a request had no answer, in words: never an exception's own, which repeat addresses as a library has them."""

import socket
import ssl
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import TimeoutError as PoolTimeout

from leadpipe.dataverse.bounded import Endless

# The first that it is, or came from, counts.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((socket.gaierror,), "no machine has that name"),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((requests.ConnectTimeout,), "no connection in time"),
    ((TimeoutError, PoolTimeout), "connected, but no answer in time"),
    ((requests.ConnectionError,), "the connection broke"),
)


def without_answer(error: Exception) -> str:
    """Of addresses only the proxy's is told, without what it is signed in with."""
    if isinstance(error, Endless):
        return str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy {_proxy_of(error)} is not there, or does not let it through"
    found = _chain(error)
    told = (words for kinds, words in _KINDS if any(isinstance(each, kinds) for each in found))
    return next(told, "the answer could not be read")


def untrusted(error: requests.exceptions.SSLError, whose: str) -> str:
    """What is wrong with the certificate: `whose` it is, and of which host."""
    causes = [each for each in _chain(error) if isinstance(each, ssl.SSLError)]
    if any(each.reason == "NO_CERTIFICATE_OR_CRL_FOUND" for each in causes):
        return "REQUESTS_CA_BUNDLE names a file that holds no certificates"
    host = urlsplit(str(error.request.url)).hostname if error.request is not None else None
    return f"that of {whose}, {host}" if host else f"that of {whose}"


def _chain(error: BaseException | None) -> list[BaseException]:
    """What it came from, as Python chains it and as urllib3 hands it on."""
    found: list[BaseException] = []
    while isinstance(error, BaseException) and error not in found:
        found.append(error)
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__
    return found


def _proxy_of(error: requests.RequestException) -> str:
    url = error.request.url if error.request is not None else None
    proxy = select_proxy(url, get_environ_proxies(url)) if url else None
    return urlsplit(proxy or "").netloc.rpartition("@")[2] or "in between"
