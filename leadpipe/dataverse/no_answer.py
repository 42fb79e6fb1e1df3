"""Describes why a request got no answer. Never quotes the exception, whose text contains addresses."""

import socket
import ssl
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import TimeoutError as PoolTimeout

from leadpipe.dataverse.bounded import Endless

# The first that matches the exception or one of its causes counts.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((socket.gaierror,), "no machine has that name"),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((requests.ConnectTimeout,), "no connection in time"),
    ((TimeoutError, PoolTimeout), "connected, but no answer in time"),
    ((requests.ConnectionError,), "the connection broke"),
)


def without_answer(error: Exception) -> str:
    """Names no address but a proxy's, without its credentials."""
    if isinstance(error, Endless):
        return str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy {_proxy_of(error)} is not there, or does not let it through"
    found = _chain(error)
    words_for_it = (words for kinds, words in _KINDS if any(isinstance(each, kinds) for each in found))
    return next(words_for_it, "the answer could not be read")


def untrusted(error: requests.exceptions.SSLError, whose: str) -> str:
    """Says what is wrong with the certificate of `whose` host."""
    causes = [each for each in _chain(error) if isinstance(each, ssl.SSLError)]
    if any(each.reason == "NO_CERTIFICATE_OR_CRL_FOUND" for each in causes):
        return "REQUESTS_CA_BUNDLE names a file that holds no certificates"
    host = urlsplit(str(error.request.url)).hostname if error.request is not None else None
    return f"that of {whose}, {host}" if host else f"that of {whose}"


def _chain(error: BaseException | None) -> list[BaseException]:
    """Gives the exception and its causes, as Python chains them and as urllib3 passes them on."""
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
