"""Carries out one operation for a batch of leads: several at once, at a given rate, each with a result."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from leadpipe.model.errors import NotAllowed
from leadpipe.model.record import IN_DYNAMICS, OPEN, Record, State
from leadpipe.operations.decisions import Outcome, Result

# Most of the time is spent waiting for storage.
AT_ONCE = 8
# A real run leaves these leads unchanged, so a dry run reports the same.
AS_IT_IS = frozenset(
    {
        Outcome.ALREADY_WRITTEN,
        Outcome.ALREADY_DISCARDED,
        Outcome.ALREADY_HERE,
        Outcome.ON_ITS_WAY,
        Outcome.FAILED,
    }
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A decision to carry out: `done` is its outcome where it succeeds, `look` reads a record."""

    act: Callable[[str], Record]
    done: Outcome
    look: Callable[[str], Record | None]
    at_once: int = AT_ONCE

    def results(self, lead_ids: Iterable[str]) -> Iterator[Result]:
        """Yields the result for each lead, in their order. Starts no more leads once storage does not answer."""
        under_way: deque[Future[Result]] = deque()
        with ThreadPoolExecutor(self.at_once) as pool:
            for lead_id in lead_ids:
                under_way.append(pool.submit(self._result, lead_id))
                if len(under_way) < self.at_once:
                    continue
                result = under_way.popleft().result()
                yield result
                if result.outcome is Outcome.FAILED:
                    break
            yield from (future.result() for future in under_way)

    def _result(self, lead_id: str) -> Result:
        try:
            record = self.act(lead_id)
        except NotAllowed as why:
            return self._not_allowed(lead_id, why)
        except Exception as error:  # noqa: BLE001 - a fault on one lead must not stop the next
            return Result.of_error(lead_id, error)
        found = record.state in IN_DYNAMICS and self.done is not Outcome.COMPLETED
        outcome = Outcome.WRITTEN if found else self.done
        detail = "Dynamics has it" if outcome is Outcome.WRITTEN else ""
        return Result(lead_id=lead_id, outcome=outcome, state=record.state, attempt=record.attempt, detail=detail)

    def _not_allowed(self, lead_id: str, why: NotAllowed) -> Result:
        """The result for a lead whose state rules the decision out: open, written, or still waiting for a person."""
        record = self.look(lead_id)
        return Result(
            lead_id=lead_id,
            outcome=self._outcome_of(record),
            state=record.state if record else "",
            attempt=record.attempt if record else 0,
            reason=why.slug,
            detail=why.detail,
        )

    def _outcome_of(self, record: Record | None) -> Outcome:
        if record is None:
            return Outcome.REFUSED
        if record.state is State.DISCARDED and self.done is Outcome.DISCARDED:
            return Outcome.ALREADY_DISCARDED
        if record.state in IN_DYNAMICS:
            return Outcome.ALREADY_WRITTEN
        return Outcome.ON_ITS_WAY if record.state in OPEN else Outcome.REFUSED


def paced(
    items: Iterable[T],
    rate: float | None,
    *,
    cost: Callable[[], int] = lambda: 1,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[T]:
    """The items, no more than `rate` of them a second. `cost`: how many of them the last one counts for, once done."""
    due = clock()
    for item in items:
        if rate:
            sleep(max(0.0, due - clock()))
        begun = clock()
        yield item
        if rate:
            due = max(due, begun) + cost() / rate
