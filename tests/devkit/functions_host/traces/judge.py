"""Plays scenarios with our host and compares each with Microsoft's recording."""

from collections.abc import Callable, Mapping, Sequence

from tests.devkit.functions_host.traces.compare import Compared, compare, differs_in_times_alone, microsofts
from tests.devkit.functions_host.traces.play import OUR_HOST, play
from tests.devkit.functions_host.traces.scenarios import SCENARIOS, Scenario
from tests.devkit.functions_host.traces.trace import Trace

# A machine that stood still for a moment makes a time too long, once; a wrong rule makes it too long each time.
_REPEATS = 2


def judge(
    scenarios: Sequence[Scenario],
    *,
    account: str,
    command: Sequence[str] = OUR_HOST,
    on_done: Callable[[Trace], None] = lambda _: None,
) -> dict[str, list[Compared]]:
    """Compare all; those that differ in measured times alone are played again, when the others are over."""
    theirs = microsofts()

    def judged(traces: Mapping[str, Trace]) -> dict[str, list[Compared]]:
        return {name: compare(theirs[name], trace) for name, trace in traces.items()}

    found = judged(play(scenarios, command=command, account=account, on_done=on_done))
    for _ in range(_REPEATS):
        late = [SCENARIOS[name] for name, compared in found.items() if differs_in_times_alone(compared)]
        if late:
            found |= judged(play(late, command=command, account=account, on_done=on_done))
    return found
