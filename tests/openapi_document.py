"""docs/openapi.json: `python -m tests.openapi_document` writes it anew."""

import json
import sys
from pathlib import Path

from leadpipe.model.openapi import document

FILE = Path(__file__).parents[1] / "docs" / "openapi.json"


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE} is as the code has it\n")
