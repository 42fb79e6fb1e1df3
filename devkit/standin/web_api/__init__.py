"""Answers as the Dataverse Web API."""
