"""Lists where our host is known to differ from Microsoft's, and why that does no harm.

A difference that is not listed fails, and so does a listed one that is gone: then delete its row, and write the table
in the decision anew by `python -m tests.devkit.functions_host.traces table`.
"""

from dataclasses import dataclass

from tests.devkit.functions_host.traces.values import Same, Times, Value


@dataclass(frozen=True, slots=True)
class Difference:
    scenario: str
    fact: str
    ours: Value
    why: str


_STOPS_RECEIVING = "What ours leaves on the queue is visible, so the next host has it at once"
_ONE_REQUEST = "The socket layer of .NET asks up to three times more within a few milliseconds; the tries are the same"
_WORKER = "Ours replaces and gives up a worker sooner; both try the same messages as often"

DIFFERENCES = (
    Difference("s10", "goes on receiving after SIGTERM", Same(False), _STOPS_RECEIVING),
    Difference("s11", "goes on receiving after SIGTERM", Same(False), _STOPS_RECEIVING),
    Difference("s15", "requests of each try", Same(["6 × 1"]), _ONE_REQUEST),
    Difference("s22", "run after the worker's end", Times(positions=((3.0,), (3.0,))), _WORKER),
    Difference("s22", "end after the worker's third", Times(positions=((0.2,),)), _WORKER),
)
