"""The description of the endpoint says what README and the code say."""

import re
from pathlib import Path

from leadpipe.model.openapi import Json, document
from leadpipe.operations.causes import CAUSES
from tests.openapi_document import FILE, text

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
RESPONSES: Json = document()["paths"]["/leads"]["post"]["responses"]


def reasons(status: str) -> set[str]:
    schema: Json = RESPONSES[status]["content"]["application/json"]["schema"]
    return {*schema["properties"].get("error", {}).get("enum", ())}


def row(status: str) -> str:
    (found,) = re.findall(rf"^\| `{status}.*$", README, re.MULTILINE)
    return str(found)


def test_the_file_in_docs_is_what_the_endpoint_answers() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run `python -m tests.openapi_document`"


def test_readmes_table_has_the_same_answers() -> None:
    table = README.split("## Answers over HTTP")[1]
    assert {*re.findall(r"^\| `(\d{3})", table, re.MULTILINE)} == {*RESPONSES}
    for status in ("400", "401", "413"):
        assert {*re.findall(r"`(\w+)`", row(status).split("|")[2])} - {"keys"} >= reasons(status)
        assert all(f"`{reason}`" in row(status) for reason in reasons(status))
    named = {*re.findall(r"`(\w+)`", row("503").split("|")[2])}
    assert named <= reasons("503")


def test_every_way_in_which_storage_fails_is_an_answer() -> None:
    assert {reason for reason in CAUSES if reason.startswith("storage_")} <= reasons("503")
