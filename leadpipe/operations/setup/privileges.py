"""Lists the privileges that the application user needs, and how far each reaches. docs/setup.md says why."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leadpipe.mapping.lead_table import CREATED_ON_PRIVILEGE

USER = "Basic"
ORGANISATION = "Global"
# As the portals name them.
LEVELS = {"Basic": "User", "Local": "Business unit", "Deep": "Parent: child business units", "Global": "Organization"}
_WIDTHS = {depth: width for width, depth in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNeeds:
    """What the publisher's own mapping needs beyond the default one: lookups, a lead's owner, its creation date.

    `lookups`: entity set to the privilege that lets a row of it be pointed at.
    """

    lookups: Mapping[str, str] = field(default_factory=dict)
    sets_owner: bool = False
    sets_created_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Privilege:
    """`must`: without it leads do not get through; the others are left out where the organisation lacks them."""

    name: str
    depth: str
    must: bool = False


# What LEADPIPE_MERGE needs. A note belongs to the user that makes it. The first lead, which the note is appended to and
# which is looked for when that fails, may belong to anybody by then.
OF_MERGE = {
    "prvReadLead": ORGANISATION,
    "prvAppendToLead": ORGANISATION,
    "prvCreateNote": USER,
    "prvReadNote": USER,
    "prvAppendNote": USER,
}


def needed(mapping: MappingNeeds, *, merges: bool = False) -> tuple[Privilege, ...]:
    """A lead belongs to the user that makes it, so user level is enough unless the mapping sets another owner.

    `merges`: LEADPIPE_MERGE is set.

    The optional ones are those that Microsoft's set-up asks for, and those of workflows and asynchronous plug-ins that
    start when a lead is created.
    """
    lead = ORGANISATION if mapping.sets_owner else USER
    optional = {
        **{f"prv{verb}UserEntityUISettings": USER for verb in ("Create", "Read", "Write")},
        **{f"prv{verb}AsyncOperation": ORGANISATION for verb in ("Read", "Write", "Append", "AppendTo")},
    }
    required = {"prvCreateLead": lead, "prvReadLead": lead, **_of_mapping(mapping, lead)}
    required |= OF_MERGE if merges else {}
    return (
        *(Privilege(name=name, depth=depth, must=True) for name, depth in required.items()),
        *(Privilege(name=name, depth=depth) for name, depth in optional.items()),
    )


def lacking(wanted: tuple[Privilege, ...], held: Mapping[str, str]) -> dict[str, str]:
    """What is missing, or held at a lesser depth, with the depth that it needs. `held`: name to depth."""
    return {each.name: each.depth for each in wanted if _WIDTHS.get(held.get(each.name, ""), -1) < _WIDTHS[each.depth]}


def in_words(depths: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({LEVELS[depth]})" for name, depth in depths.items())


def _of_mapping(mapping: MappingNeeds, lead: str) -> dict[str, str]:
    """What the mapping's columns need: name to depth. Rows that a lookup names belong to anybody."""
    found = {"prvAppendLead": lead} if mapping.lookups else {}
    found |= dict.fromkeys(mapping.lookups.values(), ORGANISATION)
    found |= {CREATED_ON_PRIVILEGE: ORGANISATION} if mapping.sets_created_on else {}
    return {**found, "prvAssignLead": ORGANISATION} if mapping.sets_owner else found
