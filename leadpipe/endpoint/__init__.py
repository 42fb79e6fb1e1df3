"""Posts to leadpipe's own endpoint, from outside as the marketplace does."""
