"""What `make run` and `make test` are made of: programs on a leash, a lock, a screen, a sample lead."""
