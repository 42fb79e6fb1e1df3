"""Takes Microsoft marketplace leads by HTTPS and writes each into Dynamics 365 exactly once."""

__version__ = "0.1.0"
