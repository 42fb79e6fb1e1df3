"""Runs a Python function app against Azurite with the semantics of the real Azure Functions host.

See `python -m devkit.functions_host --help`; `host.py` puts the parts together.
Rules taken from Microsoft's sources name the file they come from, such as QueueProcessor.cs.
"""
