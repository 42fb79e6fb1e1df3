"""What Dataverse's answers mean. Pure: status, headers and body in, a receipt or one precise failure out.

The code decides, then the status; the text only where it names a privilege.
https://learn.microsoft.com/power-apps/developer/data-platform/webapi/compose-http-requests-handle-errors
https://learn.microsoft.com/power-apps/developer/data-platform/reference/web-service-error-codes
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from leadpipe.model.errors import Blocked, DeliveryFailed, Refused, Transient
from leadpipe.model.text import shortened, well_formed, without_controls

API = "/api/data/v9.2"
LEADS = f"{API}/leads"
HEADERS = {
    "Accept": "application/json",
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
}
LONGEST_RETRY_AFTER = timedelta(days=1)
_DETAIL_UNITS = 500

_ID_TAKEN = "0x80040237"  # a plug-in inside the transaction can raise it too, so it has to be confirmed
_PRIVILEGE_DENIED = "0x80040220"
_NO_CODE = "0x0"  # with 400 an unknown column or a wrong type; with any other status it says nothing

# https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
_TRANSIENT = {
    "0x80072322": "throttled",  # requests
    "0x80072321": "throttled",  # execution time
    "0x80072326": "throttled",  # concurrency
    "0x80044150": "dynamics_busy",  # SQL, deadlock
    "0x80044151": "dynamics_busy",  # SQL time-out
    "0x8004a001": "dynamics_busy",  # resource governor
    "0x80040216": "dynamics_error",
    "0x80040224": "plugin_crashed",
    "0x80044171": "plugin_timeout",
    "0x80044172": "plugin_timeout",
    "0x80044173": "plugin_timeout",
    "0x80081111": "plugin_timeout",
}
_BLOCKED = {
    _PRIVILEGE_DENIED: "missing_privilege",
    "0x80042f09": "no_role",
    "0x80072560": "no_application_user",
    "0x80040225": "user_disabled",
    "0x80041d1f": "user_disabled",
    "0x80048306": "access_denied",
    "0x80048405": "access_denied",
    "0x80040256": "access_denied",
    "0x8004f502": "access_denied",
    "0x8004a113": "organisation_closed",  # administration mode
    "0x8004a104": "organisation_closed",  # disabled
    "0x8006088a": "table_unknown",
}
OWNER = "ownerid@odata.bind"
# Reasons that the owner may explain that a lead was to have: the row is gone, is disabled or lacks a role, or we may
# not give leads to others (prvAssignLead, prvCreateLead beyond the user's own).
EXPLAINED_BY_OWNER = frozenset(
    {"lookup_missing", "owner_lacks_privilege", "missing_privilege", "user_disabled", "access_denied"}
)
_BLOCKED_THIS_LEAD = {"0x80040231": "owner_lacks_privilege"}
_REFUSED = {
    "0x80044331": "too_long",
    "0x8004431a": "option_unknown",
    "0x8004432f": "out_of_range",
    "0x80044330": "out_of_range",
    "0x80040278": "character_refused",
    "0x80048d19": "column_unknown",
    "0x80048408": "column_unknown",
    "0x80040217": "lookup_missing",
    "0x80060891": "lookup_missing",
    "0x80040333": "duplicate_rule",  # documented as HTTP 500
    "0x80060892": "duplicate_rule",  # an alternate key
    "0x80040265": "plugin_refused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer as it came. `headers` are looked up in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Created(Enum):
    """How Dataverse took a create."""

    NOW = auto()
    ID_TAKEN = auto()


class Found(Enum):
    """What reading a lead's id back gave."""

    YES = auto()
    NO = auto()
    MAY_NOT_READ = auto()


def read_create(answer: Answer) -> Created:
    """The answer to `POST leads`. Raises Transient, Blocked or Refused."""
    if answer.status in {201, 204}:
        return Created.NOW
    if answer.status == 412 and error_of(answer)[0] in {_ID_TAKEN, ""}:  # a code can be empty; reading back decides
        return Created.ID_TAKEN
    raise failure_of(answer)


