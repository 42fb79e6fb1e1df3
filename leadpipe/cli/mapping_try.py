"""`leadpipe mapping try`: shows what one lead becomes, column by column, and by which rule."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from leadpipe.cli.json_output import Fields
from leadpipe.cli.mapping_options import MappingFile, mapping_of
from leadpipe.cli.options import AsJson, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.table import columns, print_records
from leadpipe.cli.target import reach, settings_alone
from leadpipe.model.errors import InvalidLead, LeadpipeError
from leadpipe.model.lead import Lead, posted_text
from leadpipe.model.lead_id import ENTROPY_BYTES, is_lead_id, new_lead_id
from leadpipe.model.ports import Ledger
from leadpipe.operations.decisions import known
from leadpipe.operations.mapping.shown import rows_of_lead
from leadpipe.wiring import now

STDIN = "-"
COLUMNS = columns(("column",), ("value", "from"))


def try_mapping(
    context: typer.Context,
    which: Annotated[
        str,
        typer.Argument(
            metavar="FILE-OR-LEAD-ID",
            help="A file with a posted lead, - for stdin, or a lead's id.",
            show_default=False,
        ),
    ],
    mapping: MappingFile = None,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Show what one lead becomes: each column with its value, and whether the default, the file or a rule sets it.

    The lead is a posted text in a file or on stdin, as if received now, or one in the ledger by its id; only the last
    needs a storage account. Sends nothing. Prints personal data. Exits with 1 when the mapping has faults, or the text
    is not a lead.
    """
    lead_id = which.strip().strip("{}").lower()
    if is_lead_id(lead_id):
        target = reach(context, settings)
        chosen, lead = target.settings, _of_ledger(lead_id, target.ports.ledger)
    else:
        lead_id, chosen = new_lead_id(now(), bytes(ENTROPY_BYTES)), settings_alone(context, settings)
        lead = _of_file(which)
    whole = mapping_of(mapping, chosen)
    matching = [rule.name for rule in whole.matching(lead)]
    say(f"rules that match: {', '.join(matching) or 'none'}" if whole.rules else "there are no rules")
    if lead.unread:
        say(f"looks like personal data and was not read: {', '.join(lead.unread)}")
    found: Iterable[Fields] = rows_of_lead(whole, lead, lead_id)
    if not as_json:
        found = ({**row, "value": _shown(row["value"])} for row in found)
    print_records(found, COLUMNS, as_json=as_json)


def _shown(value: object) -> str:
    if value is None:
        return "(left out)"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value).replace("\n", " ⏎ ")


def _of_ledger(lead_id: str, ledger: Ledger) -> Lead:
    record = known(lead_id, ledger)
    if not isinstance(record.payload, str):
        raise LeadpipeError("no_lead", f"the ledger keeps no lead text of {lead_id}")
    return _read(record.payload, lead_id)


def _of_file(which: str) -> Lead:
    try:
        body = sys.stdin.buffer.read() if which == STDIN else Path(which).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{which} is not a lead id, and cannot be read: {error.strerror}") from error
    try:
        return _read(posted_text(body), which)
    except InvalidLead as error:
        raise LeadpipeError("no_lead", f"{which}: {error.detail}") from error


def _read(payload: str, name: str) -> Lead:
    try:
        return Lead.from_payload(payload)
    except InvalidLead as error:
        raise LeadpipeError("no_lead", f"{name} is not a lead: {error.detail}") from error
