"""Moving in: takes over the leads that lie in an earlier app's tables, queues and files."""
