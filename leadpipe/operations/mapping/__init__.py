"""Compares the mapping with the live organisation."""
