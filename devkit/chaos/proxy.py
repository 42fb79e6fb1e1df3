"""Forwards to one of Azurite's services, and loses connections, requests and replies on demand."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from concurrent.futures import Future

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
_LARGEST_HEAD = 64 * 1024


class Mode(StrEnum):
    THROUGH = "through"
    DOWN = "down"  # connections are cut
    SILENT = "silent"  # requests are read and never answered


class Proxy:
    """`before` and `after` are the shares of requests answered with 503 before, and after, Azurite did the work.

    `one_each`: a connection is cut at its second request, as servers cut idle connections.
    `port`: the proxy's own; 0 is any free one.

    Runs in a thread of its own. Any thread may set its attributes.
    """

    def __init__(self, name: str, target: int, chance: random.Random, *, port: int = 0) -> None:
        self.name = name
        self.mode = Mode.THROUGH
        self.before = 0.0
        self.after = 0.0
        self.one_each = False
        self.injected: Counter[str] = Counter()
        self.port = port
        self._target = target
        self._chance = chance
        self._listening: threading.Event = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._listening.wait()

    def stop(self) -> None:
        """Stops listening, so that connections are refused. A second stop does nothing."""
        if self._loop.is_closed():
            return
        ended: Future[None] = asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        with contextlib.suppress(Exception):
            ended.result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._loop.is_running():
            self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_LARGEST_HEAD, backlog=512)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()

    async def _end(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks(self._loop) if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        task = asyncio.current_task()
        self._tasks.add(task)  # asyncio keeps no reference once the client closed
        try:
            while True:
                request = await _request(reader)
                fate = Mode.DOWN if peer and self.one_each else self._fate()
                if fate:
                    self.injected[f"{self.name} {fate}"] += 1
                if fate == Mode.DOWN:
                    return
                if fate == Mode.SILENT:
                    await self._until_it_speaks()
                    return
                if fate == "503 before":
                    writer.write(_UNAVAILABLE)
                    continue
                peer = peer or await asyncio.open_connection("127.0.0.1", self._target, limit=_LARGEST_HEAD)
                peer[1].write(request)
                answer = await _answer(peer[0], head_only=request.startswith(b"HEAD "))
                writer.write(_UNAVAILABLE if fate == "503 after" else answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            return  # one side closed, or the proxy ends
        finally:
            self._tasks.discard(task)
            for end in (writer, *(peer[1:] if peer else ())):
                end.transport.abort()

    def _fate(self) -> str:
        if self.mode is not Mode.THROUGH:
            return self.mode
        drawn = self._chance.random()
        if drawn < self.before:
            return "503 before"
        return "503 after" if drawn < self.before + self.after else ""

    async def _until_it_speaks(self) -> None:
        while self.mode is Mode.SILENT:  # noqa: ASYNC110 - an asyncio.Event cannot be set from another thread
            await asyncio.sleep(0.1)


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await _body(reader, head)


async def _answer(reader: asyncio.StreamReader, *, head_only: bool) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    return head if head_only or status in {204, 304} else head + await _body(reader, head)


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if found := _LENGTH.search(head):
        return await reader.readexactly(int(found[1]))
    if not _CHUNKED.search(head):
        return b""
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size.split(b";")[0], 16) + 2)
        body += size + chunk
        if chunk == b"\r\n":
            return body
