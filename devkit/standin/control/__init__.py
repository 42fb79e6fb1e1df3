"""Lets a test or a person control the stand-in: configuration, faults, and a page that shows its leads."""
