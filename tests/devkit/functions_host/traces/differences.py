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


_EXISTENCE = "A receive from a missing queue is a 404, which ours takes for the answer to that question"
_STOPS_RECEIVING = "What ours leaves on the queue is visible, so the next host has it at once"
_EXIT_CODE = "`make run` starts the host again, whatever its exit code"
_RECEIVES_503 = "Ours receives again and again with growing pauses, so it is back sooner"
_DROPPED = "Ours waits for storage, where Microsoft's ends and is started again"
_DELETES = "Ours tries less often, with longer pauses"
_TIME_OUT = "Ours ends itself, and whoever starts it again does what Microsoft's does by itself"
_WORKER = "The functions run in our host's own process, so both end together"
_NEVER = Times(positions=())

DIFFERENCES = (
    Difference("s01", "asks for the queue before it receives", Same(False), _EXISTENCE),
    Difference("s10", "goes on receiving after SIGTERM", Same(False), _STOPS_RECEIVING),
    Difference("s11", "goes on receiving after SIGTERM", Same(False), _STOPS_RECEIVING),
    Difference(
        "s12", "questions until the queue is there", Same(["receive 404 QueueNotFound", "receive 200"]), _EXISTENCE
    ),
    Difference("s12", "waits between questions", _NEVER, _EXISTENCE),
    Difference(
        "s13", "questions until the first message", Same(["8 × receive 503 ServerBusy", "receive 200"]), _RECEIVES_503
    ),
    Difference("s13", "pauses between tries", Times(positions=((0.9,), (0.8,), (1.7,), (2.0,), (2.0,))), _RECEIVES_503),
    Difference("s14", "exit codes", Same([70]), _EXIT_CODE),
    Difference("s15", "waited for in vain", Same(["the end"]), _DROPPED),
    Difference("s15", "requests of each try", Same(["3", "5 × 1"]), _DROPPED),
    Difference("s15", "pauses between tries", Times(positions=((0.9,), (0.8,), (2.0,), (2.0,), (2.0,))), _DROPPED),
    Difference("s15", "end after the first drop", Times(positions=((60.0,),)), _DROPPED),
    Difference("s16", "exit codes", Same([70]), _EXIT_CODE),
    Difference("s17", "pause before the second delete", Times(positions=((3.0,),)), _DELETES),
    Difference("s18", "pause before the second delete", Times(positions=((3.0,),)), _DELETES),
    Difference("s19", "dequeue counts", Same(["2 × 1"]), _TIME_OUT),
    Difference("s19", "runs", Same(["1 try 1", "2 try 1"]), _TIME_OUT),
    Difference("s19", "written to each message", Same(["–", "delete 204"]), _TIME_OUT),
    Difference("s19", "exit codes", Same([71]), _TIME_OUT),
    Difference("s19", "waited for in vain", Same([]), _TIME_OUT),
    Difference("s19", "release after the run began", _NEVER, _TIME_OUT),
    Difference("s19", "receipt after the release", _NEVER, _TIME_OUT),
    Difference("s21", "dequeue counts", Same(["2 × 1"]), _TIME_OUT),
    Difference("s21", "runs", Same(["1 try 1", "2 try 1"]), _TIME_OUT),
    Difference("s21", "written to each message", Same(["2 × –"]), _TIME_OUT),
    Difference("s21", "left on the queue", Same(2), _TIME_OUT),
    Difference("s21", "exit codes", Same([71]), _TIME_OUT),
    Difference("s21", "release after the run began", _NEVER, _TIME_OUT),
    Difference("s21", "release after the other run began", _NEVER, _TIME_OUT),
    Difference("s21", "receipt after the release", _NEVER, _TIME_OUT),
    Difference("s22", "dequeue counts", Same(["2 × 1"]), _WORKER),
    Difference("s22", "runs", Same(["1 try 1", "2 try 1"]), _WORKER),
    Difference("s22", "written to each message", Same(["2 × –"]), _WORKER),
    Difference("s22", "exit codes", Same([3]), _WORKER),
    Difference("s22", "release after the worker's end", _NEVER, _WORKER),
    Difference("s22", "run after the worker's end", _NEVER, _WORKER),
    Difference("s22", "end after the worker's third", Times(positions=((0.1,),)), _WORKER),
    Difference("s31", "written to each message", Same(["4 × update vt 600 s 503 ServerBusy"]), _DELETES),
    Difference("s31", "exit codes", Same([70]), _EXIT_CODE),
    Difference("s31", "pauses between tries", Times(positions=((3.6,), (5.1,), (8.8,))), _DELETES),
    Difference("s31", "end after the first 503", Times(positions=((17.6,),)), _DELETES),
)
