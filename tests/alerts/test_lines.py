"""The lines as docs/logs.md has them: each field is documented, and each line about one lead has its `lead_id`."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from leadpipe.model.log_line import log_line
from tests.alerts import test_rules as trouble
from tests.alerts.product import Product
from tests.alerts.test_queries import events_and_fields
from tests.alerts.workspace import ROOT

SOURCES = [ROOT / "function_app.py", *sorted((ROOT / "leadpipe").rglob("*.py"))]
# They are about one lead wherever it has an id; a task's item can be something else.
ABOUT_ONE_LEAD = re.compile(r"(lead|message)_\w+|record_behind|unforeseen|claim_damaged|row_refused|canary")
ID = re.compile(r" lead_id=[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}( |$)")


def calls_of(name: str) -> Iterator[ast.Call]:
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == name:
                yield node


def fields_by_event() -> dict[str, set[str]]:
    """As the code writes them."""
    found: dict[str, set[str]] = {}
    for call in calls_of("log_line"):
        (event,) = (argument.value for argument in call.args if isinstance(argument, ast.Constant))
        found.setdefault(str(event), set()).update(keyword.arg for keyword in call.keywords if keyword.arg)
    # The guard of a loop takes the item's names from whoever works on it.
    for call in calls_of("item"):
        found["sweep_item_failed"].update(keyword.arg for keyword in call.keywords if keyword.arg)
    return found


def test_the_documented_fields_are_those_that_are_written() -> None:
    assert fields_by_event() == events_and_fields()


def test_every_line_about_one_lead_is_written_with_its_id() -> None:
    without = [
        str(call.args[0].value)
        for call in calls_of("log_line")
        if isinstance(call.args[0], ast.Constant)
        and ABOUT_ONE_LEAD.fullmatch(str(call.args[0].value))
        and "lead_id" not in {keyword.arg for keyword in call.keywords}
    ]
    assert without == []


LEADS_WAYS = [
    trouble.no_store_takes_a_lead,
    trouble.one_store_takes_the_lead,
    trouble.what_is_no_lead_is_posted,
    trouble.a_refused_lead_is_replayed,
    trouble.the_sign_in_is_refused_and_then_granted,
    trouble.a_wrong_key_is_corrected,
    trouble.a_canary_comes_back,
]


@pytest.mark.parametrize("happens", LEADS_WAYS, ids=trouble.named)
def test_every_line_about_one_lead_names_it(
    happens: Callable[[Product], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Product(monkeypatch) as product:
        happens(product)
    about = [line.text for line in product.lines if ABOUT_ONE_LEAD.fullmatch(line.event)]
    assert [text for text in about if not ID.search(text)] == []


def test_a_line_without_an_id_is_found() -> None:
    line = log_line("lead_settled", outcome="written")
    assert ABOUT_ONE_LEAD.fullmatch(line.split()[0])
    assert not ID.search(line)
