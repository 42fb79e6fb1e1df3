"""Runs a Python function app against Azurite with the semantics of the real Azure Functions host.

`python -m devkit.functions_host --help` is its use; `host.py` shows how the parts hang together.
Rules taken from Microsoft's sources name the file they come from, such as QueueProcessor.cs.
"""
