"""Compares the ledger with an export of Partner Center's Leads page: which leads exist there and never came here."""
