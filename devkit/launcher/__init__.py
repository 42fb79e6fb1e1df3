"""What `make run`, `make check` and `make test` are made of: programs on a leash, a lock, a screen, a sample lead."""
