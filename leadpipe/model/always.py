"""Apart from the ports, which a cold start does not need."""


def always() -> bool:
    """The `go_on` of a listing that is read to its end."""
    return True
