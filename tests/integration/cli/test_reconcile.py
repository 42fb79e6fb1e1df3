"""`leadpipe reconcile` on a real account: an export with leads that never came, compared and taken in."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadpipe.model.errors import SettingsError, StorageFailed
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.marks import AzureMarks
from tests.factories import payload
from tests.integration.cli.conftest import Runner
from tests.partner_center_export import csv_of, customer, misspelt
from tests.standin_process import Standin

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# Half a day, so that a run at midnight sees the same days in both.
LAST = datetime.now(UTC).replace(microsecond=0) - HOUR * 12


def time_of(number: int) -> datetime:
    """The customers' leads of the last ten days, the oldest first."""
    return LAST - (19 - number) * HOUR * 12


def row(number: int) -> dict[str, str]:
    return customer(number, time_of(number))


def came(ledger: AzureLedger, number: int, **fields: Any) -> None:
    given = row(number)
    posted = payload(
        FirstName=given["first_name"],
        LastName=given["last_name"],
        Email=given["email"],
        Company=given["customer"],
        OfferTitle=given["offer"],
    )
    lead_id = new_lead_id(time_of(number) + timedelta(seconds=2), number.to_bytes(10, "big"))
    assert ledger.insert(replace(Record.accepted(lead_id, posted), **{"state": State.WRITTEN, **fields}))


@pytest.fixture
def export(ledger: AzureLedger, tmp_path: Path) -> str:
    """20 rows: two from before leadpipe, two that never arrived, one that was rejected, three spelt in another way."""
    for number in (*range(2, 8), *range(9, 14), *range(15, 20)):
        rejected = {"state": State.REJECTED, "reason": "wrong_key"} if number == 17 else {}
        came(ledger, number, **rejected)
    rows = [misspelt(row(n), n) if n in {4, 5, 6} else row(n) for n in range(20)]
    file = tmp_path / "leads.csv"
    file.write_bytes(b"\xef\xbb\xbf" + csv_of([*rows, rows[3]], separator=";").encode())
    return str(file)


def test_what_never_arrived_is_found_taken_in_once_and_noted(
    run: Runner, ledger: AzureLedger, storage: Storage, export: str
) -> None:
    dry = run("reconcile", export, "--import", "--dry-run")
    assert (dry.code, "4 leads to take in" in dry.err) == (1, True)
    assert AzureMarks(storage).read().reconciled_at is None

    found = run("reconcile", export, "--json")
    assert (found.code, Counter(each["kind"] for each in found.records)) == (
        1,
        {"both": 15, "missing": 4, "rejected_here": 1},
    )
    missing = {each["email"]: each["cause"] for each in found.records if each["kind"] == "missing"}
    assert missing == {
        **{f"rene.{number}@firm{number}.example": "before_leadpipe" for number in (0, 1)},
        **{f"rene.{number}@firm{number}.example": "unknown" for number in (8, 14)},
    }
    assert "rows that are there twice, and count once: 1" in found.err
    assert "email from 'Customer Contact Email Address'" in found.err
    assert "left: 'Status'" in found.err

    taken = run("reconcile", export, "--import", "--yes", "--json")
    assert taken.code == 1  # the rejected one still waits for a person
    ids = [each["lead_id"] for each in taken.records if each["outcome"] == "taken in"]
    assert len({*ids}) == 4
    records = [record for lead_id in ids if (record := ledger.read(lead_id))]
    assert {record.state for record in records} == {State.ACCEPTED}
    assert {record.received_at for record in records} == {time_of(number) for number in (0, 1, 8, 14)}

    place = next(each["place"] for each in found.records if each["kind"] == "rejected_here")
    again = run("reconcile", export, "--import", "--yes", "--anyway", place)
    assert f"{place} is not taken in: it is here, as" in again.err
    assert "nothing that Partner Center has is missing" in again.err
    assert "rejected_here" in again.out
    assert len([*ledger.between(time_of(0).date(), datetime.now(UTC).date(), damage=[])]) == 20
    assert (AzureMarks(storage).read().reconciled_at or LAST) > LAST


