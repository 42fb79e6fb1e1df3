"""Defines the default of `go_on`, apart from the ports, which a cold start does not import."""


def always() -> bool:
    """The `go_on` of a listing that is read to its end."""
    return True
