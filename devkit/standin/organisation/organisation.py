"""Holds everything that the stand-in remembers, in one place, for the parts that answer requests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from devkit.standin.organisation.affinity import Servers
from devkit.standin.organisation.certificates import client_certificate
from devkit.standin.organisation.columns import ENTITIES, columns_with, link_column
from devkit.standin.organisation.config import Config
from devkit.standin.organisation.device_codes import DeviceCodes
from devkit.standin.organisation.fault_kinds import STAGES, strike
from devkit.standin.organisation.faults import Faults, Sight, Stage
from devkit.standin.organisation.identity import Identity, load_identity
from devkit.standin.organisation.members import Made, Members, made_up_id
from devkit.standin.organisation.request_counts import Counts
from devkit.standin.organisation.row_store import Database, RowStore
from devkit.standin.organisation.tables import TABLES
from devkit.standin.organisation.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from devkit.standin.organisation.table import Table


@dataclass(slots=True, kw_only=True)
class Organisation:
    identity: Identity
    certificate: str
    database: Database
    stores: Mapping[str, RowStore]
    servers: Servers
    made: Made
    # for a reset
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

    @property
    def leads(self) -> RowStore:
        return self.stores["leads"]

    @property
    def notes(self) -> RowStore:
        return self.stores["annotations"]

    def owner_of(self, entity_set: str, row_id: str) -> str | None:
        """Gives whose the row is; None for a row of a table without owners."""
        row = self.stores[entity_set].get(row_id) if entity_set in self.stores else None
        return None if row is None else row.columns.get(link_column("ownerid"))

    def delete_children(self, entity_set: str, row_id: str) -> None:
        """Deletes the rows that go with a deleted one."""
        for name, table in TABLES.items():
            for child in self.stores[name].newest() if entity_set in table.links.get(table.parent, ()) else ():
                if child.columns.get(link_column(table.parent)) == row_id:
                    self.stores[name].delete(child.row_id)

    def table(self, entity_set: str) -> Table:
        """Gives the table as this organisation has it: the configuration changes columns and lookups of leads."""
        table = TABLES[entity_set]
        if entity_set != "leads":
            return table
        columns = columns_with(table.columns, self.config.columns)
        return replace(table, columns=columns, links={**table.links, **self.config.lookups})

    def tables(self) -> list[Table]:
        return [self.table(entity_set) for entity_set in TABLES]

    def knows_row(self, entity_set: str, row_id: str) -> bool:
        if entity_set in self.stores:
            return self.stores[entity_set].get(row_id) is not None
        return row_id in self.rows().get(entity_set, ())

    def rows(self) -> dict[str, tuple[str, ...]]:
        own = {
            "systemusers": tuple(self.members().users()),
            "teams": (self.identity.team_id,),
            "campaigns": (self.identity.campaign_id,),
            "transactioncurrencies": (self.identity.currency_id,),
        }
        own |= {name: (made_up_id(name),) for name in ENTITIES if name not in own}
        return own | {name: own.get(name, ()) + more for name, more in self.config.rows.items()}


def open_organisation(folder: Path, config: Config | None = None) -> Organisation:
    """Opens the organisation. `config` is what it begins with and a reset goes back to."""
    identity, config = load_identity(folder), config or Config()
    database = Database(folder / "leads.sqlite3")
    return Organisation(
        identity=identity,
        certificate=client_certificate(folder, identity.certificate_password),
        database=database,
        stores={name: RowStore(database, table) for name, table in TABLES.items()},
        servers=Servers(identity.organization_id),
        made=Made(folder / "members.json"),
        config=config,
        first_config=config,
    )
