"""Keeps leads in the queues and three tables of Azure Storage or Azurite."""
