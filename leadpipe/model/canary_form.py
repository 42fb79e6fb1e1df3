"""Defines the canary: a lead that leadpipe posts to its own endpoint to see whether leads get through.

It has one form, whose only variable part is the time of posting. A lead that differs from it anywhere is an ordinary
lead, so that nobody's lead can be taken for a canary.
"""

import json
import re
from datetime import UTC, datetime, timedelta

SOURCE = "leadpipe-canary"
# Every documented field of the canary, but for the description.
TEXTS = {
    "first_name": "leadpipe",
    "last_name": "canary",
    "email": "canary@leadpipe.invalid",  # no mail can reach that domain (RFC 2606)
    "phone": "",
    "country": "",
    "company": "",
    "title": "",
    "lead_source": SOURCE,
    "action_code": "",
    "offer_title": "leadpipe canary",
}
# Within this time it has to be back. Then nothing tries it again.
PATIENCE = timedelta(minutes=10)

_DESCRIPTION = "posted by leadpipe to itself at "
_POSTED = re.compile(re.escape(_DESCRIPTION) + r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def canary_payload(at: datetime) -> str:
    """What is posted at that time."""
    return json.dumps(
        {
            "UserDetails": {
                "FirstName": TEXTS["first_name"],
                "LastName": TEXTS["last_name"],
                "Email": TEXTS["email"],
                "Phone": "",
                "Country": "",
                "Company": "",
                "Title": "",
            },
            "LeadSource": SOURCE,
            "ActionCode": "",
            "OfferTitle": TEXTS["offer_title"],
            "Description": f"{_DESCRIPTION}{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        }
    )


def is_canarys_description(text: str) -> bool:
    return bool(_POSTED.fullmatch(text))
