"""The scenarios: what happens to a host, in the order of their names.

They are those of the recordings. The facts that are compared are in `scenario_facts.py`.
"""

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.devkit.functions_host.traces.scene import Scene
from tests.host_process import until


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    play: Callable[[Scene], None]
    slow: bool


SCENARIOS: dict[str, Scenario] = {}


def _scenario(*, slow: bool = False) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    def add(play: Callable[[Scene], None]) -> Callable[[Scene], None]:
        SCENARIOS[play.__name__] = Scenario(name=play.__name__, play=play, slow=slow)
        return play

    return add


def _wait_for_delete(scene: Scene, seconds: float = 60, count: int = 1) -> None:
    scene.wait(lambda: len(scene.requests("delete")) >= count or scene.ended(), seconds, "the delete")


def _wait_for_end(scene: Scene, seconds: float) -> None:
    scene.wait(scene.ended, seconds, "the end")


def _wait_for_run(scene: Scene) -> None:
    scene.wait(lambda: scene.reported("begin"), 40, "the run")


@_scenario()
def s01_success_then_idle(scene: Scene) -> None:
    """Runs one message, then finds nothing for nine seconds: the waits between empty polls."""
    scene.create(scene.queue)
    scene.put()
    scene.start()
    _wait_for_delete(scene)
    time.sleep(9)
    scene.stop()


