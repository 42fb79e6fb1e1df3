"""A stand-in of the Dataverse Web API and of Entra sign-in, for machines that have neither.

It speaks over TLS, keeps its leads in a file, obeys Microsoft's documented limits, and can be told from outside to
fail. `python -m devkit.standin` starts it.
"""
