"""What leadpipe costs, measured against an app that does the least; `python -m bench`."""
