"""Dynamics 365: which columns a lead becomes, how it is asked for, and what its answers mean."""
