"""Reads other tables than those that clients write to: lists, single rows, and the roles of a user.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/overview
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.columns import entity_of
from devkit.standin.organisation.faults import Stage
from devkit.standin.refusal import Refusal
from devkit.standin.replies import json_reply
from devkit.standin.web_api.other_rows import OTHER_TABLES
from devkit.standin.web_api.query_options import check_options, chooser, most_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Response

    from devkit.standin.web_api.gate import Call

_EXPANDED = re.compile(r"(\w+)(?:\([^)]*\))?(?:,|$)")


def search(call: Call, entity_set: str) -> Response:
    return listed(call, entity_set, _rows(call, entity_set))


def read(call: Call, entity_set: str, key: str) -> Response:
    row = _chosen(_row(call, entity_set, key), call.request.args)
    return json_reply({"@odata.context": f"{call.api}/$metadata#{entity_set}/$entity", **row})


def read_own(call: Call, entity_set: str, key: str) -> Response:
    """Reads a row of the organisation's own table, which has an id only."""
    if entity_set not in {name for sets in call.organisation.config.lookups.values() for name in sets}:
        raise Refusal(404, "0x8006088a", f"Resource not found for the segment '{entity_set}'.")
    if not call.organisation.knows_row(entity_set, key.lower()):
        raise Refusal(404, "0x80040217", f"Entity '{entity_of(entity_set)}' With Id = {key} Does Not Exist")
    return json_reply({f"{entity_of(entity_set)}id": key.lower()})


def roles_of_user(call: Call, key: str) -> Response:
    """Lists a user's roles. Needs the right to read roles as well as users."""
    user = _row(call, "systemusers", key)
    call.require(OTHER_TABLES["roles"].privilege)
    return listed(call, "roles", user["systemuserroles_association"])


def users_with_role(call: Call, key: str) -> Response:
    role = _row(call, "roles", key)
    users = [
        user
        for user in _rows(call, "systemusers")
        if role["roleid"] in {held["roleid"] for held in user["systemuserroles_association"]}
    ]
    return listed(call, "systemusers", users)


def listed(call: Call, name: str, rows: list[dict[str, Any]]) -> Response:
    options = call.request.args
    check_options(options, "$expand")
    found = chooser(options)(rows)
    answer: dict[str, Any] = {"@odata.context": f"{call.api}/$metadata#{name}"}
    if options.get("$count") == "true":
        answer["@odata.count"] = len(found)
    answer["value"] = [_chosen(row, options) for row in found[: most_rows(options)]]
    return json_reply(answer)


def _rows(call: Call, entity_set: str) -> list[dict[str, Any]]:
    table = OTHER_TABLES[entity_set]
    if table.privilege:
        call.require(table.privilege)
    call.strike(Stage.WORK)
    return table.rows(call.organisation)


def _row(call: Call, entity_set: str, key: str) -> dict[str, Any]:
    id_column = OTHER_TABLES[entity_set].key
    for row in _rows(call, entity_set):
        if row[id_column] == key.lower():
            return row
    raise Refusal(404, "0x80040217", f"Entity '{id_column.removesuffix('id')}' With Id = {key} Does Not Exist")


def _chosen(row: Mapping[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
    """Selects columns and refuses unknown ones. Related rows come only when expanded, and whole."""
    expanded = set(_EXPANDED.findall(options.get("$expand", "")))
    selected = {name.strip() for name in options.get("$select", "").split(",") if name.strip()}
    if unknown := sorted((expanded | selected) - set(row)):
        raise Refusal(400, "0x80060888", f"Could not find a property named '{unknown[0]}'.")
    related = {name for name, value in row.items() if _is_related(name, value)}
    wanted = (selected or set(row) - related) | expanded
    # The id always comes along.
    return {name: value for number, (name, value) in enumerate(row.items()) if name in wanted or number == 0}


def _is_related(name: str, value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and name in value)
