"""Defines the exit codes, and the error that stops the process before it serves."""

EXIT_OK = 0  # the real host's code for a stop, and for an unhandled error too; the platform starts another after each
EXIT_CANNOT_START = 2


class CannotStart(Exception):
    """The app or its settings ask for something this host does not do; the text is for the developer."""
