"""Acts as the Python worker: runs functions in a limited number of threads, and logs each run."""

import asyncio
import inspect
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from azure.functions import meta

from devkit.functions_host.context import RunContext
from devkit.functions_host.deadlines import Deadlines
from devkit.functions_host.functions import Function, HttpTrigger, converter
from devkit.functions_host.logs import current_function

Metadata = Mapping[str, meta.Datum]


class ArgumentError(Exception):
    """What the trigger sent does not fit the function's argument. Quotes no value: it may be personal data."""


class Worker:
    """Thread-safe. HTTP, queue and timer functions share the threads, as they do on Azure.

    Without a free thread a run waits, while its lease and its functionTimeout already run (dispatcher.py).
    """

    def __init__(self, *, function_timeout: float | None, on_timeout: Callable[[str], None]) -> None:
        self.deadlines = Deadlines(seconds=function_timeout, on_expiry=on_timeout)
        self._threads = ThreadPoolExecutor(max_workers=thread_count(), thread_name_prefix="function")
        self._loop = asyncio.new_event_loop()
        self._loop_thread = threading.Thread(target=self._loop.run_forever, name="function-loop", daemon=True)
        self._loop_thread.start()

    def invoke(self, function: Function, data: meta.Datum, metadata: Metadata, *, reason: str) -> Future[Any]:
        """Start one run. Its failure is logged here; the future only says that it failed."""
        run_id = str(uuid.uuid4())
        self.deadlines.begin(run_id, function.name)
        run: Future[Any]
        if inspect.iscoroutinefunction(function.code):
            run = asyncio.run_coroutine_threadsafe(_run_async(function, data, metadata, reason, run_id), self._loop)
        else:
            run = self._threads.submit(_run, function, data, metadata, reason, run_id)
        run.add_done_callback(lambda _: self.deadlines.end(run_id))
        return run

    def close(self) -> None:
        """Close, once nothing runs any more."""
        self._threads.shutdown(wait=False)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._loop_thread.join()
        self._loop.close()


def thread_count() -> int:
    """Read the number of threads (dispatcher.py, _get_sync_tp_max_workers); unset is Python's default."""
    try:
        asked = int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", ""))
    except ValueError:
        asked = 0
    return asked if asked > 0 else min(32, (os.cpu_count() or 1) + 4)


def _run(function: Function, data: meta.Datum, metadata: Metadata, reason: str, run_id: str) -> Any:
    with _logged(function.name, reason, run_id):
        return _encode(function, function.code(**_arguments(function, data, metadata, run_id)))


async def _run_async(function: Function, data: meta.Datum, metadata: Metadata, reason: str, run_id: str) -> Any:
    with _logged(function.name, reason, run_id):
        try:
            return _encode(function, await function.code(**_arguments(function, data, metadata, run_id)))
        except asyncio.CancelledError as error:
            # It would cancel the future; to the host it is a failure like others.
            raise RuntimeError("the function was cancelled from within") from error


def _arguments(function: Function, data: meta.Datum, metadata: Metadata, run_id: str) -> dict[str, Any]:
    try:
        value = function.converter.decode(data, trigger_metadata=metadata)
    except Exception as error:  # noqa: BLE001 - the text of any may quote what was sent
        raise ArgumentError(f"{type(error).__name__} while reading what the {function.binding} sent") from None
    arguments = {function.parameter: value}
    if function.takes_context:
        arguments["context"] = RunContext(run_id=run_id, function=function.name)
    return arguments


def _encode(function: Function, result: object) -> Any:
    if isinstance(function.trigger, HttpTrigger):
        return converter("http").encode(result, expected_type=None)
    if result is not None:
        raise RuntimeError(f"function {function.name!r} without a $return binding returned a non-None value")
    return None


@contextmanager
def _logged(function: str, reason: str, run_id: str) -> Iterator[None]:
    logger = logging.getLogger(f"Function.{function}")
    token = current_function.set(function)
    started = time.monotonic()
    logger.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function, reason, run_id)
    try:
        yield
    except BaseException as error:
        trace = (type(error), error, _own_frames_removed(error))
        logger.error("Executed 'Functions.%s' (Failed, Id=%s, Duration=%dms)",
                     function, run_id, _ms(started), exc_info=trace)  # fmt: skip
        raise
    else:
        logger.info("Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%dms)", function, run_id, _ms(started))
    finally:
        current_function.reset(token)


def _own_frames_removed(error: BaseException) -> Any:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
