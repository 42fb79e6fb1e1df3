"""The worker: a process of its own, which the host starts, that loads the app and runs its functions."""