def test_a_row_that_is_not_sure_needs_a_person_and_is_taken_in_anyway_once(
    run: Runner, ledger: AzureLedger, tmp_path: Path
) -> None:
    came(ledger, 3)
    file = tmp_path / "x.csv"
    bare = {"offer": "Contoso Widget", "created": row(9)["created"]}
    file.write_text(csv_of([{**row(3), "created": row(5)["created"], "offer": "Gadget"}, bare]), encoding="utf-8")
    found = run("reconcile", str(file))
    assert found.code == 1
    assert "nothing that Partner Center has is missing" not in found.err
    assert "a lead may still be missing: 1 weak, 1 cannot be told, 0 unreadable" in found.err
    assert run("reconcile", str(file), "--anyway", "x.csv:2").code == 2
    for place in ("x.csv:3", "x.csv:9"):
        assert run("reconcile", str(file), "--import", "--anyway", place).code == 2
    assert "0 taken in" not in run("reconcile", str(file), "--import", "--yes").err
    taken = run("reconcile", str(file), "--import", "--yes", "--anyway", "x.csv:2", "--json")
    (lead_id,) = (each["lead_id"] for each in taken.records if each["outcome"] == "taken in")
    assert taken.code == 1  # the row that names nobody
    again = run("reconcile", str(file), "--import", "--yes", "--anyway", "x.csv:2")
    assert f"x.csv:2 is not taken in: it is here, as {lead_id}" in again.err
    assert len([*ledger.between(time_of(0).date(), datetime.now(UTC).date(), damage=[])]) == 2


def test_it_asks_first_and_an_interrupted_run_is_finished_by_the_next(
    run: Runner, ledger: AzureLedger, export: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("reconcile", export, "--import", answer="n\n").code == 1
    take, taken = AzureClaims.take, []

    def fails_after_two(self: AzureClaims, mine: Any) -> Any:
        taken.append(mine)
        if len(taken) > 2:
            raise StorageFailed("storage_unreachable")
        return take(self, mine)

    monkeypatch.setattr(AzureClaims, "take", fails_after_two)
    broken = run("reconcile", export, "--import", "--yes")
    assert (broken.code, "2 taken in" in broken.err) == (1, True)
    assert "leads.csv:10 was not taken in: storage_unreachable" in broken.err
    monkeypatch.setattr(AzureClaims, "take", take)
    assert "2 taken in" in run("reconcile", export, "--import", "--yes").err
    assert len([*ledger.between(time_of(0).date(), datetime.now(UTC).date(), damage=[])]) == 20


def test_the_table_shows_what_a_person_has_to_look_at_and_all_shows_the_rest(run: Runner, export: str) -> None:
    ran = run("reconcile", export)
    assert len(ran.lines) == 1 + 5
    assert "rene.8@firm8.example" in ran.out
    assert "2 from before leadpipe received its first lead" in ran.err
    assert "15 in both (15 exact)" in ran.err
    assert len(run("reconcile", export, "--all").lines) == 1 + 20


def test_since_leaves_older_rows_out_and_then_nothing_is_missing(run: Runner, export: str) -> None:
    ran = run("reconcile", export, "--since", f"{time_of(18):%Y-%m-%dT%H:%M}")
    assert (ran.code, ran.out) == (0, "")


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("", [], "the file is empty"),
        ("Datum,Angebot\r\n1,2\r\n", [], "Name the columns in a file for --columns"),
        ("Email,Created\r\na@x.example,03/04/2026\r\n", ["--import"], "month-first or day-first"),
    ],
)
def test_an_export_that_cannot_be_used_is_a_usage_error_with_the_fix(
    run: Runner, tmp_path: Path, content: str, options: list[str], says: str
) -> None:
    file = tmp_path / "x.csv"
    file.write_text(content, encoding="utf-8")
    ran = run("reconcile", str(file), *options)
    assert ran.code == 2
    assert says.replace(" ", "") in "".join(ran.err.split()).replace("│", "")


def test_columns_of_another_language_are_named_in_a_file(run: Runner, tmp_path: Path, ledger: AzureLedger) -> None:
    came(ledger, 3)
    given = row(3)
    file, names = tmp_path / "x.csv", tmp_path / "names.toml"
    file.write_text(f"E-Mail-Adresse\tErstellt am\n{given['email'].upper()}\t{given['created']}\n", encoding="utf-16")
    names.write_text('email = "E-Mail-Adresse"\ncreated = "Erstellt am"\n', encoding="utf-8")
    ran = run("reconcile", str(file), "--columns", str(names), "--json")
    assert (ran.code, [(each["kind"], each["certainty"]) for each in ran.records]) == (0, [("both", "likely")])
    names.write_text("email = 7", encoding="utf-8")
    assert run("reconcile", str(file), "--columns", str(names)).code == 2


