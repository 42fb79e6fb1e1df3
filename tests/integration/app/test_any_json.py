"""Any JSON object whatever, many at once through the real stack: each 202 comes to an end that a person can see."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from leadpipe.model.record import Record, State
from tests.factories import payload
from tests.host_process import ROOT, clean_environment, until
from tests.integration.conftest import App
from tests.standin_process import Standin

LARGEST = 32 * 1024
AT_ONCE = 8
IN_THE_END = frozenset({State.WRITTEN, State.DUPLICATE, State.KEPT, State.POISONED})

PERSON = ["FirstName", "LastName", "Email", "Phone", "Country", "Company", "Title"]
REST = ["LeadSource", "ActionCode", "OfferTitle", "Description"]
ODD = ["TableRow", "CustomerInfo", "ProductId", "id", "dequeueCount", "first_name", "email", "LeadId", "PartitionKey"]

texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", " ", "\x00", "\ud800", "a\udfffb", "\ufeff", "'" * 300, '"' * 300, "\\" * 300, "<![CDATA[", "\r\n"]
    ),
    st.emails(),
    st.integers(1, 9000).map(lambda length: "\U0001f600" * (length // 3)),
)
numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.just(2**63), st.just(-(2**31)))


def grown(piece: Any) -> Callable[[int], list[Any]]:
    """A list that is longer as a text in a table's cell than it was when it was posted."""
    return lambda length: [piece] * length


values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
) | st.one_of(
    st.integers(0, 14_000).map(grown(0)),
    st.integers(0, 9_000).map(grown("")),
    st.integers(0, 400).map(lambda depth: json.loads("[" * depth + "1" + "]" * depth)),
)
people = st.dictionaries(st.sampled_from(PERSON), values, max_size=7)
encoded_people = st.one_of(
    people,
    people.map(json.dumps),
    people.map(json.dumps).map(json.dumps),
    people.map(json.dumps).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end])),
    st.lists(people, max_size=2),
    values,
)
bodies = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"UserDetails": encoded_people, "userDetails": encoded_people, "CustomerInfo": encoded_people}
    ).flatmap(
        lambda person: st.dictionaries(st.sampled_from(REST), values, max_size=4).map(lambda rest: person | rest)
    ),
    st.dictionaries(st.sampled_from([*PERSON, *REST, *ODD]) | st.text(max_size=10), values, max_size=8),
    st.just(json.loads(payload(Company="Any JSON"))),
)


def posted(body: dict[str, Any]) -> bytes:
    """As JSON with escapes, which is the longer form; what is larger than a lead may be is cut down to one field."""
    text = json.dumps(body).encode()
    return text if len(text) <= LARGEST else json.dumps({"OfferTitle": "cut down"}).encode()


def balance(account: str, standin: Standin, python: str) -> subprocess.CompletedProcess[str]:
    environment = {**clean_environment(), **standin.settings, "AzureWebJobsStorage": account}
    command = [python, "-m", "leadpipe", "balance", "--dynamics", "--json"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[*HealthCheck],
)
@given(batch=st.lists(bodies, min_size=40, max_size=60))
def test_each_202_is_written_or_a_visible_duplicate_or_kept_or_poisoned(
    module_app: App, module_standin: Standin, batch: list[dict[str, Any]]
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [*pool.map(module_app.post, map(posted, batch))]
    assert {answer.status_code for answer in answers} <= {202, 400}, [
        (answer.status_code, answer.text) for answer in answers if answer.status_code not in {202, 400}
    ]
    lead_ids = [answer.json()["lead_id"] for answer in answers if answer.status_code == 202]
    records = {lead_id: settled(module_app, lead_id) for lead_id in lead_ids}
    in_dynamics = Counter(lead["leadid"] for lead in module_standin.leads())
    for lead_id, record in records.items():
        assert in_dynamics[lead_id] == (record.state is State.WRITTEN), (record.state, record.reason, record.payload)
        if record.state is State.DUPLICATE:
            assert in_dynamics[record.duplicate_of] == 1
        if record.state is State.POISONED:
            assert record.reason, "a person is told why"
            assert record.payload, "and can look at what was posted"


def settled(app: App, lead_id: str) -> Record:
    def found() -> Record | None:
        record = app.ledger.read(lead_id)
        return record if record is not None and record.state in IN_THE_END else None

    record: Record = until(found, f"an end of {lead_id}")
    return record


def test_the_books_agree_with_dynamics_lead_by_lead(
    module_app: App, module_standin: Standin, module_storage_account: str, python: str
) -> None:
    for number in range(10):
        settled(module_app, module_app.accepted({"UserDetails": {"Email": f"{number}@contoso.com"}}))
    found = balance(module_storage_account, module_standin, python)
    assert found.returncode == 0, found.stdout + found.stderr
    (books,) = json.loads(found.stdout)
    assert (books["offenders"], books["notes"]) == ([], [])
    assert books["states"]["written"] == len(module_standin.leads())
