"""Imitates the Dataverse Web API and Entra sign-in, for machines that have neither.

It uses TLS, keeps its rows in a file, enforces Microsoft's documented limits, and fails on demand.
`python -m devkit.standin` starts it. `sign_in` and `web_api` answer requests, `organisation` keeps what they share,
`control` is for tests and people. Another writable table is a description in `organisation/tables.py`; another fault
is a line in `organisation/fault_kinds.py`.
"""
