"""Decides what a lead becomes in Dynamics: by the default mapping, and by the publisher's own file on top of it."""
