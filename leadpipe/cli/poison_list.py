"""`leadpipe poison list`: lists what is poisoned or rejected, by reason."""

from dataclasses import asdict
from typing import Any

import typer

from leadpipe.cli.fields import fields_of_record
from leadpipe.cli.json_output import print_json
from leadpipe.cli.option_groups import with_groups
from leadpipe.cli.options import AsJson, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.selection import Filter, leads, say_reasons_there
from leadpipe.cli.table import columns, print_table
from leadpipe.cli.target import reach
from leadpipe.model.record import Record
from leadpipe.operations.causes import cause_of
from leadpipe.operations.find import oldest_first
from leadpipe.operations.summary import Group, grouped

GROUP_COLUMNS = columns(("state", "cause", "leads"), ("first", "last", "example", "says", "fix"))


@with_groups
def list_poison(
    context: typer.Context,
    *,
    chosen: Filter,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """List what is poisoned or rejected, by cause, with the fix for each.

    The table has one line for each cause: how many leads, when the first and the last of them were received, an
    example, and the fix where one is known. The JSON array has one record for each lead, oldest day first.
    """
    target = reach(context, settings)
    wanted = chosen.wanted()
    found = oldest_first(target.ports.ledger, wanted)
    if as_json:
        records = list(found)
        print_json(map(_with_cause, records))
        say_reasons_there(wanted, grouped(records), target=target)
        say(leads(len(records)))
        return
    groups = grouped(found)
    print_table(map(_group_fields, groups), GROUP_COLUMNS)
    say_reasons_there(wanted, groups, target=target)
    say(f"{leads(sum(group.leads for group in groups))}; `leadpipe show ID` shows all of one")


def _with_cause(record: Record) -> dict[str, Any]:
    return {**fields_of_record(record), **asdict(cause_of(record.reason, record.lead_id))}


def _group_fields(group: Group) -> dict[str, Any]:
    return {
        "state": group.state,
        "cause": group.reason,
        "leads": group.leads,
        "first": group.oldest.received_at,
        "last": group.newest and group.newest.received_at,
        "example": group.oldest.lead_id,
        **asdict(cause_of(group.reason)),
    }
