"""The mapping against the organisation as it is."""
