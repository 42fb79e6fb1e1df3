"""Makes HTTP requests safe for every client: limits what an answer may take, and says why there was none."""
