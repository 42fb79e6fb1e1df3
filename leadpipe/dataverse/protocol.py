"""Decides what Dataverse's answers mean. Pure: status, headers and body in, a receipt or one failure out.

The code decides, whatever the status. Under a general code a known sentence of the text decides, else the status.
Only an answer in Dataverse's own form can refuse a lead. A proxy's answer means blocked.
https://learn.microsoft.com/power-apps/developer/data-platform/webapi/compose-http-requests-handle-errors
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from leadpipe.dataverse import codes
from leadpipe.model.errors import Blocked, DeliveryFailed, Refused, Transient
from leadpipe.model.text import shortened, well_formed, without_controls

API = "/api/data/v9.2"
OWNER = "ownerid@odata.bind"
HEADERS = {
    "Accept": "application/json",
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
}
LONGEST_RETRY_AFTER = timedelta(days=1)
_DETAIL_UNITS = 500
# Longer texts are cut; they have a plug-in's stack trace.
_TEXT_LOOKED_AT = 4000
_INNER_ERRORS = 8
# Dataverse's codes are hex or empty. A code that is a word comes from another service, unless OData's header is there.
_OWN_CODE = re.compile(r"(0x[0-9a-f]{1,8})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that leadpipe creates rows in: its path, and the column of its rows' ids."""

    path: str
    key: str


LEADS = Table(path=f"{API}/leads", key="leadid")
NOTES = Table(path=f"{API}/annotations", key="annotationid")
# The column of a note with the id of the row that it is on.
NOTE_ON = "_objectid_value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Created(Enum):
    """How Dataverse took a create."""

    NOW = auto()
    ID_TAKEN = auto()


class ReadBack(Enum):
    """The result of reading an id back."""

    YES = auto()
    NO = auto()
    MAY_NOT_READ = auto()


def read_create(answer: Answer) -> Created:
    """Reads the answer to a `POST`. Raises Transient, Blocked or Refused."""
    if answer.status in {201, 204}:
        return Created.NOW
    code, _ = error_of(answer)
    # With 412 the code can be empty, or the body; reading the id back decides.
    from_dataverse = _is_dataverses(answer) or "odata-version" in answer.headers
    taken = code == codes.ID_TAKEN or (answer.status == 412 and not code and from_dataverse)
    if taken and answer.status >= 400:
        return Created.ID_TAKEN
    raise failure_of(answer)


def names_row(answer: Answer, row_id: str, table: Table) -> bool:
    """Says whether the answer to a create names the row, in a header or as the row, as Dataverse always does."""
    named = answer.headers.get("odata-entityid", ""), json_object(answer.body).get(table.key)
    return row_id in str(named).lower()


def read_back(answer: Answer, row_id: str, table: Table) -> ReadBack:
    """Reads the answer to `GET table(id)`. Raises Transient or Blocked: the lead is not refused by it."""
    code, _ = error_of(answer)
    if answer.status == 200 and str(json_object(answer.body).get(table.key, "")).lower() == row_id:
        return ReadBack.YES
    if code == codes.NO_SUCH_ROW:
        return ReadBack.NO
    if code == codes.PRIVILEGE_DENIED:
        return ReadBack.MAY_NOT_READ
    failure = failure_of(answer)
    raise Transient("dynamics_error", _known(answer, code)) if isinstance(failure, Refused) else failure


def read_found(answer: Answer) -> bool:
    """Says whether a change or a `DELETE` of `leads(id)` found a lead. Raises Transient, Blocked or Refused."""
    if answer.status == 204:
        return True
    if error_of(answer)[0] == codes.NO_SUCH_ROW:
        return False
    raise failure_of(answer)


def failure_of(answer: Answer) -> DeliveryFailed:
    """Gives the failure that the answer means."""
    code, text = error_of(answer)
    if answer.status < 400:
        return _not_dynamics(answer, code)
    return (
        _of_segment(answer, code, text)
        or _of_licence(answer, code, text)
        or _of_code(answer, code, text)
        or _of_text(answer, code, text)
        or _of_status(answer, code, text)
    )


def error_of(answer: Answer) -> tuple[str, str]:
    """Gives the error's code, as lower-case hex, and its text; both empty if the body has none.

    An inner error counts if the outer one has only a general code, or no text.
    """
    errors = _errors(answer)
    found = [_hex(error.get("code")) for error in errors]
    code = next((each for each in found if each not in codes.GENERAL), found[0] if found else "")
    return code, next((text for error in errors if (text := _text(error.get("message")))), "")


def retry_after(answer: Answer) -> timedelta | None:
    """Gives the pause asked for, at most a day; Dataverse sends seconds."""
    return pause_asked_for(answer.headers.get("retry-after", ""))


def pause_asked_for(header: str) -> timedelta | None:
    """Reads a Retry-After header in seconds, at most a day."""
    if not re.fullmatch(r"\d{1,9}(\.\d+)?", header.strip()):
        return None
    return min(timedelta(seconds=float(header)), LONGEST_RETRY_AFTER)


def _of_segment(answer: Answer, code: str, text: str) -> DeliveryFailed | None:
    """Finds out which part of the address is unknown: the lead table, a lookup's table, or the path of the API."""
    named = codes.UNKNOWN_SEGMENT.search(text)
    has_code = code == codes.NO_SUCH_SEGMENT
    if not (named and (has_code or code in codes.GENERAL)) and not (has_code and answer.status == 404):
        return None
    quoted = codes.QUOTED.search(text)  # in a language that is not known
    segment = named["segment"] if named else quoted[1] if quoted else ""
    if segment.lower() in {"", "leads"}:
        return Blocked("table_unknown", _known(answer, code))
    if segment in API.split("/"):
        return _not_dynamics(answer, code)
    return Refused("lookup_unknown", _detail(text))


