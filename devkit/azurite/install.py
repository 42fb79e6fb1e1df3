"""Installs Azurite from npm into `.devkit/node_modules`, exactly as in the `package-lock.json` beside this file.

Azurite 3.35.0, not a newer one: it also runs on Node 20, the oldest in use, is half as large, and starts in one
second; 3.37.0 takes two and a half. Both gave the same answers on tables and queues with the SDKs of
requirements.txt.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from devkit.bootstrap import ROOT
from devkit.npm import Installed, InstallError, Package, ensure

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HERE", "InstallError", "Installed", "ensure_azurite"]

HERE = Path(__file__).resolve().parent
AZURITE = Package(
    name="Azurite",
    logs_name="azurite",
    source=HERE,
    entry="azurite/dist/src/azurite.js",
    lasts="about half a minute",
)


def ensure_azurite(say: Callable[[str], None], home: Path = ROOT / ".devkit") -> Installed:
    """Installs Azurite if needed; otherwise reads two files. One process installs, others wait."""
    return ensure(AZURITE, say, home)
