"""Causes kills, outages and lost replies, for `make chaos` and tests/faults."""
