"""How a test or a person controls the stand-in: configuration, faults, and a page that shows its leads."""
