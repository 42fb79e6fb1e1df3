"""The exit codes of all commands."""

FAILED = 1  # or a person is needed
USAGE = 2
INTERRUPTED = 130
# What a shell reports for a program that a closed pipe ended.
READER_GONE = 141
