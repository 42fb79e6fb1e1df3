"""Defines what a column can be set to: a text of the lead's fields, a number, an option, a date, another table's row.

`of` gives None to leave the column out. It cannot fail.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from string import Template

from leadpipe.mapping.fields import Fields
from leadpipe.mapping.lead_table import Kind
from leadpipe.model.source import spellings_of
from leadpipe.model.text import fit

Sent = str | int | float | bool
BIND = "@odata.bind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    template: Template
    longest: int

    @property
    def kind(self) -> Kind:
        return Kind.TEXT

    def of(self, fields: Fields) -> Sent | None:
        return fit(self.template.substitute(fields), self.longest) or None

    def __str__(self) -> str:
        return self.template.template


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A number, a yes or no, or an option's number and `label`.

    `own`: the label is from the file. Microsoft's own labels differ from language to language.
    """

    kind: Kind
    value: int | float | bool
    label: str = ""
    own: bool = False

    def of(self, _fields: Fields) -> Sent | None:
        return self.value

    def __str__(self) -> str:
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        return f"{self.value} ({self.label})" if self.label else str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An option chosen by the lead's text, without regard to case; `other` is for any other text."""

    template: Template
    options: Mapping[str, int]
    other: int | None = None
    kind: Kind = field(default=Kind.OPTION, init=False)

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(self.options.values()) | ({self.other} if self.other is not None else frozenset())

    def of(self, fields: Fields) -> Sent | None:
        said = self.template.substitute(fields).strip()
        numbers = {label.casefold(): number for label, number in self.options.items()}
        return next((numbers[text] for text in map(str.casefold, spellings_of(said)) if text in numbers), self.other)

    def __str__(self) -> str:
        chosen = ", ".join(f"{label} = {number}" for label, number in self.options.items())
        return f"{self.template.template}: {chosen}{'' if self.other is None else f', else {self.other}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """The same day for every lead (`fixed`), or a time `after` the lead was received. UTC.

    Dynamics takes a time for some date columns and refuses it for others.
    https://learn.microsoft.com/power-apps/developer/data-platform/behavior-format-date-time-attribute
    """

    fixed: datetime | None = None
    after: timedelta = timedelta(0)
    with_time: bool
    written: str
    kind: Kind = field(default=Kind.DATE, init=False)

    def of(self, fields: Fields) -> Sent | None:
        at = self.fixed or fields.received + self.after
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ" if self.with_time else "%Y-%m-%d")

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Nothing is sent, not even what the default mapping has for the column."""

    kind: Kind

    def of(self, _fields: Fields) -> Sent | None:
        return None

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of another table that the lead points to, as the Web API binds it.

    `name`: how the file names the row, where it is not by its id.
    """

    entity_set: str
    row_id: str
    name: str = ""
    kind: Kind = field(default=Kind.LOOKUP, init=False)

    @property
    def path(self) -> str:
        return f"/{self.entity_set}({self.row_id})"

    def of(self, _fields: Fields) -> Sent | None:
        return self.path

    def __str__(self) -> str:
        return f"{self.entity_set}({self.row_id}){self.name and f' {self.name}'}"


Value = Text | Constant | Choice | Date | LeftOut | Row


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """A column and its value, from `line` of the file. The case of a lookup's name matters."""

    column: str
    value: Value
    line: int

    @property
    def sent_as(self) -> str:
        return f"{self.column}{BIND}" if isinstance(self.value, Row) else self.column
