"""Why this process ends: its exit codes, and the one error that stops it before it serves."""

EXIT_OK = 0
EXIT_CANNOT_START = 2
# The real host shuts down on these; the platform then starts another. So may a launcher.
EXIT_HOST_ERROR = 70
EXIT_FUNCTION_TIMEOUT = 71


class CannotStart(Exception):
    """The app or its settings ask for something this host does not do; the text is for the developer."""
