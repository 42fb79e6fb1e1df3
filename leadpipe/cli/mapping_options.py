"""Shares between the mapping commands which file they read, and how its faults are printed."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from leadpipe.cli.json_output import Fields
from leadpipe.cli.say import say
from leadpipe.cli.terminal_text import one_line
from leadpipe.mapping.fault import Fault, FaultyMapping
from leadpipe.mapping.rules import FileMapping
from leadpipe.mapping.watched import effective
from leadpipe.model.settings import Settings
from leadpipe.operations.mapping.names import looked_up_elsewhere

MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        metavar="FILE",
        help="Use this mapping file instead of the one that LEADPIPE_MAPPING names, to try it before it is deployed.",
    ),
]


def mapping_of(chosen: Path | None, settings: Settings) -> FileMapping:
    """Reads the mapping that counts and names its file; where it is faulty, prints all its faults and exits with 1."""
    named = str(chosen) if chosen else settings.mapping_path
    say(f"mapping file {named}" if named else "no mapping file: the default mapping counts")
    try:
        mapping = effective(named)
    except FaultyMapping as error:
        print_faults(error.faults)
        say("the mapping cannot be used: leads wait until it is fixed")
        raise typer.Exit(1) from error
    for note in looked_up_elsewhere(mapping, named, settings):
        say(f"note: {note}")
    return mapping


def print_faults(faults: tuple[Fault, ...] | list[Fault]) -> None:
    for fault in faults:
        sys.stdout.write(f"{one_line(str(fault))}\n")


def fields_of_fault(fault: Fault) -> Fields:
    return {"file": fault.file, "line": fault.line or None, "reason": fault.reason}
