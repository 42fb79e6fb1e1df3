"""A listener on loopback that hands each connection to a function: for peers that do not speak HTTP as they should."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import trustme

Taking = Callable[[socket.socket], None]


def hang_up(_caller: socket.socket) -> None:
    """Ends a connection without a word."""


class Listener:
    """Takes connections, each in a thread of its own, and closes each when `taking` returns.

    With a context it first shakes hands by TLS. `came` counts the connections, and `greeted` those that got past it.
    """

    def __init__(self, taking: Taking, context: ssl.SSLContext | None) -> None:
        self._taking, self._context = taking, context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.netloc = f"127.0.0.1:{self.port}"
        self.came = self.greeted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # On Linux a close alone does not end an accept that waits.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return  # closed
            self.came += 1
            threading.Thread(target=self._take, args=(caller,), daemon=True).start()

    def _take(self, caller: socket.socket) -> None:
        try:
            with self._greet(caller) as greeted:
                self.greeted += 1
                self._taking(greeted)
        except OSError:
            pass  # the caller does not trust this side, or has had enough
        finally:
            caller.close()

    def _greet(self, caller: socket.socket) -> socket.socket:
        return self._context.wrap_socket(caller, server_side=True) if self._context else caller


@contextlib.contextmanager
def listening(taking: Taking = hang_up, context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    listener = Listener(taking, context)
    try:
        yield listener
    finally:
        listener.close()


def loopback_context(bundle: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1; those who trust what is then in `bundle` trust it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context
