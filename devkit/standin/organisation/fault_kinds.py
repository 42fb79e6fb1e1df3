"""Defines what each kind of fault does, and where. A kind is one line of the table and one small function.

The pairs of status and code are those of
https://learn.microsoft.com/power-apps/developer/data-platform/reference/web-service-error-codes
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NoReturn

from devkit.standin.organisation import security
from devkit.standin.organisation.faults import Fault, Faults, Sight, Stage
from devkit.standin.refusal import Body, NoReply, Refusal
from devkit.standin.sign_in.refusal import sign_in_error

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from devkit.standin.organisation.identity import Identity

    Effect = Callable[[Fault, Identity], NoReturn]

# These faults only delay a request.
HOLDING = {"hang", "hang_after_commit", "sign_in_hang"}


def strike(faults: Faults, stage: Stage, sight: Sight, identity: Identity) -> None:
    """Applies the faults in order: delaying ones delay, the first other one raises."""
    for fault, ended in faults.striking(stage, sight):
        if fault.kind in HOLDING:
            _hold(fault, ended)
        else:
            _EFFECTS[fault.kind](fault, identity)


def _hold(fault: Fault, ended: threading.Event) -> None:
    ended.wait(fault.seconds)


def _drop(_fault: Fault, _identity: Identity) -> NoReturn:
    raise NoReply


def _raw(fault: Fault, _identity: Identity) -> NoReturn:
    raise NoReply(base64.b64decode(fault.raw))


def _status(fault: Fault, _identity: Identity) -> NoReturn:
    raise Refusal(
        fault.status or 500,
        fault.code,
        fault.message or "An error of the kind that was asked for.",
        body=Body(fault.body),
        retry_after=fault.retry_after,
    )


def _answer(status: int, code: str, message: str) -> Effect:
    def effect(fault: Fault, _identity: Identity) -> NoReturn:
        raise Refusal(
            fault.status or status,
            fault.code or code,
            fault.message or message,
            body=Body(fault.body),
            retry_after=fault.retry_after,
        )

    return effect


def _empty_401(_fault: Fault, _identity: Identity) -> NoReturn:
    raise Refusal(401, body=Body.EMPTY)


def _no_role(_fault: Fault, identity: Identity) -> NoReturn:
    raise security.no_role(identity)


def _no_app_user(_fault: Fault, _identity: Identity) -> NoReturn:
    raise security.no_application_user()


def _user_disabled(_fault: Fault, identity: Identity) -> NoReturn:
    raise security.user_disabled(identity)


def _missing_privilege(fault: Fault, identity: Identity) -> NoReturn:
    raise security.privilege_denied(identity, fault.privilege, held=len(security.PRIVILEGES) - 1)


def _aad_error(fault: Fault, identity: Identity) -> NoReturn:
    raise sign_in_error(fault.number, client_id=identity.client_id, retry_after=fault.retry_after)


_KINDS: dict[str, tuple[Stage, Effect | None]] = {
    "aad_error": (Stage.SIGN_IN, _aad_error),
    "token_503": (Stage.SIGN_IN, _answer(503, "", "The service is temporarily unavailable.")),
    "discovery_503": (Stage.DISCOVERY, _answer(503, "", "The service is temporarily unavailable.")),
    "user_realm_503": (Stage.USER_REALM, _answer(503, "", "The service is temporarily unavailable.")),
    "token_raw": (Stage.SIGN_IN, _raw),
    "discovery_raw": (Stage.DISCOVERY, _raw),
    "user_realm_raw": (Stage.USER_REALM, _raw),
    "sign_in_hang": (Stage.SIGN_IN, None),
    "sign_in_drop": (Stage.SIGN_IN, _drop),
    "hang": (Stage.ARRIVAL, None),
    "drop": (Stage.ARRIVAL, _drop),
    "status": (Stage.ARRIVAL, _status),
    "data_raw": (Stage.ARRIVAL, _raw),
    "empty_401": (Stage.ARRIVAL, _empty_401),
    # The status of these two is documented nowhere. 403 is likely; `status` in the fault changes it.
    "admin_mode": (Stage.ACCESS, _answer(403, "0x8004a113", "The organization is in administration mode.")),
    "org_disabled": (Stage.ACCESS, _answer(403, "0x8004a104", "The organization is disabled.")),
    "user_disabled": (Stage.ACCESS, _user_disabled),
    "no_app_user": (Stage.ACCESS, _no_app_user),
    "no_role": (Stage.ACCESS, _no_role),
    "missing_privilege": (Stage.PRIVILEGE, _missing_privilege),
    "sql_timeout": (
        Stage.WORK,
        _answer(500, "0x80044151", "SQL timeout expired. This timeout may have occurred because the query timed out."),
    ),
    "deadlock": (
        Stage.WORK,
        _answer(
            500,
            "0x80044150",
            "Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: 1205 Transaction was deadlocked on lock "
            "resources with another process and has been chosen as the deadlock victim.",
        ),
    ),
    "plugin_abort": (Stage.WRITE, _answer(400, "0x80040265", "An error occurred in a plug-in: the lead was refused.")),
    "plugin_crash": (Stage.WRITE, _answer(500, "0x80040224", "An unexpected error occurred from ISV code.")),
    "plugin_412": (Stage.WRITE, _answer(412, "0x80040237", "Cannot insert duplicate key.")),
    "duplicate_rule": (
        Stage.WRITE,
        # Older pages have 500 with the same code; `status` in the fault changes it.
        _answer(412, "0x80040333", "A record was not created or updated because a duplicate of it already exists."),
    ),
    "hang_after_commit": (Stage.COMMITTED, None),
    "commit_then_drop": (Stage.COMMITTED, _drop),
    "commit_then_503": (Stage.COMMITTED, _answer(503, "", "The service is unavailable.")),
}

STAGES = {kind: stage for kind, (stage, _) in _KINDS.items()}
_EFFECTS = {kind: effect for kind, (_, effect) in _KINDS.items() if effect is not None}
