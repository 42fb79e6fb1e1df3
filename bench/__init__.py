"""Measures what leadpipe costs, against an app that does the minimum: `python -m bench`."""
