"""Runs functions in a limited number of threads, as the Python worker does."""

import asyncio
import inspect
import os
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any

from azure.functions import meta

from devkit.functions_host.functions import Function, HttpTrigger
from devkit.functions_host.link import Ended, Invocation
from devkit.functions_host.logs import current_function
from devkit.functions_host.worker.app import Loaded, converter
from devkit.functions_host.worker.context import RunContext


class ArgumentError(Exception):
    """What the trigger sent does not fit the function's argument. Quotes no value: it may be personal data."""


class Runs:
    """Thread-safe. HTTP, queue and timer functions share the threads, as they do on Azure.

    Without a free thread a run waits, while its lease and its functionTimeout already run (dispatcher.py).
    `on_end` is called on the thread of the run.
    """

    def __init__(self, loaded: Sequence[Loaded], *, on_end: Callable[[Ended], None]) -> None:
        self._loaded = {each.function.name: each for each in loaded}
        self._on_end = on_end
        self._threads = ThreadPoolExecutor(max_workers=thread_count(), thread_name_prefix="function")
        self._loop = asyncio.new_event_loop()
        self._closing = False
        self._loop_thread = threading.Thread(target=self._run_loop, name="function-loop", daemon=True)
        self._loop_thread.start()

    def begin(self, invocation: Invocation) -> None:
        loaded = self._loaded[invocation.function]
        if inspect.iscoroutinefunction(loaded.code):
            asyncio.run_coroutine_threadsafe(self._run_async(loaded, invocation), self._loop)
        else:
            self._threads.submit(self._run, loaded, invocation)

    def close(self) -> None:
        """Close, once nothing runs any more."""
        self._closing = True
        self._threads.shutdown(wait=False)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._loop_thread.join()
        self._loop.close()

    def _run_loop(self) -> None:
        """Run the loop of the async functions. If one of them ends it, none would ever run again."""
        try:
            self._loop.run_forever()
        finally:
            if not self._closing:
                os._exit(1)

    def _run(self, loaded: Loaded, invocation: Invocation) -> None:
        with _of(loaded.function):
            try:
                value = _encode(loaded, loaded.code(**_arguments(loaded, invocation)))
            except BaseException as error:  # noqa: BLE001 - whatever it is, this run has failed, and its worker goes on
                self._on_end(Ended(run_id=invocation.run_id, error=_described(error)))
            else:
                self._on_end(Ended(run_id=invocation.run_id, value=value))

    async def _run_async(self, loaded: Loaded, invocation: Invocation) -> None:
        with _of(loaded.function):
            try:
                value = _encode(loaded, await loaded.code(**_arguments(loaded, invocation)))
            except BaseException as error:  # noqa: BLE001 - as above; one that cancels itself has failed too
                self._on_end(Ended(run_id=invocation.run_id, error=_described(error)))
            else:
                self._on_end(Ended(run_id=invocation.run_id, value=value))


def thread_count() -> int:
    """Read the number of threads (dispatcher.py, _get_sync_tp_max_workers); unset is Python's default."""
    try:
        asked = int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", ""))
    except ValueError:
        asked = 0
    return asked if asked > 0 else min(32, (os.cpu_count() or 1) + 4)


def _arguments(loaded: Loaded, invocation: Invocation) -> dict[str, Any]:
    try:
        value = loaded.converter.decode(invocation.data, trigger_metadata=invocation.metadata)
    except Exception as error:  # noqa: BLE001 - the text of any may quote what was sent
        raise ArgumentError(f"{type(error).__name__} while reading what the {loaded.function.binding} sent") from None
    arguments = {loaded.parameter: value}
    if loaded.takes_context:
        arguments["context"] = RunContext(run_id=invocation.run_id, function=loaded.function.name)
    return arguments


def _encode(loaded: Loaded, result: object) -> Any:
    if isinstance(loaded.function.trigger, HttpTrigger):
        return _plain(converter("http").encode(result, expected_type=None))
    if result is not None:
        raise RuntimeError(f"function {loaded.function.name!r} without a $return binding returned a non-None value")
    return None


def _plain(value: Any) -> Any:
    """Give it without the app's own classes, such as a StrEnum, which the host does not have."""
    match value:
        case meta.Datum():
            return meta.Datum(_plain(value.value), _plain(value.type))
        case dict() if not isinstance(value, SimpleCookie):
            return {_plain(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case str():
            return str.__str__(value)
        case _:
            return value


@contextmanager
def _of(function: Function) -> Iterator[None]:
    """Name the function for the lines that it logs."""
    token = current_function.set(function.name)
    try:
        yield
    finally:
        current_function.reset(token)


def _described(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()
