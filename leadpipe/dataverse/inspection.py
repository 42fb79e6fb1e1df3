"""Asks an organisation which user we are, which privileges we have, and how its lead table looks.

Sends only GETs. NotReadable means that the role may not read something; leads may still get through.
https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query-metadata-web-api
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from leadpipe.dataverse.protocol import API, Answer, failure_of, json_object, objects_in
from leadpipe.model.errors import LeadpipeError

# The name of the solution's file, the only place where Microsoft's setup document has it.
MICROSOFTS_SOLUTION = "MicrosoftMarketplacesLeadIntegrationSolution"
# Each type's own properties of interest.
_CASTS = {
    "String": ",MaxLength",
    "Memo": ",MaxLength",
    "DateTime": ",DateTimeBehavior",
    **dict.fromkeys(("Picklist", "Status", "Boolean"), "&$expand=OptionSet"),
}
_TABLE = "EntityDefinitions(LogicalName='lead')"
_LEAD = f"{_TABLE}/Attributes"
_EACH = "LogicalName,IsValidForCreate,AttributeType"
_SYNCHRONOUS = 0
_ENABLED = 0


class NotReadable(LeadpipeError):
    """The role or this version of Dynamics does not allow reading it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whoami:
    user_id: str
    organization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the organisation's own lead table.

    `kind` is Dataverse's word, such as String or Picklist; empty if the answer left it out.
    """

    name: str
    on_create: bool
    kind: str = ""
    longest: int | None = None
    with_time: bool | None = None
    options: frozenset[int] = frozenset()
    labels: Mapping[int, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A lookup into one table. It is bound by `name`, whose case matters. There is one for each table."""

    name: str
    column: str
    entity_set: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppUser:
    """The application user, by its own row."""

    name: str
    roles: tuple[str, ...] = ()


