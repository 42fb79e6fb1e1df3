"""Answers what clients ask about tables before they write: names, lengths, options.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query-metadata-web-api
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.columns import Column, Kind, column_of_link, entity_of, link_definition
from devkit.standin.organisation.security import APPEND_TO, PRIVILEGES
from devkit.standin.refusal import Refusal
from devkit.standin.replies import json_reply
from devkit.standin.web_api.odata_filter import matcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Response

    from devkit.standin.organisation.table import Table
    from devkit.standin.web_api.gate import Call


def entities(call: Call) -> Response:
    call.require("prvReadEntity")
    tables = call.organisation.tables()
    sets = {entity_set for table in tables for targets in table.links.values() for entity_set in targets}
    others = sets - {table.entity_set for table in tables}
    return _list(call, [*map(_definition, tables), *map(_other_entity, sorted(others))])


def entity(call: Call, key: str) -> Response:
    table = _table(call, key)
    call.require("prvReadEntity")
    return json_reply(_chosen(_definition(table), call.request.args))


def attributes(call: Call, key: str, cast: str | None = None) -> Response:
    table = _table(call, key)
    call.require("prvReadAttribute")
    found = [_attribute(name, column) for name, column in _columns(table).items() if cast in (None, column.kind.value)]
    return _list(call, found)


def attribute(call: Call, key: str, name: str, cast: str | None = None) -> Response:
    table = _table(call, key)
    call.require("prvReadAttribute")
    wanted = name.removeprefix("LogicalName=").strip("'")
    column = _columns(table).get(wanted)
    if column is None or cast not in (None, column.kind.value):
        raise Refusal(404, "0x80060888", f"Could not find an attribute with the key {name}.")
    return json_reply(_chosen(_attribute(wanted, column), call.request.args))


def lookups(call: Call, key: str) -> Response:
    """Lists lookups. One is bound by its navigation property, whose case may differ from the column's."""
    table = _table(call, key)
    call.require("prvReadEntity")
    found = [
        {
            "SchemaName": f"{table.entity}_{link}_{entity}",
            "ReferencingEntity": table.entity,
            "ReferencingAttribute": column_of_link(link),
            "ReferencedEntity": entity,
            "ReferencingEntityNavigationPropertyName": link,
        }
        for link, sets in table.links.items()
        for entity in link_definition(link, sets).targets
    ]
    return _list(call, found)


def keys(call: Call, key: str) -> Response:
    _table(call, key)
    call.require("prvReadEntity")
    return _list(call, [])


def _columns(table: Table) -> dict[str, Column]:
    links = {column_of_link(link): link_definition(link, sets) for link, sets in table.links.items()}
    return {**table.columns, **links}


def _definition(table: Table) -> dict[str, Any]:
    return {
        "MetadataId": _metadata_id(table),
        "LogicalName": table.entity,
        "SchemaName": table.schema_name,
        "EntitySetName": table.entity_set,
        "LogicalCollectionName": table.entity_set,
        "PrimaryIdAttribute": table.key,
        "PrimaryNameAttribute": table.name_column,
        "ObjectTypeCode": table.type_code,
        "OwnershipType": "UserOwned",
        "IsCustomEntity": False,
    }


def _metadata_id(table: Table) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://standin.invalid/entities/{table.entity}"))


def _other_entity(entity_set: str) -> dict[str, Any]:
    """Describes a table that lookups point into: its names, and the privilege that pointing at it takes."""
    name, append_to = entity_of(entity_set), APPEND_TO.get(entity_set)
    return {
        "LogicalName": name,
        "EntitySetName": entity_set,
        "PrimaryIdAttribute": f"{name}id",
        "Privileges": [
            {"Name": each, "PrivilegeId": PRIVILEGES[each], "PrivilegeType": "AppendTo", "CanBeGlobal": True}
            for each in (append_to,)
            if each
        ],
    }


def _list(call: Call, items: list[dict[str, Any]]) -> Response:
    matches = matcher(call.request.args.get("$filter", ""))
    found = [_chosen(item, call.request.args) for item in items if matches(item)]
    return json_reply({"@odata.context": f"{call.api}/$metadata#EntityDefinitions", "value": found})


def _chosen(item: Mapping[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
    """Selects properties. Expanded ones always stay."""
    if "$select" not in options:
        return dict(item)
    wanted = {*options["$select"].split(","), "MetadataId", "OptionSet", "@odata.type"}
    return {name: value for name, value in item.items() if name in wanted}


def _attribute(name: str, column: Column) -> dict[str, Any]:
    attribute: dict[str, Any] = {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{column.kind.value}AttributeMetadata",
        "MetadataId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://standin.invalid/attributes/{name}")),
        "LogicalName": name,
        "SchemaName": name,
        "AttributeType": column.kind.value,
        "RequiredLevel": {"Value": column.required},
        "IsValidForCreate": column.on_create,
        "IsValidForUpdate": column.on_update,
    }
    if column.kind in (Kind.TEXT, Kind.MEMO):
        attribute["MaxLength"] = column.longest
    if column.targets:
        attribute["Targets"] = list(column.targets)
    if column.kind is Kind.DAY:
        attribute["DateTimeBehavior"] = {"Value": "UserLocal" if column.with_time else "DateOnly"}
    if column.kind is Kind.FLAG:
        yes, no = ({"Value": value, "Label": _label(column.options.get(value, ""))} for value in (1, 0))
        attribute["OptionSet"] = {"TrueOption": yes, "FalseOption": no}
    elif column.options:
        options = [{"Value": value, "Label": _label(label)} for value, label in column.options.items()]
        attribute["OptionSet"] = {"Options": options}
    return attribute


def _label(text: str) -> dict[str, Any]:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}


def _table(call: Call, key: str) -> Table:
    for table in call.organisation.tables():
        if key in (f"LogicalName='{table.entity}'", _metadata_id(table)):
            return table
    raise Refusal(404, "0x80060888", f"Could not find an entity with the key {key}.")
