"""The table in docs/mapping.md of what each sample becomes: `python -m tests.mapping_table` writes it anew."""

import json
import sys
from pathlib import Path

from leadpipe.mapping.default import columns_of
from leadpipe.model.errors import InvalidLead
from leadpipe.model.lead import Lead
from leadpipe.storage.fallback import arrival_of
from tests.factories import LEAD_ID, RECEIVED_AT, SAMPLES, sample

DOCUMENT = Path(__file__).parents[1] / "docs" / "mapping.md"
BEGIN, END = "<!-- samples -->\n", "<!-- /samples -->"


def table() -> str:
    rows = ["| sample | column | value |", "|---|---|---|"]
    for path in sorted((SAMPLES / "marketplace").iterdir()):
        rows += [f"| {path.name} | {column} | {value} |" for column, value in _cells(path.name)]
    return "\n".join(rows) + "\n"


def _cells(name: str) -> list[tuple[str, str]]:
    try:
        columns = columns_of(Lead.from_payload(_posted(name)), LEAD_ID)
    except InvalidLead as why:
        return [("–", f"no lead: `{why.slug}`")]
    return [(f"`{column}`", _shown(value)) for column, value in columns.items()]


def _posted(name: str) -> str:
    """The marketplace's own table row comes in as the sweep takes it in."""
    text = sample(name)
    return arrival_of(json.loads(text), RECEIVED_AT, "key").payload if name == "azure-table-row.json" else text


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace("|", "\\|").replace("\n", "<br>")


def with_table(document: str) -> str:
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT} is as the samples are\n")
