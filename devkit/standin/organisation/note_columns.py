"""The note table: what a client may put on a lead's timeline. Attachments are left out.

https://learn.microsoft.com/power-apps/developer/data-platform/reference/entities/annotation
"""

from __future__ import annotations

from devkit.standin.organisation.columns import Column, Kind, text
from devkit.standin.organisation.table import Table

NOTES = Table(
    entity="annotation",
    entity_set="annotations",
    schema_name="Annotation",
    privilege_name="Note",
    type_code=5,
    name_column="subject",
    columns={
        "annotationid": Column(kind=Kind.ID, on_update=False, required="SystemRequired"),
        "subject": text(500),
        "notetext": Column(kind=Kind.MEMO, longest=100_000),
        "importsequencenumber": Column(kind=Kind.WHOLE, least=-(2**31), most=2**31 - 1, on_update=False),
        "createdon": Column(kind=Kind.DAY, on_create=False, on_update=False),
        "modifiedon": Column(kind=Kind.DAY, on_create=False, on_update=False),
    },
    links={"ownerid": ("systemusers", "teams"), "objectid_lead": ("leads",)},
    parent="objectid_lead",
)
