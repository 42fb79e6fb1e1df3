"""Describes what is wrong with a mapping file, on which line, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from leadpipe.model.errors import LeadpipeError

REASON = "mapping_unusable"
# How many faults a record's detail and a log line name; `leadpipe mapping check` names all.
_NAMED = 3
# A name or option of the file may be longer than a cell of the ledger holds.
_LONGEST_FAULT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`line` counts from 1; 0 is the file as a whole."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.reason}"


class FaultyMapping(LeadpipeError):
    """The file cannot be used. `faults` lists everything wrong with it, by line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        more = len(self.faults) - _NAMED
        named = "; ".join(str(fault)[:_LONGEST_FAULT] for fault in self.faults[:_NAMED])
        super().__init__(REASON, f"{named}; and {more} more" if more > 0 else named)


class Wrong(Exception):
    """A key of the file cannot have this value; the text says why."""
