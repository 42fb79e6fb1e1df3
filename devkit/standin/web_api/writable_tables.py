"""Creates, reads, searches, changes and deletes rows of the tables that clients write to.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/create-entity-web-api and the pages beside it
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from devkit.standin.organisation.columns import OWNERS, entity_of
from devkit.standin.organisation.faults import Stage
from devkit.standin.organisation.row_store import Written
from devkit.standin.organisation.security import APPEND_TO, OVERRIDE_CREATED_ON, Depth, check_owner
from devkit.standin.refusal import Refusal
from devkit.standin.replies import json_reply, no_content
from devkit.standin.web_api.query_options import check_options, chooser, column_check, most_rows, selected
from devkit.standin.web_api.row import created_row, readable, revised_row
from devkit.standin.web_api.validation import Changes, checked, parse_guid, read_body

if TYPE_CHECKING:
    from devkit.standin.organisation.row_store import RowStore
    from devkit.standin.organisation.table import Table
    from devkit.standin.web_api.gate import Call


def create(call: Call, entity_set: str) -> Response:
    table = call.organisation.table(entity_set)
    call.require(table.privilege("Create"))
    changes = _changes(call, table, creating=True)
    row_id = _chosen_id(changes.columns.pop(table.key, None))
    return _insert(call, table, row_id, changes)


def upsert(call: Call, entity_set: str, key: str) -> Response:
    """Answers PATCH: If-Match allows only a change, If-None-Match only a new row, neither allows both."""
    table, row_id = call.organisation.table(entity_set), parse_guid(key)
    if call.request.headers.get("If-None-Match") == "*":
        return _create_only(call, table, row_id)
    wanted = call.request.headers.get("If-Match")
    done = _update(call, table, row_id)
    if done is Written.STALE:
        raise _stale()
    if done is Written.MISSING and wanted is not None:
        raise _missing(table, row_id)
    if done is Written.MISSING:
        return _create_only(call, table, row_id)
    return _written(call, table, row_id, created=False)


def read(call: Call, entity_set: str, key: str) -> Response:
    table, row_id = call.organisation.table(entity_set), parse_guid(key)
    call.require(table.privilege("Read"))
    columns = selected(call.request.args, table)
    call.strike(Stage.WORK)
    row = _store(call, table).get(row_id)
    if row is None:
        raise _missing(table, row_id)
    if call.request.headers.get("If-None-Match") == row.etag:
        return Response(status=304)
    context = f"{call.api}/$metadata#{entity_set}{_context_columns(columns)}/$entity"
    return json_reply({"@odata.context": context, **readable(table, row, columns)})


def search(call: Call, entity_set: str) -> Response:
    table = call.organisation.table(entity_set)
    call.require(table.privilege("Read"))
    columns, limit = selected(call.request.args, table), most_rows(call.request.args)
    found = _found(call, table)
    answer: dict[str, Any] = {"@odata.context": f"{call.api}/$metadata#{entity_set}{_context_columns(columns)}"}
    if call.request.args.get("$count") == "true":
        answer["@odata.count"] = len(found)
    wanted = {"@odata.etag", *(table.readable if columns is None else (*columns, table.key))}
    answer["value"] = [{name: value for name, value in row.items() if name in wanted} for row in found[:limit]]
    return json_reply(answer)


def count(call: Call, entity_set: str) -> Response:
    table = call.organisation.table(entity_set)
    call.require(table.privilege("Read"))
    return Response(str(len(_found(call, table))), mimetype="text/plain")


def delete(call: Call, entity_set: str, key: str) -> Response:
    table, row_id = call.organisation.table(entity_set), parse_guid(key)
    call.require(table.privilege("Delete"))
    _strike_write(call)
    done = _store(call, table).delete(row_id, version=_wanted_version(call))
    if done is Written.STALE:
        raise _stale()
    if done is Written.MISSING:
        raise _missing(table, row_id)
    call.organisation.delete_children(entity_set, row_id)
    call.strike(Stage.COMMITTED)
    return no_content()


def _store(call: Call, table: Table) -> RowStore:
    return call.organisation.stores[table.entity_set]


def _found(call: Call, table: Table) -> list[dict[str, Any]]:
    """Gives whole rows that match the query."""
    check_options(call.request.args)
    choose = chooser(call.request.args, column_check(table))
    call.strike(Stage.WORK)
    return choose([readable(table, row, None) for row in _store(call, table).newest()])


def _create_only(call: Call, table: Table, row_id: str) -> Response:
    call.require(table.privilege("Create"))
    changes = _changes(call, table, creating=True)
    changes.columns.pop(table.key, None)
    return _insert(call, table, row_id, changes)


def _insert(call: Call, table: Table, row_id: str, changes: Changes) -> Response:
    _strike_write(call)
    row = created_row(table, row_id, changes, call.identity.user_id)
    if _store(call, table).create(row_id, row) is Written.EXISTS:
        raise _duplicate()
    return _written(call, table, row_id, created=True)


def _update(call: Call, table: Table, row_id: str) -> Written:
    store = _store(call, table)
    if store.get(row_id) is None:
        return Written.MISSING
    call.require(table.privilege("Write"))
    changes = _changes(call, table, creating=False)
    _strike_write(call)
    return store.update(row_id, lambda columns: revised_row(table, columns, changes), version=_wanted_version(call))


def _changes(call: Call, table: Table, *, creating: bool) -> Changes:
    changes = checked(table, read_body(call.request.get_data()), creating=creating)
    if changes.columns.get("overriddencreatedon") is not None:
        call.require(OVERRIDE_CREATED_ON)
    for reference in changes.links.values():
        _check_link(call, table, reference.entity_set, reference.row_id)
    return changes


def _check_link(call: Call, table: Table, entity_set: str, row_id: str) -> None:
    organisation = call.organisation
    if not organisation.knows_row(entity_set, row_id):
        raise Refusal(404, "0x80040217", f"Entity '{entity_of(entity_set)}' With Id = {row_id} Does Not Exist")
    if entity_set in APPEND_TO:
        call.require(table.privilege("Append"))
        # Every row of a table without owners is the organisation's.
        owner = organisation.owner_of(entity_set, row_id) or call.identity.user_id
        call.require(APPEND_TO[entity_set], depth=Depth.BASIC if owner == call.identity.user_id else Depth.LOCAL)
    elif entity_set in OWNERS and row_id != call.identity.user_id:
        # The row will not be the caller's own.
        call.require(table.privilege("Assign"), depth=Depth.LOCAL)
        call.require(table.privilege("Create"), depth=Depth.LOCAL)
        check_owner(row_id, organisation.config.unfit_owners.get(row_id))


def _strike_write(call: Call) -> None:
    call.strike(Stage.WORK)
    call.strike(Stage.WRITE)


def _written(call: Call, table: Table, row_id: str, *, created: bool) -> Response:
    call.strike(Stage.COMMITTED)
    if "return=representation" in call.request.headers.get("Prefer", ""):
        answer = read(call, table.entity_set, row_id)
        answer.status_code = 201 if created else 200
        answer.headers["Preference-Applied"] = "return=representation"
        return answer
    answer = no_content()
    answer.headers["OData-EntityId"] = f"{call.api}/{table.entity_set}({row_id})"
    return answer


def _chosen_id(row_id: str | None) -> str:
    return str(uuid.uuid4()) if row_id in (None, str(uuid.UUID(int=0))) else str(row_id)


def _wanted_version(call: Call) -> int | None:
    wanted = call.request.headers.get("If-Match")
    if wanted in (None, "*"):
        return None
    found = re.fullmatch(r'W/"(\d+)"', str(wanted))
    return int(found[1]) if found else -1


def _context_columns(columns: list[str] | None) -> str:
    return "" if columns is None else f"({','.join(columns)})"


def _duplicate() -> Refusal:
    return Refusal(412, "0x80040237", "A record with matching key values already exists.")


def _missing(table: Table, row_id: str) -> Refusal:
    return Refusal(404, "0x80040217", f"Entity '{table.schema_name}' With Id = {row_id} Does Not Exist")


def _stale() -> Refusal:
    return Refusal(
        412, "0x80060882", "The version of the existing record doesn't match the RowVersion property provided."
    )
