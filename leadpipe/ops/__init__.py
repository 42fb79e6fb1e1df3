"""The operators' command line: one module for each group of commands, over the same stores as the function app."""
