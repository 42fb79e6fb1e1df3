"""`leadpipe show ID`: shows everything that is known of one lead."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from leadpipe.cli.fields import fields_of_event, fields_of_record
from leadpipe.cli.json_output import print_json
from leadpipe.cli.options import AsJson, LeadId, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.table import columns, print_facts, print_table, text_of
from leadpipe.cli.target import reach
from leadpipe.cli.terminal_text import escaped
from leadpipe.model.errors import LeadpipeError, RecordDamaged
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Ledger
from leadpipe.model.record import OPEN, Event, Record, State
from leadpipe.model.source import one_source
from leadpipe.operations.causes import cause_of, failure_in_words
from leadpipe.operations.customer import actions_of
from leadpipe.operations.find import history_of

ACTION_COLUMNS = columns(
    ("received_at", "lead_id", "state"), ("action", "reason", "duplicate_of"), titles={"duplicate_of": "BELONGS TO"}
)
EVENT_COLUMNS = columns(("at", "event", "state"), ("reason", "detail", "actor"))


def show(
    context: typer.Context,
    lead_id: LeadId,
    payload: Annotated[
        bool, typer.Option("--payload", help="Also print what was posted: personal data, as it came.")
    ] = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Show one lead, whole, with its history.

    Says why the lead is where it is, how to fix that, which lead a duplicate repeats, whether the marketplace withheld
    the personal data, and which posted keys look like a person's and were not read. With LEADPIPE_MERGE it lists all
    that the customer did about the offer. Exits with 1 when the ledger has no such lead.

    The JSON array has one record, its history under `events`, the customer's actions under `customer`. Where bytes
    were posted that are not text, `payload` has a readable form of them.
    """
    target = reach(context, settings)
    ledger = target.ports.ledger
    damage: list[str] = []
    record = ledger.read(lead_id, damage=damage)
    if record is None:
        raise LeadpipeError("unknown_lead", f"the ledger has no lead {lead_id}")
    holder = _holder_of(record, ledger)
    events = history_of(record, ledger.events(lead_id, damage=damage))
    merges = bool(target.settings.merge) or record.state is State.MERGED
    actions = actions_of(record, target.settings.merge, ledger) if merges else []
    if as_json:
        customer = [*map(fields_of_record, actions)]
        print_json(
            [{**_as_fields(record, holder, events, with_payload=payload), "customer": customer, "damage": damage}]
        )
        return
    print_facts([*_facts(record, holder), ("damage", "; ".join(damage))])
    _print_history(events)
    if actions:
        sys.stdout.write("\nall that the customer did\n")
        print_table(map(fields_of_record, actions), ACTION_COLUMNS)
    if payload:
        _print_payloads(record, events)


def _as_fields(record: Record, holder: Record | None, events: Sequence[Event], *, with_payload: bool) -> dict[str, Any]:
    lead = _lead_of(record)
    return {
        **fields_of_record(record),
        "cause": _cause(record),
        "withheld": lead.is_withheld if lead else False,
        "unread": [*lead.unread] if lead else [],
        "seconds_to_written": record.written_at and record.written_at - record.received_at,
        "holder": holder and fields_of_record(holder),
        "events": [
            {**fields_of_event(event), **({"payload": _readable(event.payload)} if with_payload else {})}
            for event in events
        ],
        **({"payload": _readable(record.payload)} if with_payload else {}),
    }


def _facts(record: Record, holder: Record | None) -> list[tuple[str, object]]:
    cause, lead = _cause(record) or {}, _lead_of(record)
    took = f", {text_of(record.written_at - record.received_at)} after it came" if record.written_at else ""
    return [
        ("lead id", record.lead_id),
        ("state", record.state),
        ("reason", record.reason),
        ("cause", cause.get("says")),
        ("detail", record.detail),
        ("fix", cause.get("fix")),
        ("received", record.received_at),
        ("written", f"{text_of(record.written_at)}{took}"),
        ("last change", record.updated_at),
        ("next try", record.next_try_at if record.state in OPEN else None),
        ("failing since", record.failing_since),
        ("attempt", record.attempt),
        ("rounds", record.rounds or None),
        ("repeats" if record.state is State.DUPLICATE else "first lead", _holder(record, holder)),
        ("own lead", record.own_lead),
        ("key", record.key_name),
        ("test lead", record.is_test and not record.is_canary),
        ("canary", record.is_canary),
        ("offer", record.offer),
        ("source", one_source(record.source)),
        ("action", record.action),
        ("name", record.name),
        ("email", record.email),
        ("company", record.company),
        ("personal data", "withheld by the marketplace" if lead and lead.is_withheld else None),
        ("not read", ", ".join(lead.unread) if lead else None),
        ("fingerprint", record.fingerprint),
    ]


def _lead_of(record: Record) -> Lead | None:
    """The lead as it is read now; None where no payload that is a lead was kept."""
    return Lead.found_in(record.payload) if isinstance(record.payload, str) else None


def _cause(record: Record) -> dict[str, str] | None:
    return asdict(cause_of(record.reason, record.lead_id)) if record.reason else None


def _holder_of(record: Record, ledger: Ledger) -> Record | None:
    """The lead that this one repeats, is a note on, or waits for; None also for a damaged record, which is printed."""
    try:
        return ledger.read(record.duplicate_of) if record.duplicate_of else None
    except RecordDamaged as damaged:
        say(failure_in_words(damaged))
        return None


def _holder(record: Record, holder: Record | None) -> str:
    if not record.duplicate_of:
        return ""
    known = f"{holder.state}, received {text_of(holder.received_at)}" if holder else "its record is gone or damaged"
    return f"{record.duplicate_of} ({known})"


def _print_history(events: Sequence[Event]) -> None:
    sys.stdout.write("\n")
    if not print_table(map(fields_of_event, events), EVENT_COLUMNS):
        sys.stdout.write("no events: nothing happened to it but what its record says\n")


def _print_payloads(record: Record, events: Sequence[Event]) -> None:
    for event in events:
        if event.payload is not None:
            sys.stdout.write(
                f"\npayload before {text_of(event.at)} ({text_of(event.event)})\n{escaped(event.payload)}\n"
            )
    posted = "nothing is kept of it" if record.payload is None else escaped(record.payload)
    sys.stdout.write(f"\npayload\n{posted}\n")


def _readable(payload: str | bytes | None) -> str | None:
    return escaped(payload) if isinstance(payload, bytes) else payload
