"""Setting up the organisation and printing the commands that set up Azure."""
