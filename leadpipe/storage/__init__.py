"""The queue and the three tables, on Azure Storage or Azurite."""
