"""Starts and ends programs for `make run` and `make test`: leash, lock, screen, sample lead."""
