"""Answers of peers that do not stop answering, or never begin; the fixtures `peer` and `tls_peer` give them."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Peer:
    """Where it listens, and all that it has read."""

    netloc: str
    received: bytearray


MakePeer = Callable[..., Peer]