def _of_licence(answer: Answer, code: str, text: str) -> DeliveryFailed | None:
    """Without a licence, or with administrative access alone, a user has fewer privileges than its roles give."""
    about_rights = code in codes.GENERAL or codes.BLOCKED.get(code) in {"missing_privilege", "access_denied"}
    if about_rights and codes.UNLICENSED.search(text):
        return Blocked("user_unlicensed", _named_privilege(text) or _known(answer, code))
    return None


def _of_code(answer: Answer, code: str, text: str) -> DeliveryFailed | None:
    known = _known(answer, code)
    if code in codes.TRANSIENT:
        # Only a plug-in's failure is described: other transient ones concern all leads.
        detail = f"{known}: {_detail(text)}" if text and codes.TRANSIENT[code].startswith("plugin_") else known
        return Transient(codes.TRANSIENT[code], detail, retry_after=retry_after(answer))
    if code in codes.BLOCKED:
        return Blocked(codes.BLOCKED[code], _named_privilege(text) or known)
    if code in codes.BLOCKED_THIS_LEAD:
        return Blocked(codes.BLOCKED_THIS_LEAD[code], _named_privilege(text) or known, lead_only=True)
    if code in codes.REFUSED:
        return Refused(codes.REFUSED[code], _detail(text) or known)
    return None


def _of_text(answer: Answer, code: str, text: str) -> DeliveryFailed | None:
    """Finds a known sentence under a general code."""
    if code not in codes.GENERAL:
        return None
    if codes.MISSING_PRIVILEGE.search(text):
        return Blocked("missing_privilege", _named_privilege(text))
    if codes.NO_ROLES.search(text):
        return Blocked("no_role", _known(answer, code))
    if codes.MISSING_ROW.search(text):
        return Refused("lookup_missing", _detail(text))
    if answer.status in {401, 403}:
        reason = next((reason for pattern, reason in codes.ACCESS_TEXTS if pattern.search(text)), None)
        return Blocked(reason, _known(answer, code)) if reason else None
    return None


def _of_status(answer: Answer, code: str, text: str) -> DeliveryFailed:
    status, known = answer.status, _known(answer, code)
    if status in {408, 425, 429} or status >= 500:
        slug = "throttled" if status == 429 else "dynamics_error"
        detail = " ".join(filter(None, (known, _named_privilege(text))))
        return Transient(slug, detail, retry_after=retry_after(answer))
    if status == 401:
        return Blocked("token_refused", known)
    if status == 403:
        return Blocked("access_denied", _named_privilege(text) or known)
    if status in {404, 405, 407} or not _is_dataverses(answer):
        return _not_dynamics(answer, code)
    unknown_column = status == 400 and code in {"", codes.NO_CODE} and codes.A_COLUMN.search(text)
    return Refused("column_unknown" if unknown_column else "refused", _detail(text) or known)


def _not_dynamics(answer: Answer, code: str) -> Blocked:
    """Makes the failure for an answer that is not Dataverse's: DATAVERSE_URL is wrong, or a proxy answered."""
    return Blocked("not_dynamics", _known(answer, code))


def _is_dataverses(answer: Answer) -> bool:
    """Says whether the error has Dataverse's form. Only then can it be about this one lead."""
    errors = _errors(answer)
    return bool(errors) and (
        "odata-version" in answer.headers or bool(_OWN_CODE.fullmatch(_hex(errors[0].get("code"))))
    )


def _errors(answer: Answer) -> list[dict[str, Any]]:
    """Gives the error and those inside it, outermost first. Version 3 of OData calls it `odata.error`.

    https://docs.oasis-open.org/odata/odata-json-format/v4.0/odata-json-format-v4.0.html#_Toc372793091
    """
    body = json_object(answer.body)
    error = body.get("error", body.get("odata.error"))
    found: list[dict[str, Any]] = []
    while isinstance(error, dict) and {"code", "message"} & error.keys() and len(found) < _INNER_ERRORS:
        found.append(error)
        error = error.get("innererror")
    return found


def _hex(code: Any) -> str:
    """Reads hex, which the Web API gives, and decimal (-2147220937, number or text), which was observed."""
    if isinstance(code, bool) or not isinstance(code, int | float | str):
        return ""
    text = well_formed(str(code)).strip().lower().removesuffix(".0")
    if re.fullmatch(r"-[1-9]\d{0,9}|[1-9]\d{9}", text):
        return f"{int(text) & 0xFFFFFFFF:#010x}"
    return {"0": "", "0x00000000": codes.NO_CODE}.get(text, text)


def _text(message: Any) -> str:
    """Reads the text, also from the object of language and text that older versions of OData send."""
    text = message.get("value") if isinstance(message, dict) else message
    return well_formed(text[:_TEXT_LOOKED_AT]) if isinstance(text, str) else ""


def _known(answer: Answer, code: str) -> str:
    """Gives status and code, which may be logged even if the answer's text may not."""
    return f"{answer.status} {shortened(code, 40)}".rstrip()


def _named_privilege(text: str) -> str:
    """Gives only the privilege's name: the text around it has ids of users and roles."""
    found = re.search(r"\bprv\w+", text)
    return found[0] if found else ""


def _detail(text: str) -> str:
    return shortened(" ".join(without_controls(text).split()), _DETAIL_UNITS)


def json_object(body: bytes) -> dict[str, Any]:
    """Reads the body as a JSON object; an empty one if it is not an object."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def objects_in(listed: Any) -> list[dict[str, Any]]:
    """Gives the objects of a JSON list; none if it is not a list."""
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
