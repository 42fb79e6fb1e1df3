"""What the simulations of this folder share."""

from functools import cache

import pytest

from leadpipe.model.lead import Lead

_lead_of = cache(Lead.from_payload)
_fingerprint_of = cache(Lead.fingerprint)


@pytest.fixture
def each_payload_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text gives the same lead, with the same fingerprint; a simulation reads a few texts very often."""
    monkeypatch.setattr(Lead, "from_payload", staticmethod(_lead_of))
    monkeypatch.setattr(Lead, "fingerprint", _fingerprint_of)
