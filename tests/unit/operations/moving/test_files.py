"""What the items of a file are, and which of them are the same in another file."""

import json
from typing import Any

import pytest

from leadpipe.model.errors import LeadpipeError
from leadpipe.operations.moving.files import items_in
from tests.factories import payload

LEADS = [json.loads(payload(OfferTitle=title)) for title in ("Widget", "Gadget", "Gizmo")]
LINES = "\n".join(map(json.dumps, LEADS))


def keys(data: str | bytes) -> list[str]:
    return [item.key for item in items_in(data.encode() if isinstance(data, str) else data)]


@pytest.mark.parametrize(
    "data",
    [
        LINES,
        f"\ufeff{LINES}\r\n\r\n".replace("\n", "\r\n"),
        LINES.encode("utf-16"),
        json.dumps(LEADS),
        json.dumps(LEADS, indent=2, sort_keys=True),
        "\n".join(json.dumps(lead, indent=2) for lead in LEADS),
        json.dumps({"value": LEADS, "nextLink": None}),
        json.dumps({"value": json.dumps(LEADS)}),
    ],
    ids=range(8),
)
def test_the_same_leads_are_the_same_items_in_each_form(data: str | bytes) -> None:
    assert keys(data) == keys(LINES)
    assert len({*keys(data)}) == len(LEADS)


def test_a_longer_file_brings_the_same_items_back_wherever_they_lie() -> None:
    new = payload(OfferTitle="New")
    assert keys(f"{new}\n{LINES}")[1:] == keys(LINES)


def test_equal_items_of_one_file_are_items_of_their_own() -> None:
    first, second = keys(f"{payload()}\n{payload()}")
    assert first != second
    assert keys(payload()) == [first]


def test_a_line_that_is_not_json_is_an_item_as_it_is() -> None:
    data = f"{payload()}\nno JSON\n".encode() + b"M\xfcller\n\n" + payload(OfferTitle="x").encode()
    items = list(items_in(data))
    assert [item.where for item in items] == ["line 1", "line 2", "line 3", "line 5"]
    assert [items[1].text, items[2].text] == ["no JSON", b"M\xfcller"]


@pytest.mark.parametrize("value", [LEADS[0], {"trigger": LEADS[0], "actions": [{"a": 1}, {"b": 2}]}, {"a": [], "b": 1}])
def test_an_object_with_a_lead_beside_its_lists_is_one_item(value: dict[str, Any]) -> None:
    (item,) = items_in(json.dumps(value).encode())
    assert json.loads(str(item.text)) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"),
        ("\ufeff \r\n", "the file is empty"),
        (json.dumps(LEADS)[:-1], "breaks off at line 1, column "),
        (json.dumps(LEADS, indent=2)[:60], "breaks off at line 4, column "),
        (json.dumps(LEADS[0])[:-5], "breaks off at line 1, column "),
        ('{"Offer Title" = "Widget"}', "has a fault at line 1, column 16: Expecting ':'"),
        (f"[1{'0' * 5000}]", "a number in the file has thousands of digits"),
        ("[" * 100_000, "nested deeper than the parser goes"),
        ("[1, 2]", "neither lines of JSON"),
    ],
    ids=range(9),
)
def test_a_refused_file_is_refused_with_what_is_wrong_in_it(text: str, why: str) -> None:
    with pytest.raises(LeadpipeError, match=why):
        list(items_in(text.encode()))


@pytest.mark.parametrize("data", [b"", b"  \n", b"no JSON\nat all", b"5", b'"text"', b"\xff\xff", b"[1, 2]", b"[]"])
def test_a_file_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(LeadpipeError) as refused:
        list(items_in(data))
    assert refused.value.slug == "no_items"
