"""The organisation behind the Web API: its rows, users, limits and faults."""
