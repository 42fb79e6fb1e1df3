"""Sets up the organisation, and writes the commands that set up Azure."""
