"""The console: pages that show what the commands show and do what they do, over the same operations."""
