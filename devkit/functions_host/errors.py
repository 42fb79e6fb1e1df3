"""Defines the exit codes, and the error that stops the process before it serves."""

EXIT_OK = 0
EXIT_CANNOT_START = 2
# The real host shuts down on these and the platform starts another, as a launcher may.
EXIT_HOST_ERROR = 70


class CannotStart(Exception):
    """The app or its settings ask for something this host does not do; the text is for the developer."""
