"""The receipt of an erasure: what was done, when and where, without personal data.

The address is in it only as a hash. With its salt and a slow function anyone who knows the address can check that the
receipt is about it; to find it out by trying takes long.
"""

import hashlib
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from leadpipe import __version__
from leadpipe.operations.addresses import folded
from leadpipe.operations.decisions import Result
from leadpipe.operations.erasure import AddressMatch

# https://www.rfc-editor.org/rfc/rfc7914#section-2
_COST = {"n": 1 << 14, "r": 8, "p": 1}


@dataclass(slots=True, kw_only=True)
class Receipt:
    """Gathers what is done. `account` and `organisation`: where. `not_reached`: sentences without personal data."""

    began_at: datetime
    account: str
    organisation: str
    address: Mapping[str, Any] | None
    leads: list[dict[str, Any]] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)

    def add(self, result: Result, match: AddressMatch | None, dynamics: str, at: datetime) -> None:
        """`detail` of the result stays out: it may quote."""
        self.leads.append(
            {
                "lead_id": result.lead_id,
                "outcome": result.outcome,
                "reason": result.reason,
                "found": [*match.places] if match else [],
                "state_before": (match.state or "") if match else "",
                "dynamics": dynamics or "not asked for",
                "at": _iso(at),
            }
        )

    def fields(self, *, ended_at: datetime | None, stopped: bool) -> dict[str, Any]:
        """All of it. `ended_at` None: it has not ended yet, or was killed."""
        return {
            "receipt": 1,
            "leadpipe": __version__,
            "began_at": _iso(self.began_at),
            "ended_at": _iso(ended_at) if ended_at else None,
            "complete": ended_at is not None and not stopped and not self._missed,
            "storage_account": self.account,
            "organisation": self.organisation,
            "address": self.address,
            "leads": self.leads,
            "not_reached": self.not_reached,
        }

    @property
    def _missed(self) -> bool:
        return bool({lead["outcome"] for lead in self.leads} - {"erased", "mentions"})


def proof_of(address: str, salt: bytes | None = None) -> dict[str, Any]:
    """The hash of the folded address, with all that is needed to make it again."""
    salt = salt or secrets.token_bytes(16)
    made = hashlib.scrypt(folded(address).encode(), salt=salt, dklen=32, **_COST)
    return {"scrypt": made.hex(), "salt": salt.hex(), **_COST}


def in_words(elsewhere: Counter[str], unsearched: Sequence[str]) -> list[str]:
    counted = [f"{number} × {what}" for what, number in elsewhere.items()]
    return [*counted, *(f"not searched: {what}" for what in unsearched)]


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
