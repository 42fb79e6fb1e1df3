"""Answers where an account signs in, which clients ask before they send a password. None is federated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devkit.standin.organisation.faults import Sight, Stage
from devkit.standin.replies import json_reply

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from devkit.standin.organisation.organisation import Organisation


def user_realm(organisation: Organisation, request: Request, user: str) -> Response:
    organisation.strike(Stage.USER_REALM, Sight(method=request.method, path=request.path))
    known = user.rpartition("@")[2] == organisation.identity.user_name.rpartition("@")[2]
    return json_reply(
        {
            "ver": "1.0",
            "account_type": "Managed" if known else "Unknown",
            "domain_name": user.rpartition("@")[2],
            "cloud_instance_name": "microsoftonline.com",
            "cloud_audience_urn": "urn:federation:MicrosoftOnline",
        }
    )
