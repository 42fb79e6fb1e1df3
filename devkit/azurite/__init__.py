"""The real Azurite, Microsoft's storage emulator: found or installed, started, restarted and ended."""

from devkit.azurite.server import Azurite

__all__ = ["Azurite"]
