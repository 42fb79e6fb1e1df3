"""Does what a person or a schedule asks of leads: plain functions that return values and print nothing."""