@_scenario()
def s02_fails_five_times(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.put(do="fail")
    scene.start()
    _wait_for_delete(scene)
    time.sleep(1)
    scene.stop()


@_scenario()
def s03_succeeds_at_the_third(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.put(do="fail", ok_from=3)
    scene.start()
    _wait_for_delete(scene)
    scene.stop()


@_scenario()
def s04_burst_of_forty(scene: Scene) -> None:
    scene.create(scene.queue)
    for n in range(40):
        scene.put(n, seconds=1)
    scene.start()
    _wait_for_delete(scene, count=40)
    scene.stop()


@_scenario()
def s05_spent_before_the_run(scene: Scene) -> None:
    """Receives a message five times and lets it go each time, as a host that dies would."""
    scene.create(scene.queue)
    scene.put()
    for _ in range(5):
        until(lambda: scene.receive(hidden_for=1), "the message")
        time.sleep(1.3)
    scene.start()
    _wait_for_delete(scene)
    scene.stop()


@_scenario()
def s06_not_base64(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.put_raw("<no base64> & so on")
    scene.put(2)
    scene.start()
    _wait_for_delete(scene, count=2)
    scene.stop()


@_scenario()
def s07_base64_that_is_no_utf8(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.put_raw("//57fQ==")
    scene.start()
    _wait_for_delete(scene)
    scene.stop()


@_scenario()
def s08_lease_lost_during_the_run(scene: Scene) -> None:
    """Makes the message visible while it is run, so that it is run a second time beside the first."""
    scene.create(scene.queue)
    scene.put(seconds=3)
    scene.start()
    _wait_for_run(scene)
    scene.show(scene.reported("begin")[0])
    scene.wait(lambda: len(scene.reported("end")) >= 2 and scene.requests("delete", status=204), 40, "two ends")
    time.sleep(1)
    scene.stop()


@_scenario()
def s09_killed_during_the_run(scene: Scene) -> None:
    """Kills the host in a run and starts another, which must not get the message for ten minutes."""
    scene.create(scene.queue)
    scene.put(seconds=30)
    scene.start()
    _wait_for_run(scene)
    scene.stop(signal.SIGKILL)
    time.sleep(1)
    scene.start()
    time.sleep(6)
    scene.stop()


@_scenario()
def s10_stopped_during_the_run(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.put(1, seconds=3)
    scene.start()
    _wait_for_run(scene)
    scene.put(2)
    scene.send_signal(signal.SIGTERM)
    _wait_for_end(scene, 40)


@_scenario()
def s11_stopped_and_the_run_is_longer(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.put(1, seconds=20)
    scene.start()
    _wait_for_run(scene)
    scene.send_signal(signal.SIGTERM)
    _wait_for_end(scene, 60)


@_scenario()
def s12_no_queue_at_first(scene: Scene) -> None:
    scene.start()
    time.sleep(5)
    scene.create(scene.queue)
    scene.put()
    _wait_for_delete(scene)
    scene.stop()


@_scenario()
def s13_receive_503_for_a_while(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.start()
    scene.wait(lambda: scene.requests("receive"), 40, "a first receive")
    scene.fault("receive", status=503, code="ServerBusy", count=8)
    scene.put()
    _wait_for_delete(scene)
    scene.stop()


@_scenario()
def s14_receive_403(scene: Scene) -> None:
    """Refuses what a new key or a role that was taken away would refuse."""
    scene.create(scene.queue)
    scene.start()
    scene.wait(lambda: scene.requests("receive"), 40, "a first receive")
    for operation in ("receive", "exists"):
        scene.fault(operation, status=403, code="AuthorizationFailure", count=float("inf"))
    _wait_for_end(scene, 40)
    scene.stop()


@_scenario()
def s15_receive_connection_dropped(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.start()
    scene.wait(lambda: scene.requests("receive"), 40, "a first receive")
    for operation in ("receive", "exists"):
        scene.fault(operation, drop=True, count=float("inf"))
    _wait_for_end(scene, 60)
    scene.stop()


@_scenario()
def s16_poison_send_403(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.create(scene.poison)
    scene.put(do="fail")
    scene.fault("send", queue=scene.poison, status=403, code="AuthorizationPermissionMismatch", count=float("inf"))
    scene.start(maxDequeueCount="1")
    _wait_for_end(scene, 40)
    scene.stop()


@_scenario()
def s17_delete_503_once(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.fault("delete", status=503, code="ServerBusy")
    scene.put()
    scene.start()
    scene.wait(lambda: scene.requests("delete", status=204) or scene.ended(), 60, "the delete")
    time.sleep(1)
    scene.stop()


@_scenario()
def s18_delete_done_and_reply_lost(scene: Scene) -> None:
    """Lets the service delete, and answers 500: the second delete finds no message."""
    scene.create(scene.queue)
    scene.fault("delete", status=500, code="InternalError", after=True)
    scene.put()
    scene.start()
    _wait_for_delete(scene, count=2)
    time.sleep(1)
    scene.stop()


@_scenario()
def s19_function_timeout(scene: Scene) -> None:
    """Lets a run of twelve seconds pass a functionTimeout of three, beside one that ends well."""
    scene.create(scene.queue)
    scene.put(1, seconds=12)
    scene.put(2, seconds=1)
    scene.start(functionTimeout="00:00:03")
    scene.wait(lambda: len(scene.reported("begin")) >= 2, 40, "two runs")
    scene.wait(scene.ended, 24, "an end, or none")
    scene.stop()


@_scenario()
def s20_sixty_four_kib(scene: Scene) -> None:
    """Poisons the largest message that base64 allows."""
    scene.create(scene.queue)
    room = 49_152 - len(json.dumps({"n": 1, "do": "fail", "pad": ""}))
    scene.put(1, do="fail", pad="x" * room)
    scene.start(maxDequeueCount="1")
    _wait_for_delete(scene)
    scene.stop()


@_scenario()
def s21_timeout_beside_another_run(scene: Scene) -> None:
    """Lets a run pass a functionTimeout of ten seconds while another goes on in the same worker."""
    scene.create(scene.queue)
    scene.put(1, seconds=60)
    scene.start(functionTimeout="00:00:10")
    _wait_for_run(scene)
    time.sleep(6)
    scene.put(2, seconds=8)
    scene.wait(lambda: scene.requests("delete", status=204) or scene.ended(), 90, "the second's delete")
    time.sleep(2)
    scene.stop()


@_scenario()
def s22_worker_exits_in_a_run(scene: Scene) -> None:
    """Ends the process that runs the functions, each time that a message is tried; another run goes on beside it."""
    scene.create(scene.queue)
    scene.put(2, seconds=6)
    scene.start()
    _wait_for_run(scene)
    scene.put(1, do="exit", seconds=1)
    scene.wait(lambda: scene.requests("send", queue=scene.poison) or scene.ended(), 90, "the poison copy")
    scene.stop()


@_scenario(slow=True)
def s30_renewal(scene: Scene) -> None:
    """Runs for longer than half of a lease."""
    scene.create(scene.queue)
    scene.put(seconds=320)
    scene.start()
    _wait_for_delete(scene, 420)
    scene.stop()


@_scenario(slow=True)
def s31_renewal_503(scene: Scene) -> None:
    scene.create(scene.queue)
    scene.put(seconds=340)
    scene.start()
    _wait_for_run(scene)
    scene.fault("update", status=503, code="ServerBusy", count=float("inf"))
    scene.wait(lambda: scene.ended() or scene.requests("delete"), 480, "the end")
    scene.stop()


@_scenario(slow=True)
def s32_idle_for_two_minutes(scene: Scene) -> None:
    """Finds nothing with a maxPollingInterval of one minute: the whole series of waits."""
    scene.create(scene.queue)
    scene.start(maxPollingInterval="00:01:00")
    time.sleep(170)
    scene.stop()