class Inspection:
    """Thread-safe as far as `get` is. Each method raises Transient, Blocked or NotReadable."""

    def __init__(self, get: Callable[[str], Answer]) -> None:
        self._get = get

    def whoami(self) -> Whoami:
        """Asks whose token it is. Raises the failure that a lead would meet."""
        answer = self._get(f"{API}/WhoAmI")
        body = json_object(answer.body)
        if answer.status != 200 or not isinstance(body.get("UserId"), str):
            raise failure_of(answer)
        return Whoami(user_id=body["UserId"], organization_id=str(body.get("OrganizationId", "")))

    def version(self) -> str:
        return str(self._seen("RetrieveVersion").get("Version", ""))

    def user(self, user_id: str) -> AppUser:
        row = self._seen(f"systemusers({user_id})?$select=fullname")
        roles = self._rows(f"systemusers({user_id})/systemuserroles_association?$select=name")
        names = sorted(str(role.get("name", "")) for role in roles)
        return AppUser(name=str(row.get("fullname", "")), roles=tuple(names))

    def privileges(self, user_id: str) -> dict[str, str]:
        """Maps privileges to depths: Basic, Local, Deep or Global."""
        found = self._seen(f"systemusers({user_id})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")
        return privileges_of(found.get("RolePrivileges"))

    def lead_columns(self) -> dict[str, Column]:
        """Gives the lead table's columns by name, with lengths and options."""
        columns = {row["LogicalName"]: row for row in self._rows(f"{_LEAD}?$select={_EACH}")}
        for cast, more in _CASTS.items():
            path = f"{_LEAD}/Microsoft.Dynamics.CRM.{cast}AttributeMetadata?$select=LogicalName{more}"
            for row in self._rows(path):
                columns[row["LogicalName"]] = {**columns.get(row["LogicalName"], {}), **row}
        return {name: column_of(row) for name, row in columns.items()}

    def lookups(self) -> list[Lookup]:
        names = "ReferencingAttribute,ReferencingEntityNavigationPropertyName,ReferencedEntity"
        relations = self._rows(f"{_TABLE}/ManyToOneRelationships?$select={names}")
        sets = {
            str(row.get("LogicalName")): str(row.get("EntitySetName"))
            for row in self._rows("EntityDefinitions?$select=LogicalName,EntitySetName")
        }
        return [
            Lookup(
                name=str(row.get("ReferencingEntityNavigationPropertyName", "")),
                column=str(row.get("ReferencingAttribute", "")),
                entity_set=sets.get(str(row.get("ReferencedEntity")), ""),
            )
            for row in relations
        ]

    def row(self, path: str, columns: str = "") -> dict[str, Any] | None:
        """Reads the row at a path such as `campaigns(…)`, whole or these columns of it; None if it does not exist."""
        answer = self._get(f"{API}/{path.strip('/')}{f'?$select={columns}' if columns else ''}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise NotReadable("not_readable", f"{answer.status}")
        return json_object(answer.body)

    def users_called(self, name: str) -> list[str]:
        """Gives the ids of the users with that name, e-mail address or sign-in, disabled ones only if all are."""
        columns = ("fullname", "internalemailaddress", "domainname")
        rows = self._rows(f"systemusers?$select=fullname,isdisabled&$filter={_any_equals(columns, name)}")
        active = [row for row in rows if row.get("isdisabled") is not True]
        return [str(row.get("systemuserid", "")) for row in active or rows]

    def teams_called(self, name: str) -> list[str]:
        """Gives the ids of the teams with that name or e-mail address."""
        rows = self._rows(f"teams?$select=name&$filter={_any_equals(('name', 'emailaddress'), name)}")
        return [str(row.get("teamid", "")) for row in rows]

    def synchronous_steps(self) -> list[str]:
        """Names the organisation's own plug-in steps that run synchronously when a lead is created."""
        asked = (
            "sdkmessageid/name eq 'Create' and sdkmessagefilterid/primaryobjecttypecode eq 'lead'"
            " and mode eq 0 and statecode eq 0 and customizationlevel eq 1"
        )
        rows = self._rows(f"sdkmessageprocessingsteps?$select=name,mode,statecode&$filter={quote(asked)}")
        return [str(row.get("name", "")) for row in rows if _runs_at_once(row)]

    def microsofts_solution(self) -> str | None:
        """Gives the version of Microsoft's own lead writer; None if it is not installed."""
        asked = quote(f"uniquename eq '{MICROSOFTS_SOLUTION}'")
        rows = self._rows(f"solutions?$select=uniquename,version&$filter={asked}")
        return next((str(row.get("version", "")) for row in rows if row.get("uniquename") == MICROSOFTS_SOLUTION), None)

    def _rows(self, path: str) -> list[dict[str, Any]]:
        return objects_in(self._seen(path).get("value"))

    def _seen(self, path: str) -> dict[str, Any]:
        answer = self._get(f"{API}/{path}")
        if answer.status == 200:
            return json_object(answer.body)
        if answer.status in {401, 429, 500, 502, 503, 504}:
            raise failure_of(answer)
        raise NotReadable("not_readable", f"{answer.status}")


def _any_equals(columns: tuple[str, ...], text: str) -> str:
    quoted = text.replace("'", "''")
    return quote(" or ".join(f"{column} eq '{quoted}'" for column in columns))


def privileges_of(found: Any) -> dict[str, str]:
    """Maps privileges to depths. Names that the answer lacks are found by their published ids."""
    return {_name_of(row): depth_of(row) for row in objects_in(found)}


def depth_of(privilege: Mapping[str, Any]) -> str:
    depth = str(privilege.get("Depth"))
    return _DEPTHS.get(depth, depth)


def column_of(row: Mapping[str, Any]) -> Column:
    options = _options(row.get("OptionSet"))
    behavior = row.get("DateTimeBehavior")
    labels = {value: _labels(option) for option in options if isinstance(value := option.get("Value"), int)}
    longest = row.get("MaxLength")
    return Column(
        name=str(row.get("LogicalName", "")),
        on_create=row.get("IsValidForCreate") is not False,
        kind=str(row.get("AttributeType") or ""),
        longest=longest if isinstance(longest, int) else None,
        with_time=behavior.get("Value") != "DateOnly" if isinstance(behavior, dict) else None,
        options=frozenset(labels),
        labels=labels,
    )


def _options(chosen: Any) -> list[dict[str, Any]]:
    """Gives the options; those of a yes or no are listed by name."""
    if not isinstance(chosen, dict):
        return []
    return objects_in(chosen.get("Options") or [chosen.get("TrueOption"), chosen.get("FalseOption")])


def _labels(option: Mapping[str, Any]) -> frozenset[str]:
    """Gives an option's label in every language of the organisation."""
    label = option.get("Label")
    localized = objects_in(label.get("LocalizedLabels")) if isinstance(label, dict) else []
    return frozenset(text for each in localized if isinstance(text := each.get("Label"), str))


def _runs_at_once(step: Mapping[str, Any]) -> bool:
    return (step.get("mode", _SYNCHRONOUS), step.get("statecode", _ENABLED)) == (_SYNCHRONOUS, _ENABLED)


def _name_of(row: Mapping[str, Any]) -> str:
    return str(row.get("PrivilegeName") or _PUBLISHED.get(str(row.get("PrivilegeId", "")).lower(), ""))


_DEPTHS = {"0": "Basic", "1": "Local", "2": "Deep", "3": "Global"}
# The ids are the same in every organisation; older ones answer without the names.
_PUBLISHED = {
    "a41f965b-2619-4c73-8625-da31945cccc7": "prvCreateLead",
    "a8ecac53-09e8-4a13-b598-8d8c87bc3d33": "prvReadLead",
    "387d6489-cfcc-47d7-98af-5b7946d7691d": "prvAppendLead",
    "5e8d193d-184d-44be-92d8-0f3845d7a9eb": "prvAppendToLead",
    "7755e1bc-6f11-465e-8ed0-a1616c5d32c4": "prvAssignLead",
    "e84acc8f-0c61-43e3-a716-20964a483bdf": "prvReadAsyncOperation",
    "4440769e-8d79-41fc-ae45-cd65480ffdba": "prvWriteAsyncOperation",
    "25523f7c-7b1d-4844-8d2d-50767d6faa94": "prvAppendAsyncOperation",
}
