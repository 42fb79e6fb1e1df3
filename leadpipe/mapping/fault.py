"""What is wrong with a mapping file, where, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from leadpipe.model.errors import LeadpipeError

REASON = "mapping_unusable"
# A record's detail and a log line name so many; `leadpipe mapping check` names all.
_TOLD = 3
# A name or an option of the file may be longer than a cell of the ledger.
_LONGEST_TOLD = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`line` counts from 1; 0: the file as a whole."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.reason}"


class FaultyMapping(LeadpipeError):
    """The file cannot be used; `faults` has all that is wrong with it, in the order of its lines."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        more = len(self.faults) - _TOLD
        told = "; ".join(str(fault)[:_LONGEST_TOLD] for fault in self.faults[:_TOLD])
        super().__init__(REASON, f"{told}; and {more} more" if more > 0 else told)
