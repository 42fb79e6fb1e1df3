"""One file for each page, or for each few pages that belong together."""
