"""Everything that the stand-in remembers, in one place: what the parts that answer requests share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devkit.standin.organisation.affinity import Servers
from devkit.standin.organisation.certificates import client_certificate
from devkit.standin.organisation.config import Config
from devkit.standin.organisation.device_codes import DeviceCodes
from devkit.standin.organisation.fault_kinds import STAGES, strike
from devkit.standin.organisation.faults import Faults, Sight, Stage
from devkit.standin.organisation.identity import Identity, load_identity
from devkit.standin.organisation.lead_columns import LINKS, Column, columns_with, readable_names
from devkit.standin.organisation.lead_store import Leads
from devkit.standin.organisation.members import Made, Members
from devkit.standin.organisation.request_counts import Counts
from devkit.standin.organisation.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(slots=True, kw_only=True)
class Organisation:
    identity: Identity
    certificate: str
    leads: Leads
    servers: Servers
    made: Made
    # What a reset goes back to.
    first_config: Config = field(default_factory=Config)
    config: Config = field(default_factory=Config)
    device_codes: DeviceCodes = field(default_factory=DeviceCodes)
    faults: Faults = field(default_factory=lambda: Faults(STAGES))
    throttle: Throttle = field(default_factory=Throttle)
    counts: Counts = field(default_factory=Counts)

    def strike(self, stage: Stage, sight: Sight) -> None:
        strike(self.faults, stage, sight, self.identity)

    def members(self) -> Members:
        return Members(self.identity, self.config, self.made)

    def columns(self) -> Mapping[str, Column]:
        return columns_with(self.config.columns)

    def readable(self) -> tuple[str, ...]:
        return readable_names(self.columns(), self.links())

    def links(self) -> Mapping[str, tuple[str, ...]]:
        """The lookups by the names that they are bound with, and the sets that they point into."""
        return LINKS | self.config.lookups

    def knows_row(self, entity_set: str, row_id: str) -> bool:
        return row_id in self.rows().get(entity_set, ())

    def rows(self) -> dict[str, tuple[str, ...]]:
        own = {
            "systemusers": tuple(self.members().users()),
            "teams": (self.identity.team_id,),
            "campaigns": (self.identity.campaign_id,),
            "transactioncurrencies": (self.identity.currency_id,),
        }
        return own | {name: own.get(name, ()) + more for name, more in self.config.rows.items()}


def open_organisation(folder: Path, config: Config | None = None) -> Organisation:
    """`config` is what it begins with and what a reset goes back to."""
    identity, config = load_identity(folder), config or Config()
    return Organisation(
        identity=identity,
        certificate=client_certificate(folder, identity.certificate_password),
        leads=Leads(folder / "leads.sqlite3"),
        servers=Servers(identity.organization_id),
        made=Made(folder / "members.json"),
        config=config,
        first_config=config,
    )
