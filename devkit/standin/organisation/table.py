"""Describes a table that clients write to. Storage, checks, addresses and metadata follow from the description."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.columns import Column, link_column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`links`: single-valued navigation properties, bound as `<name>@odata.bind`, and the sets that they point into.

    `statuses`: the values of statuscode that each value of statecode allows; empty for a table without them.
    `computed`: columns that the server fills from the rest of the row. `privilege_name`: the table's name in those of
    its privileges, if it is another than `schema_name`. `parent`: the link to a row that is deleted with its children.
    """

    entity: str
    entity_set: str
    schema_name: str
    type_code: int
    name_column: str
    columns: Mapping[str, Column]
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    statuses: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    computed: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    privilege_name: str = ""
    parent: str = ""

    @property
    def key(self) -> str:
        return f"{self.entity}id"

    @property
    def readable(self) -> tuple[str, ...]:
        """Gives the names under which columns and lookups are read back."""
        return (*self.columns, *map(link_column, self.links))

    @property
    def defaults(self) -> dict[str, Any]:
        return {name: column.default for name, column in self.columns.items() if column.default is not None}

    def privilege(self, verb: str) -> str:
        """Gives the privilege for a verb, such as prvCreateLead for Create."""
        return f"prv{verb}{self.privilege_name or self.schema_name}"
