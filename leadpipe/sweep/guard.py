"""The guard of a loop: one item that fails does not stop those behind it, and an outage ends the loop early."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from leadpipe.model.errors import LeadpipeError, RowRefused, StorageFailed
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import always

# So many items in a row that failed like an outage are one.
OUTAGE = 5

log = logging.getLogger(__name__)


class Guard:
    """Watches over the items of one loop. `failed` counts those that failed, `failure` is the last one's.

    A failure is logged once and goes no further. The item is left as it is: nothing deletes or settles it here.
    """

    def __init__(self, step: str, time_left: Callable[[], bool] = always) -> None:
        self.step = step
        self.failed = 0
        self.failure: Exception | None = None
        self._time_left = time_left
        self._in_a_row = 0
        self._outage = False

    def goes_on(self) -> bool:
        """Whether to begin with another item: there is time left, and storage does not seem to be away."""
        return not self._outage and self._time_left()

    @contextmanager
    def item(self, **names: object) -> Iterator[None]:
        """To be put around the work on one item. `names`: what it is called in the log, `lead_id=…` for a lead."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one item is not the next one's fault
            self.failed += 1
            self.failure = error
            self._in_a_row = self._in_a_row + 1 if is_outage(error) else 0
            log.error(log_line("sweep_item_failed", step=self.step, **names, reason=reason_of(error)))
            if self._in_a_row == OUTAGE:
                self._outage = True
                log.error(log_line("sweep_failed", step=self.step, reason=reason_of(error)))
        else:
            self._in_a_row = 0


def is_outage(error: Exception) -> bool:
    """Whether storage itself seems to have failed, not one row: then the next item would fail as well."""
    return isinstance(error, StorageFailed) and not isinstance(error, RowRefused) and error.slug.startswith("storage_")


def reason_of(error: Exception) -> str:
    """The slug, or the kind of an exception that leadpipe did not raise: its text could quote a lead."""
    return error.slug if isinstance(error, LeadpipeError) else type(error).__name__
