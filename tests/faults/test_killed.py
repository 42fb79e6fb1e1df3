"""A host that is killed in mid-delivery keeps its message leased for ten minutes; its lead does not wait so long.

The messages and the host's lease are real; the sweep's clock is ahead, so that no test waits for minutes.
"""

import os
import signal
from datetime import timedelta

from devkit.chaos.watch import Death, read_journal
from devkit.chaos.windows import Window
from leadpipe.model.record import State
from tests.faults.rig import Rig
from tests.faults.scenes import waiting
from tests.host_process import until

LEASE_SECONDS = 600
IN_MID_DELIVERY = Window("delivery", "claims.take", "dynamics.create")


def test_a_lead_whose_delivery_was_killed_is_written_within_five_minutes(rig: Rig) -> None:
    rig.swept()
    lead_id = waiting(rig)
    killed = rig.host((IN_MID_DELIVERY, 1), lease=LEASE_SECONDS)
    assert killed.child.wait() == -signal.SIGKILL
    rig.host(lease=LEASE_SECONDS)
    rig.sweep(timedelta(minutes=2))
    assert (rig.record(lead_id).state, rig.record(lead_id).attempt) == (State.ACCEPTED, 1)
    rig.sweep(timedelta(minutes=4))
    until(lambda: rig.record(lead_id).state is State.WRITTEN, "the lead to be written")
    assert (rig.record(lead_id).attempt, rig.in_dynamics()) == (2, [lead_id])


def test_a_run_that_hung_when_its_worker_died_is_not_counted_as_a_time_out(rig: Rig) -> None:
    lead_id = waiting(rig)
    rig.host((IN_MID_DELIVERY, 1), by=Death.TIMEOUT)
    hung = until(lambda: [line for line in read_journal(rig.journal) if "hangs" in line], "the run to hang")
    os.kill(hung[0]["process"], signal.SIGKILL)
    until(lambda: len([line for line in read_journal(rig.journal) if "worker" in line]) == 2, "the next worker")
    assert not rig.died(IN_MID_DELIVERY, Death.TIMEOUT)
    until(lambda: rig.died(IN_MID_DELIVERY, Death.TIMEOUT), "the planned time-out, by the next try")
    until(lambda: rig.record(lead_id).state is State.WRITTEN, "the lead to be written")


def test_a_backlog_of_an_hour_is_not_put_on_the_queue_a_second_time(rig: Rig) -> None:
    rig.swept()
    lead_ids = [waiting(rig) for _ in range(40)]
    for minutes in (4, 30, 65):
        rig.sweep(timedelta(minutes=minutes))
    assert rig.depth("leads") == len(lead_ids)
    assert {rig.record(lead_id).attempt for lead_id in lead_ids} == {1}


def test_a_lost_lead_is_put_again_although_younger_ones_wait(rig: Rig) -> None:
    rig.swept()
    lost = rig.accepted(ago=timedelta(minutes=2)).lead_id
    waits = waiting(rig)
    rig.sweep(timedelta(minutes=4))
    assert (rig.record(lost).attempt, rig.record(waits).attempt) == (2, 1)