def read_back(answer: Answer, lead_id: str) -> Found:
    """The answer to `GET leads(id)`. Raises Transient, Blocked or Refused."""
    code, _ = error_of(answer)
    if answer.status == 200 and str(json_object(answer.body).get("leadid", "")).lower() == lead_id:
        return Found.YES
    if answer.status == 404 and code == "0x80040217":
        return Found.NO
    if answer.status == 403 and code == _PRIVILEGE_DENIED:
        return Found.MAY_NOT_READ
    raise failure_of(answer)


def read_delete(answer: Answer) -> bool:
    """The answer to `DELETE leads(id)`: whether there was one. Raises Transient, Blocked or Refused."""
    if answer.status == 204:
        return True
    if answer.status == 404 and error_of(answer)[0] == "0x80040217":
        return False
    raise failure_of(answer)


def failure_of(answer: Answer) -> DeliveryFailed:
    """The one failure that the answer means; the code counts more than the status."""
    code, text = error_of(answer)
    known = _known(answer, code)
    if code in _TRANSIENT:
        return Transient(_TRANSIENT[code], known, retry_after=retry_after(answer))
    if code in _BLOCKED:
        return Blocked(_BLOCKED[code], _named_privilege(text) or known)
    if code in _BLOCKED_THIS_LEAD:
        return Blocked(_BLOCKED_THIS_LEAD[code], _named_privilege(text) or known, lead_only=True)
    if code in _REFUSED and answer.status >= 400:
        return Refused(_REFUSED[code], _detail(text) or known)
    return _failure_by_status(answer, code, text)


def error_of(answer: Answer) -> tuple[str, str]:
    """The error's code, as lower-case hex, and its text; both empty where the body has none.

    The Web API gives hex; decimal has been seen (-2147220937).
    """
    error = json_object(answer.body).get("error")
    if not isinstance(error, dict):
        return "", ""
    code = well_formed(str(error.get("code") or "")).strip().lower()
    if re.fullmatch(r"-\d{1,10}", code):
        code = f"{int(code) & 0xFFFFFFFF:#010x}"
    return code, well_formed(str(error.get("message") or ""))


def retry_after(answer: Answer) -> timedelta | None:
    """The pause asked for, at most a day; Dataverse gives seconds."""
    seconds = answer.headers.get("retry-after", "").strip()
    if not re.fullmatch(r"\d{1,9}(\.\d+)?", seconds):
        return None
    return min(timedelta(seconds=float(seconds)), LONGEST_RETRY_AFTER)


def _failure_by_status(answer: Answer, code: str, text: str) -> DeliveryFailed:
    status, known = answer.status, _known(answer, code)
    if status in {408, 425, 429} or status >= 500:
        slug = "throttled" if status == 429 else "dynamics_error"
        return Transient(slug, known, retry_after=retry_after(answer))
    if status == 400 and code == _NO_CODE:
        return Refused("column_unknown", _detail(text) or known)
    if status == 401:
        return Blocked("token_refused", known)
    if status == 403:
        return Blocked("access_denied", _named_privilege(text) or known)
    if status < 400 or status in {404, 405, 407}:
        # No answer of Dataverse's to a create: DATAVERSE_URL leads somewhere else, or a proxy stands in between.
        return Blocked("not_dynamics", known)
    return Refused("refused", _detail(text) or known)


def _known(answer: Answer, code: str) -> str:
    """What may be told of an answer whose text may not."""
    return f"{answer.status} {code}".rstrip()


def _named_privilege(text: str) -> str:
    """Only the privilege's name: the text around it holds ids of users and roles."""
    found = re.search(r"\bprv\w+", text)
    return found[0] if found else ""


def _detail(text: str) -> str:
    return shortened(" ".join(without_controls(text).split()), _DETAIL_UNITS)


def json_object(body: bytes) -> dict[str, Any]:
    """The body as an object; an empty one where it is none."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
