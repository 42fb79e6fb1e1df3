"""Finds or installs Azurite, Microsoft's storage emulator, starts, restarts and ends it."""

from devkit.azurite.server import Azurite

__all__ = ["Azurite"]
