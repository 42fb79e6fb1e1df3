"""Sends a lead, or a note of it, to Dynamics by one create under the lead's own id, and checks an id that is taken."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import requests
import urllib3
from requests.auth import AuthBase

from leadpipe.dataverse.auth import Tokens
from leadpipe.dataverse.codes import EXPLAINED_BY_NOTE, EXPLAINED_BY_OWNER
from leadpipe.dataverse.protocol import (
    HEADERS,
    LEADS,
    NOTE_ON,
    NOTES,
    OWNER,
    Answer,
    Created,
    ReadBack,
    Table,
    json_object,
    names_row,
    read_back,
    read_create,
    read_found,
)
from leadpipe.model.errors import Blocked, DeliveryFailed, LeadMissing, Refused, Transient, unforeseen_waits
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Columns, Receipt, Rerouted
from leadpipe.transport.bounded import BoundedAdapter, DirectSession
from leadpipe.transport.no_answer import untrusted, without_answer

CONNECT_SECONDS = 5
READ_SECONDS = 30
CONNECTIONS = 32


class DataverseClient:
    """Thread-safe: nothing changes the session after it was made. All methods raise only DeliveryFailed."""

    def __init__(
        self,
        url: str,
        tokens: Tokens,
        columns_of: Callable[[Lead, str], Columns],
        note_of: Callable[[Lead, str, str], Columns],
    ) -> None:
        self._url = url
        self._tokens = tokens
        self._columns_of = columns_of
        self._note_of = note_of
        self._session = DirectSession(BoundedAdapter(pool_maxsize=CONNECTIONS))

    @unforeseen_waits()
    def create(self, lead_id: str, lead: Lead) -> Receipt | Rerouted:
        columns = self._columns_of(lead, lead_id)
        try:
            return self._created(LEADS, lead_id, columns)
        except DeliveryFailed as failure:
            if OWNER not in columns or failure.slug not in EXPLAINED_BY_OWNER:
                raise
            # If the owner was not the reason, this call fails too, and its error is the one to report.
            receipt = self._created(LEADS, lead_id, {name: value for name, value in columns.items() if name != OWNER})
            if receipt is Receipt.UNCONFIRMED:
                return receipt
            return Rerouted(detail=f"{columns[OWNER].strip('/')}: {failure.slug}")

    @unforeseen_waits()
    def note(self, lead_id: str, lead: Lead, *, of: str) -> Receipt:
        try:
            return self._created(NOTES, lead_id, self._note_of(lead, lead_id, of))
        except Blocked as failure:
            alone = failure.lead_only or failure.slug in EXPLAINED_BY_NOTE
            raise Blocked(failure.slug, failure.detail, lead_only=alone) from failure
        except Refused as failure:
            # The lead is the only row that a note names. One that is there after all was not the reason.
            if failure.slug != "lookup_missing" or self._found(LEADS, of) is ReadBack.YES:
                raise
            raise LeadMissing(failure.slug, failure.detail) from failure

    def _created(self, table: Table, row_id: str, columns: Columns) -> Receipt:
        answer = self._send("POST", table.path, row_id, columns)
        if read_create(answer) is Created.NOW:
            return Receipt.CREATED if names_row(answer, row_id, table) else self._confirmed(table, row_id, answer)
        found = self._found(table, row_id)
        if found is ReadBack.NO:
            raise Refused("id_taken", "Dynamics says that the id exists, and has nothing under it")
        return Receipt.FOUND if found is ReadBack.YES else Receipt.UNCONFIRMED

    def _confirmed(self, table: Table, row_id: str, answer: Answer) -> Receipt:
        """Checks a success that does not name the row: a proxy can answer 204 too, but only Dynamics has the row."""
        if self._found(table, row_id) is ReadBack.NO:
            raise Blocked("not_dynamics", f"{answer.status}, and Dynamics has no such row")
        return Receipt.CREATED

    @unforeseen_waits()
    def note_on(self, lead_id: str) -> str | None:
        answer = self._read(NOTES, lead_id, NOTE_ON)
        found = read_back(answer, lead_id, NOTES)
        if found is ReadBack.MAY_NOT_READ:
            raise Blocked("missing_privilege", "prvReadNote")
        return str(json_object(answer.body).get(NOTE_ON) or "").lower() if found is ReadBack.YES else None

    @unforeseen_waits()
    def has(self, lead_id: str) -> bool:
        found = self._found(LEADS, lead_id)
        if found is ReadBack.MAY_NOT_READ:
            raise Blocked("missing_privilege", "prvReadLead")
        return found is ReadBack.YES

    @unforeseen_waits()
    def remove(self, lead_id: str) -> bool:
        """Deletes a test lead; False if there was none. Its record stays written."""
        return read_found(self._send("DELETE", f"{LEADS.path}({lead_id})", lead_id))

    @unforeseen_waits()
    def update(self, lead_id: str, columns: Columns) -> bool:
        """Changes columns of a lead; False if Dynamics has none under that id. It never creates one."""
        # https://learn.microsoft.com/power-apps/developer/data-platform/webapi/perform-conditional-operations-using-web-api
        return read_found(self._send("PATCH", f"{LEADS.path}({lead_id})", lead_id, columns, more={"If-Match": "*"}))

    def get(self, path: str) -> Answer:
        """Gives any answer of Dynamics as it comes. Only for inspection, not for delivery."""
        return self.send("GET", path)

    @unforeseen_waits()
    def send(self, method: str, path: str, body: Columns | None = None) -> Answer:
        """Like `get`, for an administrator's changes. Sent only once, unless the token was refused.

        A PATCH changes a row that is there; without If-Match it would make a missing one.
        """
        # https://learn.microsoft.com/power-apps/developer/data-platform/webapi/compose-http-requests-handle-errors
        only_existing = {"If-Match": "*"} if method == "PATCH" else {}
        return self._send(method, path, str(uuid.uuid4()), body, more={"Consistency": "Strong", **only_existing})

    def _found(self, table: Table, row_id: str) -> ReadBack:
        return read_back(self._read(table, row_id, table.key), row_id, table)

    def _read(self, table: Table, row_id: str, column: str) -> Answer:
        return self._send("GET", f"{table.path}({row_id})?$select={column}", row_id)

    def _send(
        self,
        method: str,
        path: str,
        request_id: str,
        body: Columns | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        """Gives the answer. If the token was refused, tries once more with a fresh one."""
        headers = {**HEADERS, **(more or {}), "x-ms-client-request-id": request_id}
        for last in (False, True):
            token = self._tokens.token()
            answer = self._send_once(method, path, headers, body, token)
            if answer.status != 401 or last:
                break
            self._tokens.drop(token)
        return answer

    def _send_once(
        self, method: str, path: str, headers: Mapping[str, str], body: Columns | None, token: str
    ) -> Answer:
        options: dict[str, Any] = {"json": body} if body is not None else {}
        try:
            response = self._session.request(
                method,
                f"{self._url}{path}",
                headers=headers,
                auth=_Bearer(token),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                **options,
            )
        except requests.exceptions.SSLError as error:
            raise Blocked("tls", untrusted(error, "Dynamics")) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise Transient("dynamics_unreachable", without_answer(error)) from error
        except OSError as error:
            raise Blocked("tls", "REQUESTS_CA_BUNDLE names no file of certificates") from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=headers, body=response.content)


class _Bearer(AuthBase):
    """Sets the header. requests would let a netrc file override one that is not set by an auth object."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
