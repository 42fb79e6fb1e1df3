"""A command that takes what `python` takes, and whose process is a fork of the nursery's.

So `python -m leadpipe` takes 0.04 s of processor time to start in place of 0.6 s. Whoever starts it notices nothing:
it has the arguments, environment, folder, the three streams (closed ones too), signals, what happens at exit, and the
exit code. But the modules in nursery.IMPORTED are there already, and come from this repository.
"""

import _signal
import _socket
import marshal
import os
import sys

# What this file's own process does is all that a start costs, so it imports nothing that Python has not loaded already.
SCRIPT = '#!/bin/sh\nexec "{python}" -IS "{file}" "{socket}" "$@"\n'
FORWARDED = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)


def main(address: str, *arguments: str) -> None:
    """Has the nursery start the process with this one's streams, and ends as that one ends."""
    nursery, pid = ask(address, arguments, {number: number for number in range(3) if is_open(number)})
    for number in FORWARDED:
        _signal.signal(number, lambda number, _: os.kill(pid, number))
    code = code_of(nursery)
    if code < 0:
        if -code in FORWARDED:
            _signal.signal(-code, _signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def ask(address: str, arguments: tuple[str, ...], streams: dict[int, int]) -> tuple[_socket.socket, int]:
    """Has a process started with this one's environment and folder. `streams`: its number -> this process's.

    It is killed when the connection is closed. Gives the connection, on which its end comes, and its number.
    """
    order = marshal.dumps((arguments, os.getcwd(), dict(os.environ), [*streams]))  # noqa: PTH109 - pathlib takes long to import
    nursery = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    nursery.connect(address)
    numbers = b"".join(number.to_bytes(4, sys.byteorder) for number in streams.values())
    nursery.sendmsg([len(order).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)])
    nursery.sendall(order)
    return nursery, int.from_bytes(whole(nursery, 4), "big")


def code_of(nursery: _socket.socket) -> int:
    """The exit code, once the process has ended; below zero the signal that ended it."""
    return int.from_bytes(whole(nursery, 4), "big", signed=True)


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def whole(connection: _socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        more = connection.recv(size - len(read))
        if not more:
            raise ConnectionError("the nursery, or the caller, is gone")
        read += more
    return read


if __name__ == "__main__":
    main(*sys.argv[1:])
