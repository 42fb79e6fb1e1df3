"""Lists the tables that clients write to. Another one is added by its description."""

from __future__ import annotations

from devkit.standin.organisation.lead_columns import LEADS
from devkit.standin.organisation.note_columns import NOTES

TABLES = {table.entity_set: table for table in (LEADS, NOTES)}
