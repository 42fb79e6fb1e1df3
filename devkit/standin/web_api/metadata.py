"""Table definitions, as much as clients ask for before they write: names, lengths, options.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query-metadata-web-api
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.lead_columns import Column, Kind, entity_of, link_definition
from devkit.standin.organisation.security import APPEND_TO, PRIVILEGES
from devkit.standin.refusal import Refusal
from devkit.standin.replies import json_reply
from devkit.standin.web_api.odata_filter import matcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Response

    from devkit.standin.web_api.gate import Call

_LEAD_METADATA_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "https://standin.invalid/entities/lead"))
_LEAD = {
    "MetadataId": _LEAD_METADATA_ID,
    "LogicalName": "lead",
    "SchemaName": "Lead",
    "EntitySetName": "leads",
    "LogicalCollectionName": "leads",
    "PrimaryIdAttribute": "leadid",
    "PrimaryNameAttribute": "fullname",
    "ObjectTypeCode": 4,
    "OwnershipType": "UserOwned",
    "IsCustomEntity": False,
}


def entities(call: Call) -> Response:
    call.require("prvReadEntity")
    sets = {entity_set for targets in call.organisation.links().values() for entity_set in targets}
    return _list(call, [_LEAD, *(_other_entity(entity_set) for entity_set in sorted(sets))])


def entity(call: Call, key: str) -> Response:
    _check_key(key)
    call.require("prvReadEntity")
    return json_reply(_chosen(_LEAD, call.request.args))


def attributes(call: Call, key: str, cast: str | None = None) -> Response:
    _check_key(key)
    call.require("prvReadAttribute")
    found = [_attribute(name, column) for name, column in _columns(call).items() if cast in (None, column.kind.value)]
    return _list(call, found)


def attribute(call: Call, key: str, name: str, cast: str | None = None) -> Response:
    _check_key(key)
    call.require("prvReadAttribute")
    wanted = name.removeprefix("LogicalName=").strip("'")
    column = _columns(call).get(wanted)
    if column is None or cast not in (None, column.kind.value):
        raise Refusal(404, "0x80060888", f"Could not find an attribute with the key {name}.")
    return json_reply(_chosen(_attribute(wanted, column), call.request.args))


def lookups(call: Call, key: str) -> Response:
    """What a lookup is bound by is its navigation property, which may differ in case from the column."""
    _check_key(key)
    call.require("prvReadEntity")
    found = [
        {
            "SchemaName": f"lead_{link}_{entity}",
            "ReferencingEntity": "lead",
            "ReferencingAttribute": link.lower(),
            "ReferencedEntity": entity,
            "ReferencingEntityNavigationPropertyName": link,
        }
        for link, sets in call.organisation.links().items()
        for entity in link_definition(link, sets).targets
    ]
    return _list(call, found)


def keys(call: Call, key: str) -> Response:
    _check_key(key)
    call.require("prvReadEntity")
    return _list(call, [])


def _columns(call: Call) -> dict[str, Column]:
    links = {link.lower(): link_definition(link, sets) for link, sets in call.organisation.links().items()}
    return {**call.organisation.columns(), **links}


def _other_entity(entity_set: str) -> dict[str, Any]:
    """A table that a lead points into; no more is known of it than its names, and what pointing at it takes."""
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
    """Whatever is expanded stays, beside what is selected."""
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
    if column.options:
        options = [{"Value": value, "Label": _label(label)} for value, label in column.options.items()]
        attribute["OptionSet"] = {"Options": options}
    return attribute


def _label(text: str) -> dict[str, Any]:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}


def _check_key(key: str) -> None:
    if key not in ("LogicalName='lead'", _LEAD_METADATA_ID):
        raise Refusal(404, "0x80060888", f"Could not find an entity with the key {key}.")
