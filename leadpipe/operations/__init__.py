"""What a person or a schedule does with leads. Plain functions that return values; they print nothing."""
