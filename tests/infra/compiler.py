"""Runs the real Bicep compiler, where there is one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ENTRY_POINTS = ("main.bicep", "leadpipe.bicep")
PARAMETERS = "main.bicepparam"
# What `bicep snapshot` makes of the parameters: the resources that it predicts.
SNAPSHOT = "main.snapshot.json"
NO_COMPILER = "no Bicep compiler: put bicep on the PATH, or its path into BICEP. The other tests of this folder ran."
NO_SNAPSHOT = (
    f"no snapshot is kept yet: `bicep snapshot infra/{PARAMETERS}` makes infra/{SNAPSHOT}, to be read and kept"
)
# Set in somebody's shell they would change what the parameters are.
_AZDS_OWN = ("AZURE_", "DATAVERSE_", "LEADPIPE_")


def compiler() -> str | None:
    return os.environ.get("BICEP") or shutil.which("bicep")


def compiler_faults(bicep: str, folder: Path) -> Iterator[str]:
    """What the compiler, its linter and its formatter say. A warning is a fault too."""
    for name in ENTRY_POINTS:
        yield from _complaints([bicep, "build", str(folder / name), "--stdout"])
        yield from _complaints([bicep, "lint", str(folder / name)])
    yield from _complaints([bicep, "build-params", str(folder / PARAMETERS), "--stdout"])
    for path in sorted([*folder.glob("*.bicep"), folder / PARAMETERS]):
        formatted = subprocess.run(
            [bicep, "format", str(path), "--stdout"], capture_output=True, text=True, encoding="utf-8", check=False
        )
        if formatted.returncode or formatted.stdout.strip() != path.read_text(encoding="utf-8").strip():
            yield f"{path.name}: bicep format changes it"


def snapshot_faults(bicep: str, folder: Path) -> Iterator[str]:
    """Where the resources that the compiler predicts differ from the kept ones."""
    yield from _complaints([bicep, "snapshot", str(folder / PARAMETERS), "--mode", "validate"])


def _complaints(command: list[str]) -> Iterator[str]:
    rest = {name: text for name, text in os.environ.items() if not name.startswith(_AZDS_OWN)}
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=rest, check=False)
    said = [line for line in done.stderr.splitlines() if "warning" in line.lower() or "error" in line.lower()]
    if done.returncode or said:
        yield f"{' '.join(command[1:])}: {'; '.join(said) or f'ended with {done.returncode}'}"
