"""Makes `func.Context` for functions that ask for one."""

import os
import threading
from typing import Any

import azure.functions as func


class RunContext(func.Context):
    def __init__(self, *, run_id: str, function: str) -> None:
        self._run_id = run_id
        self._function = function
        self._local = threading.local()
        self._local.invocation_id = run_id

    @property
    def invocation_id(self) -> str:
        return self._run_id

    @property
    def function_name(self) -> str:
        return self._function

    @property
    def function_directory(self) -> str:
        return os.getcwd()  # noqa: PTH109 - the library's own type is text

    @property
    def thread_local_storage(self) -> Any:
        return self._local

    @property
    def trace_context(self) -> Any:
        return None

    @property
    def retry_context(self) -> Any:
        return None
