"""`leadpipe setup`: makes in Dynamics what a lead needs there, says the rest, and takes it away again."""
