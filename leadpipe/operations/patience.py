"""Waits where Dynamics asks for a pause, so that a command over thousands of leads gets to its end."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from leadpipe.model.errors import Transient

LONGEST_PATIENCE = timedelta(minutes=6)  # Dynamics counts requests over five minutes
T = TypeVar("T")


def patiently(call: Callable[[], T]) -> T:
    """What the call returns. Raises what it raises, but for a failure that names a pause of at most six minutes."""
    while True:
        try:
            return call()
        except Transient as failure:
            if failure.retry_after is None or failure.retry_after > LONGEST_PATIENCE:
                raise
            time.sleep(failure.retry_after.total_seconds())
