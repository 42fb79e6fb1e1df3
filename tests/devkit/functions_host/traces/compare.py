"""Compares traces of our host with Microsoft's, fact by fact, and with the table of known differences."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.devkit.functions_host.traces.differences import DIFFERENCES, Difference
from tests.devkit.functions_host.traces.scenario_facts import facts_of
from tests.devkit.functions_host.traces.trace import Trace, load
from tests.devkit.functions_host.traces.values import Times, Value, agree

_FOLDER = Path(__file__).parent
FULL_HOST = _FOLDER / "full-host.json.gz"
QUEUE_LISTENER = _FOLDER / "queue-listener.json.gz"
# Of this one the whole host's trace is spoilt: its second start found its port in use.
_OF_LISTENER = ("s09_killed_during_the_run",)


class Outcome(StrEnum):
    AGREES = "agrees"
    KNOWN = "known difference"
    UNEXPLAINED = "unexplained"
    OTHER = "differs, but not as the table says"
    GONE = "agrees, but is in the table"

    @property
    def is_fine(self) -> bool:
        return self in {Outcome.AGREES, Outcome.KNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    scenario: str
    fact: str
    microsofts: Value
    ours: Value
    outcome: Outcome
    why: str

    def __str__(self) -> str:
        return (
            f"{self.scenario}: {self.fact}: {self.outcome}. Microsoft's: {self.microsofts}. Ours: {self.ours}."
            + f" Why: {self.why}" * bool(self.why)
        )


def microsofts() -> dict[str, Trace]:
    """Load the traces that count: the whole host's, but for one."""
    listener = load(QUEUE_LISTENER)
    return load(FULL_HOST) | {name: listener[name] for name in _OF_LISTENER}


def compare(theirs: Trace, ours: Trace, table: Sequence[Difference] = DIFFERENCES) -> list[Compared]:
    known = {difference.fact: difference for difference in table if theirs.scenario.startswith(difference.scenario)}
    our_facts = facts_of(ours)
    return [
        Compared(
            scenario=theirs.scenario,
            fact=fact,
            microsofts=value,
            ours=our_facts[fact],
            outcome=_outcome(value, our_facts[fact], known.get(fact)),
            why=known[fact].why if fact in known else "",
        )
        for fact, value in facts_of(theirs).items()
    ]


def _outcome(theirs: Value, ours: Value, known: Difference | None) -> Outcome:
    if agree(theirs, ours):
        return Outcome.GONE if known else Outcome.AGREES
    if known is None:
        return Outcome.UNEXPLAINED
    return Outcome.KNOWN if agree(known.ours, ours) else Outcome.OTHER


def unexplained(compared: Iterable[Compared]) -> list[Compared]:
    return [each for each in compared if not each.outcome.is_fine]


def differs_in_times_alone(compared: Iterable[Compared]) -> bool:
    found = unexplained(compared)
    return bool(found) and all(isinstance(each.microsofts, Times) for each in found)


def rows(table: Sequence[Difference] = DIFFERENCES, traces: Mapping[str, Trace] | None = None) -> list[str]:
    """Write the table of known differences in Markdown, with Microsoft's values from the recordings."""
    by_short = {name[:3]: facts_of(trace) for name, trace in (traces or microsofts()).items()}
    return [
        f"| {row.scenario} | {row.fact} | {by_short[row.scenario][row.fact]} | {row.ours} | {row.why} |"
        for row in table
    ]
