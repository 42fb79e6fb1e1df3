"""Starts and ends programs for `make run`, `make check` and `make test`: leash, lock, screen, sample lead."""
