"""Deletes or empties a lead in Dynamics, as an administrator: the app's own role may not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadpipe.dataverse.administration import Administration
from leadpipe.mapping.lead_table import COLUMNS, NEVER_EMPTY, Kind
from leadpipe.mapping.rules import FileMapping, own_columns
from leadpipe.model.errors import Refused
from leadpipe.model.record import Record, State

ERASED = "(erased)"
# In these states it may be a note on another lead, under its own id.
_MAY_BE_A_NOTE = frozenset({"merged", "erased"})
_NOTES = "annotations"
_PERSONS = (
    "subject",
    "firstname",
    "middlename",
    "lastname",
    "salutation",
    "jobtitle",
    "companyname",
    "emailaddress1",
    "emailaddress2",
    "emailaddress3",
    "telephone1",
    "telephone2",
    "telephone3",
    "mobilephone",
    "pager",
    "fax",
    "websiteurl",
    "description",
    "qualificationcomments",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InDynamics:
    """`emptied`: what a lead's columns become; None: its row is deleted."""

    administration: Administration
    emptied: Mapping[str, Any] | None = None

    def erase(self, lead_id: str, record: Record | None) -> str:
        """Says what was done. Run again, it finishes an interrupted erasure. Raises what Dynamics answered."""
        done = self._erase_lead(lead_id)
        if record is not None and _may_have_a_note(record) and self.administration.delete_row(_NOTES, lead_id):
            return "note deleted" if done == "not there" else f"{done}, note deleted"
        return done

    def _erase_lead(self, lead_id: str) -> str:
        if self.emptied is not None:
            return "emptied" if self.administration.change_lead(lead_id, self.emptied) else "not there"
        try:
            return "deleted" if self.administration.delete_row("leads", lead_id) else "not there"
        except Refused as why:
            detail = f"{why.detail}; --empty empties its columns instead".removeprefix("; ")
            raise Refused(why.slug, detail) from why


def emptied_columns(mapping: FileMapping) -> dict[str, str | None]:
    """Every column that may name a person: Microsoft's own for that, and the texts that the mapping file sets.

    The forms of Dynamics require a subject and a last name.
    """
    addresses = (name for name in COLUMNS if name.startswith(("address1_", "address2_")))
    own = (each.column for each in own_columns(mapping) if each.value.kind is Kind.TEXT)
    return {name: ERASED if name in NEVER_EMPTY else None for name in (*_PERSONS, *addresses, *own)}


def _may_have_a_note(record: Record) -> bool:
    """Whether a note may have been asked for: also before it failed, or was made a lead of its own."""
    failed = bool(record.duplicate_of) and record.state is not State.DUPLICATE
    return record.state in _MAY_BE_A_NOTE or record.own_lead or failed
