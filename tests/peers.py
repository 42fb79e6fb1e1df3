"""Peers over real sockets that do not stop answering, or never begin."""

import socket
import ssl
import threading
import time
from collections.abc import Callable

Answering = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MIB = b" " * (1 << 20)


def trickle(caller: socket.socket, head: bytes) -> None:
    """A byte every twentieth of a second, so that no single read is ever slow."""
    caller.sendall(head)
    while True:
        caller.sendall(b" ")
        time.sleep(0.05)


def body_in_drops(caller: socket.socket) -> None:
    trickle(caller, HEAD + b"Content-Length: 100000000\r\n\r\n")


def headers_in_drops(caller: socket.socket) -> None:
    trickle(caller, HEAD + b"X-Long: ")


def status_in_drops(caller: socket.socket) -> None:
    trickle(caller, b"HTTP/1.1 200 ")


def too_much(caller: socket.socket) -> None:
    caller.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        caller.sendall(b"100000\r\n" + MIB + b"\r\n")


def whole(caller: socket.socket) -> None:
    caller.sendall(HEAD + b'Set-Cookie: a=b\r\nContent-Length: 11\r\n\r\n{"ok":true}')


def silent(caller: socket.socket) -> None:
    caller.recv(1)


class Peer:
    """Reads a request on each connection, then answers as it was made to. `received`: all that it has read."""

    def __init__(self, answering: Answering, context: ssl.SSLContext | None = None) -> None:
        self._answering, self._context = answering, context
        self.received = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.netloc = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def _answer(self, caller: socket.socket) -> None:
        try:
            if self._context:
                caller = self._context.wrap_socket(caller, server_side=True)
            with caller:
                while received := caller.recv(1 << 16):
                    self.received += received
                    self._answering(caller)
        except OSError:
            pass  # the caller has had enough
