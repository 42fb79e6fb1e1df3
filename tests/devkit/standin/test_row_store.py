from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from devkit.standin.organisation.columns import Column, Kind, text
from devkit.standin.organisation.lead_columns import LEADS
from devkit.standin.organisation.row_store import Database, RowStore, Written
from devkit.standin.organisation.table import Table
from devkit.standin.web_api.row import created_row, readable
from devkit.standin.web_api.validation import checked

if TYPE_CHECKING:
    from pathlib import Path

NOTES = Table(
    entity="annotation",
    entity_set="annotations",
    schema_name="Note",
    type_code=5,
    name_column="subject",
    columns={"annotationid": Column(kind=Kind.ID), "subject": text(500)},
    links={"ownerid": ("systemusers", "teams")},
)


def test_a_second_table_needs_no_more_than_its_description(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "rows.sqlite3")) as database:
        leads, notes = RowStore(database, LEADS), RowStore(database, NOTES)
        changes = checked(NOTES, {"subject": "Called"}, creating=True)

        assert notes.create("1", created_row(NOTES, "1", changes, "somebody")) is Written.DONE
        found = notes.get("1")

        assert found is not None
        row = readable(NOTES, found, None)
        assert (row["annotationid"], row["subject"], row["_ownerid_value"]) == ("1", "Called", "somebody")
        assert (leads.count(), notes.count()) == (0, 1)
