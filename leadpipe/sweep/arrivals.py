"""Takes in the rows that the marketplace itself wrote."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from leadpipe.delivery import make_record
from leadpipe.ledger_writes import insert
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import Envelope
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Arrival, Marks, Ports
from leadpipe.model.record import QUEUED, Record
from leadpipe.sweep.run import Run

log = logging.getLogger(__name__)

# Rows may become readable in another order than that of their times.
ARRIVAL_OVERLAP = timedelta(minutes=5)


def take_in_arrivals(marks: Marks, run: Run) -> Marks:
    """Takes in the rows of the marketplace's table destination, beginning at the time of the first sweep.

    A row that cannot be taken in holds the mark back, so that each sweep tries it again.
    """
    guard, known = run.guard("arrivals"), run.ports.taken_in
    since, lowered = marks.taken_in_until or run.now(), marks
    times: dict[str, datetime] = {}
    for arrival in run.ports.fallback.arrivals(since - ARRIVAL_OVERLAP, go_on=guard.goes_on):
        lowered = lowered.back_to(arrival.at.date())  # the row may be days old if nothing swept meanwhile
        if not guard.goes_on():
            break
        times[arrival.key] = arrival.at
        if arrival.key not in known:
            with guard.item(row=arrival.key):
                take_in(arrival, run.ports)
                known.add(arrival.key)
    if not guard.goes_on():
        return lowered  # rows arrive unordered, so the mark must not advance
    known.intersection_update(times)
    latest = max([since, *times.values()])
    return replace(lowered, taken_in_until=min([latest, *(at for key, at in times.items() if key not in known)]))


def take_in(arrival: Arrival, ports: Ports, make: Callable[[str, str], Record] = make_record) -> str:
    """Makes the row a lead, once: a claim on the row's keys holds the lead id. Returns that id.

    `make` gives the record for the lead id and the payload.
    """
    mine = new_lead_id(arrival.at, bytes.fromhex(arrival.key))
    claim = Claim(fingerprint=arrival.key, lead_id=mine, received_at=arrival.at)
    lead_id = ports.claims.take(claim).lead_id
    if ports.ledger.read(lead_id) is not None:
        return lead_id
    record = make(lead_id, arrival.payload)
    record = insert(record, ledger=ports.ledger) or record
    if record.state in QUEUED:
        ports.queue.put(Envelope.of(record).to_text())
    log.info(log_line("lead_taken_in", lead_id=lead_id))
    return lead_id
