"""Guards a loop: one item that fails does not stop those behind it, and an outage ends the loop early."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from leadpipe.model.always import always
from leadpipe.model.errors import RowRefused, StorageFailed, reason_of
from leadpipe.model.log_line import log_line

# This many failures of storage in a row count as an outage.
OUTAGE = 5

log = logging.getLogger(__name__)


class Guard:
    """Watches over the items of one task's loop. `failed` counts the items that failed; `failure` is the last error.

    A failure is logged once and goes no further. The item stays as it is: the guard neither deletes nor settles it.
    Thread-safe, because a task may work on several items at once.
    """

    def __init__(self, task: str, time_left: Callable[[], bool] = always) -> None:
        self.task = task
        self.failed = 0
        self.failure: Exception | None = None
        self._time_left = time_left
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._outage = False

    def goes_on(self) -> bool:
        """Whether to begin another item: there is time left, and storage does not seem to be away."""
        return not self._outage and self._time_left()

    @contextmanager
    def item(self, **names: object) -> Iterator[None]:
        """Wraps the work on one item. `names` go into the log line, `lead_id=…` for a lead."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - one item's fault must not stop the next
            with self._lock:
                self._fail(error, names)
        else:
            self._in_a_row = 0

    def _fail(self, error: Exception, names: Mapping[str, object]) -> None:
        self.failed += 1
        self.failure = error
        self._in_a_row = self._in_a_row + 1 if is_outage(error) else 0
        log.error(log_line("sweep_item_failed", step=self.task, **names, reason=reason_of(error)))
        if self._in_a_row >= OUTAGE and not self._outage:
            self._outage = True
            log.error(log_line("sweep_failed", step=self.task, reason=reason_of(error)))


def is_outage(error: Exception) -> bool:
    """Whether storage itself seems to have failed, not one row, so that the next item would fail too."""
    return isinstance(error, StorageFailed) and not isinstance(error, RowRefused) and error.slug.startswith("storage_")
