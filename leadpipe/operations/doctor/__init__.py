"""Checks everything that a lead needs, in the order in which it needs it, and changes nothing."""
