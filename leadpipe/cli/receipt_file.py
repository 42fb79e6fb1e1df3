"""Writes the receipt of an erasure: the file is made before anything is erased, so that it cannot fail afterwards."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from leadpipe.cli.say import say
from leadpipe.model.errors import LeadpipeError
from leadpipe.operations.erasure_receipt import Receipt
from leadpipe.wiring import now


def require_new(file: Path | None, *, dry_run: bool) -> None:
    """Raises a usage error where the file exists, or nothing will be done that it could prove."""
    if file is not None and dry_run:
        raise typer.BadParameter("a dry run does nothing that a receipt could prove", param_hint="--receipt")
    if file is not None and file.exists():
        raise typer.BadParameter(f"{file} exists, and is not overwritten", param_hint="--receipt")


class ReceiptOnDisk:
    """`file` None: no receipt is wanted."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._stopped = True

    @contextmanager
    def of(self, receipt: Receipt) -> Iterator[None]:
        """Makes the file, and in the end, however that came, writes what was done.

        Raises LeadpipeError where the file cannot be made.
        """
        try:
            self._write(receipt, ended=False)
        except OSError as error:
            raise LeadpipeError("receipt", f"{self._file} cannot be written: {error.strerror}") from error
        try:
            yield
        finally:
            self._write(receipt, ended=True)
            if self._file is not None:
                say(f"receipt: {self._file}")

    def ended(self, *, stopped: bool) -> None:
        """`stopped`: before all was done."""
        self._stopped = stopped

    def _write(self, receipt: Receipt, *, ended: bool) -> None:
        if self._file is not None:
            fields = receipt.fields(ended_at=now() if ended else None, stopped=self._stopped)
            self._file.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
