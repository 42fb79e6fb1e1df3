"""Kills, outages and lost replies, on purpose: what `make chaos` and tests/faults are made of."""
