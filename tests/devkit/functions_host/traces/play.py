"""Plays scenarios, several at once: each has queues and a proxy of its own, and mostly waits."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from tests.devkit.functions_host.traces.scenarios import SCENARIOS, Scenario
from tests.devkit.functions_host.traces.scene import Scene
from tests.devkit.functions_host.traces.trace import Trace

# Hosts that start beside each other keep those waiting that are being watched.
_STARTS_AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
OUR_HOST = (
    *(sys.executable, "-m", "devkit.functions_host"),
    *("--app", "{app}", "--port", "0", "--data", "{data}"),
)


def chosen(*, only: Iterable[str] = (), slow: bool = False) -> list[Scenario]:
    """Choose by the beginnings of names; without any, all, of which the slow ones only if asked for."""
    wanted = tuple(only)
    if wanted:
        return [scenario for scenario in SCENARIOS.values() if scenario.name.startswith(wanted)]
    return [scenario for scenario in SCENARIOS.values() if slow or not scenario.slow]


def play(
    scenarios: Sequence[Scenario],
    *,
    command: Sequence[str],
    account: str,
    at_once: int = 0,
    on_done: Callable[[Trace], None] = lambda _: None,
) -> dict[str, Trace]:
    """Play the scenarios, `at_once` of them side by side (0 is all), and give their traces in order."""
    starting = threading.Semaphore(_STARTS_AT_ONCE)

    def one(scenario: Scenario) -> Trace:
        scene = Scene(scenario.name, command=command, account=account, starting=starting)
        try:
            scenario.play(scene)
            return scene.trace()
        finally:
            scene.close()

    traces: dict[str, Trace] = {}
    with ThreadPoolExecutor(at_once or len(scenarios)) as players:
        playing = [players.submit(one, scenario) for scenario in scenarios]
        try:
            for future in as_completed(playing):
                trace = future.result()
                traces[trace.scenario] = trace
                on_done(trace)
        except BaseException:
            # After a Ctrl-C no further host begins.
            players.shutdown(wait=False, cancel_futures=True)
            raise
    return {scenario.name: traces[scenario.name] for scenario in scenarios}
