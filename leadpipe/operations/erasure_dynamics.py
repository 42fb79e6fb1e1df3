"""Deletes or empties a lead in Dynamics, as an administrator: the app's own role may not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadpipe.dataverse.administration import Administration
from leadpipe.mapping.lead_table import COLUMNS, NEVER_EMPTY, Kind
from leadpipe.mapping.rules import FileMapping, own_columns
from leadpipe.model.errors import Refused

ERASED = "(erased)"
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

    def erase_lead(self, lead_id: str) -> str:
        """Says what was done. Run again, it finishes an interrupted erasure. Raises what Dynamics answered."""
        if self.emptied is not None:
            return "emptied" if self.administration.change_lead(lead_id, self.emptied) else "not there"
        try:
            return "deleted" if self.administration.delete_row("leads", lead_id) else "not there"
        except Refused as why:
            detail = f"{why.detail}; --empty empties its columns instead".removeprefix("; ")
            raise Refused(why.slug, detail) from why

    def erase_note(self, lead_id: str) -> bool:
        """Deletes the note under the lead's id; False if there is none. Raises what Dynamics answered.

        No record can rule the note out: a try may have made it before the lead was written as a lead after all.
        """
        return self.administration.delete_row(_NOTES, lead_id)


def emptied_columns(mapping: FileMapping) -> dict[str, str | None]:
    """Every column that may name a person: Microsoft's own for that, and the texts that the mapping file sets.

    The forms of Dynamics require a subject and a last name.
    """
    addresses = (name for name in COLUMNS if name.startswith(("address1_", "address2_")))
    own = (each.column for each in own_columns(mapping) if each.value.kind is Kind.TEXT)
    return {name: ERASED if name in NEVER_EMPTY else None for name in (*_PERSONS, *addresses, *own)}
