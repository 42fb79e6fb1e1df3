"""The command line: one file a command, over the operations. Only this package knows Typer and Rich."""
