"""What the application user has to be allowed, how far, and what for. docs/setup.md shows the same table."""

from collections.abc import Mapping
from dataclasses import dataclass, field

USER = "Basic"
ORGANISATION = "Global"
# As the portals name them.
LEVELS = {"Basic": "User", "Local": "Business unit", "Deep": "Parent: child business units", "Global": "Organization"}
_WIDTHS = {depth: width for width, depth in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNeeds:
    """What the publisher's own mapping asks for beyond the built-in one: lookups, a lead's owner.

    `lookups`: entity set to the privilege that lets a row of it be pointed at.
    """

    lookups: Mapping[str, str] = field(default_factory=dict)
    sets_owner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Privilege:
    """`must`: without it leads do not get through; the others are left out where the organisation lacks them."""

    name: str
    depth: str
    what_for: str
    must: bool = False


def needed(mapping: MappingNeeds) -> tuple[Privilege, ...]:
    """A lead belongs to whoever makes it, so user level is enough until the mapping gives it to somebody else."""
    lead = ORGANISATION if mapping.sets_owner else USER
    return (
        Privilege(name="prvCreateLead", depth=lead, what_for="writing the lead", must=True),
        Privilege(name="prvReadLead", depth=lead, what_for="reading it back when a reply was lost", must=True),
        *_of_mapping(mapping, lead),
        *(
            Privilege(name=f"prv{verb}UserEntityUISettings", depth=USER, what_for="as Microsoft's set-up asks")
            for verb in ("Create", "Read", "Write")
        ),
        *(
            Privilege(
                name=f"prv{verb}AsyncOperation",
                depth=ORGANISATION,
                what_for="workflows and asynchronous plug-ins that start on a lead's creation",
            )
            for verb in ("Read", "Write", "Append", "AppendTo")
        ),
    )


def lacking(wanted: tuple[Privilege, ...], held: Mapping[str, str]) -> dict[str, str]:
    """What is missing, or held at a lesser depth, with the depth that it needs. `held`: name to depth."""
    return {each.name: each.depth for each in wanted if _WIDTHS.get(held.get(each.name, ""), -1) < _WIDTHS[each.depth]}


def in_words(depths: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({LEVELS[depth]})" for name, depth in depths.items())


def _of_mapping(mapping: MappingNeeds, lead: str) -> list[Privilege]:
    found = []
    if mapping.lookups:
        found.append(Privilege(name="prvAppendLead", depth=lead, what_for="the mapping's lookups", must=True))
    found += [
        Privilege(
            name=privilege,
            depth=ORGANISATION,
            what_for=f"the mapping's lookup to {table}, whoever owns the row",
            must=True,
        )
        for table, privilege in mapping.lookups.items()
    ]
    if mapping.sets_owner:
        found.append(
            Privilege(name="prvAssignLead", depth=ORGANISATION, what_for="the owner that the mapping sets", must=True)
        )
    return found
