from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;b&gt;",
    "</dd></dl>",
    "$leads",
)


class Words(HTMLParser):
    """What a browser would show as text, and which elements it would make."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: Counter[str] = Counter()
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page(standin: Any) -> Any:
    return standin.session.get(standin.url, timeout=20)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_lead_data_stays_text(standin: Any, text: str) -> None:
    columns = ("lastname", "subject", "companyname", "emailaddress1", "description")
    standin.create(**dict.fromkeys(columns, "harmless"))
    harmless = Words(page(standin).text)
    standin.control("DELETE", "leads")

    standin.create(**dict.fromkeys(columns, text))
    hostile = Words(page(standin).text)

    assert hostile.elements == harmless.elements
    assert hostile.texts.count(text) == harmless.texts.count("harmless") == 9


def test_nothing_from_elsewhere_may_load_or_run(standin: Any) -> None:
    answer = page(standin)

    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert "//" not in answer.text.replace(standin.url, "").replace("// The page", "")


def test_the_newest_lead_comes_first(standin: Any) -> None:
    for name in ("Earlier", "Later"):
        standin.create(lastname=name)

    shown = page(standin).text

    assert "Leads: 2" in shown
    assert shown.index("Later") < shown.index("Earlier")


def test_faults_and_requests_are_shown(standin: Any) -> None:
    standin.fault("deadlock", count=3)
    standin.create(lastname="Ito")

    shown = page(standin).text

    assert "<td>deadlock</td><td>2</td><td>1.0</td><td>1</td>" in shown
    assert "<td>POST</td><td>leads</td><td>500</td><td>1</td>" in shown


def test_without_leads_the_page_says_so(standin: Any) -> None:
    assert "No lead yet." in page(standin).text
