"""Defines attention: something that a person has to do. docs/alerts.md explains each reason.

`status`, the log line `attention` and the post to LEADPIPE_NOTIFY_URL all say what stands here.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One thing that a person has to do. No field ever holds a lead's data.

    `reason` is a slug; `about` names which one of its kind, such as a reason in the ledger, a setting or a function.
    `says` is one line: what is wrong. `fix` is the command or the action that ends it. `count`: how many leads, rows or
    messages; 0 where nothing is counted. `since`: when it began, None if that is unknown.
    """

    reason: str
    about: str = ""
    says: str
    fix: str
    count: int = 0
    since: datetime | None = None

    @property
    def key(self) -> str:
        """What makes two of them the same, whatever their counts."""
        return f"{self.reason} {self.about}".strip()


class Stage(StrEnum):
    """Why a person hears of it now."""

    BEGINS = "begins"
    LASTS = "lasts"  # once a day
    OVER = "over"
    TEST = "test"  # `leadpipe notify --test`


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is posted to LEADPIPE_NOTIFY_URL. `app` says which leadpipe: the site's name or the storage account's."""

    stage: Stage
    app: str
    attention: Attention
    at: datetime
