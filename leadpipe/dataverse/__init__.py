"""Talks to Dynamics 365: signs in, sends requests, reads what the answers mean."""