def test_damaged_rows_are_named_by_line_and_need_a_person(run: Runner, tmp_path: Path, ledger: AzureLedger) -> None:
    came(ledger, 3)
    file = tmp_path / "x.csv"
    file.write_text(csv_of([row(3)]) + "alone\r\n" + csv_of([row(3)]).partition("\r\n")[2], encoding="utf-8")
    ran = run("reconcile", str(file))
    assert ran.code == 1
    assert "x.csv:3" in ran.out
    assert "1 damaged: look at these lines of the file" in ran.err


def test_a_file_that_is_not_there_is_a_usage_error(run: Runner, tmp_path: Path) -> None:
    assert run("reconcile", str(tmp_path / "none.csv")).code == 2
    assert run("reconcile", str(tmp_path)).code == 2


MAPPING = """
[rating]
quality = { column = "leadqualitycode", values = { High = "Hot", Low = "Cold" } }
email_validity = "jobtitle"
"""


@pytest.fixture
def rated_export(ledger: AzureLedger, standin: Standin, tmp_path: Path) -> str:
    """Four leads that came: two are in Dynamics, one was deleted there, one is not written yet."""
    standin.control("DELETE", "leads")
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    for number in range(4):
        came(ledger, number, **({"state": State.DEFERRED} if number == 3 else {}))
        if number < 2:
            lead_id = new_lead_id(time_of(number) + timedelta(seconds=2), number.to_bytes(10, "big"))
            standin.api("POST", "leads", {"leadid": lead_id, "subject": "s", "lastname": "l"})
    file = tmp_path / "leads.csv"
    file.write_text(csv_of([*(row(number) for number in range(3)), {**row(3), "quality": "Low"}]), encoding="utf-8")
    return str(file)


def rated_in(standin: Standin) -> list[tuple[int, str]]:
    return [(lead.get("leadqualitycode"), lead.get("jobtitle")) for lead in standin.leads()]


def test_the_rating_goes_into_leads_that_dynamics_has_and_creates_none(
    run_with_dynamics: Runner, rated_export: str, standin: Standin, tmp_path: Path
) -> None:
    mapping = {"LEADPIPE_MAPPING": str(tmp_path / "mapping.toml")}
    command = ("reconcile", rated_export, "--write-rating")
    dry = run_with_dynamics(*command, "--dry-run", **mapping)
    assert "2 would be rated, 1 would be refused" in dry.err
    assert rated_in(standin) == [(None, None)] * 2
    assert run_with_dynamics(*command, answer="n\n", **mapping).code == 1
    assert rated_in(standin) == [(None, None)] * 2
    ran = run_with_dynamics(*command, "--yes", "--json", **mapping)
    outcomes = Counter(each["outcome"] for each in ran.records)
    assert (ran.code, outcomes) == (1, {"rated": 2, "refused": 1, "": 1})
    assert "was not rated: the lead was deleted in Dynamics" in ran.err
    assert rated_in(standin) == [(1, "Valid")] * 2
    again = run_with_dynamics(*command, "--yes", **mapping)
    assert "2 already written, 1 refused" in again.err
    assert len(standin.leads()) == 2


def test_a_rating_without_the_right_to_write_leads_stops_and_says_which(
    run_with_dynamics: Runner, rated_export: str, standin: Standin, tmp_path: Path
) -> None:
    privileges = standin.control("GET", "config")["privileges"]
    standin.configure(privileges={name: depth for name, depth in privileges.items() if name != "prvWriteLead"})
    try:
        ran = run_with_dynamics(
            "reconcile", rated_export, "--write-rating", "--yes", LEADPIPE_MAPPING=str(tmp_path / "mapping.toml")
        )
    finally:
        standin.control("DELETE", "config")
    assert ran.code == 1
    assert "prvWriteLead" in ran.err
    assert rated_in(standin) == [(None, None)] * 2


def test_a_rating_needs_columns_and_an_organisation(
    run: Runner, run_with_dynamics: Runner, export: str, tmp_path: Path
) -> None:
    assert run_with_dynamics("reconcile", export, "--write-rating").code == 2
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    with pytest.raises(SettingsError, match="settings"):
        run("reconcile", export, "--write-rating", LEADPIPE_MAPPING=str(tmp_path / "mapping.toml"))
