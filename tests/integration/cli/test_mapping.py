"""`leadpipe mapping show`, `try` and `check`, alone and against the stand-in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leadpipe.model.errors import LeadpipeError
from leadpipe.storage.ledger import AzureLedger
from tests.factories import SAMPLES, lead_id, payload, record
from tests.integration.cli.conftest import Ran
from tests.standin_process import Standin

Run = Callable[..., Ran]
JANE = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
NOBODY = "99999999-0000-cccc-1111-dddd2222eeee"
REGION = "11111111-0000-cccc-1111-dddd2222eeee"
SAMPLE = str(SAMPLES / "marketplace" / "https-documented.json")


@pytest.fixture
def mapping(tmp_path: Path) -> Callable[[str], str]:
    def written(text: str) -> str:
        file = tmp_path / "mapping.toml"
        file.write_text(text)
        return str(file)

    return written


@pytest.fixture
def alone(run: Run, tmp_path: Path) -> Run:
    """Commands for which neither storage nor an organisation is set, whatever a developer's folder holds."""
    nothing = tmp_path / "nothing.settings.json"
    nothing.write_text('{"Values": {}}')
    return lambda *arguments, **more: run("--settings", str(nothing), *arguments, **more)


# Show


def test_without_a_file_the_default_mapping_is_shown(alone: Run) -> None:
    ran = alone("mapping", "show", "--json")
    assert {row["from"] for row in ran.records} == {"default"}
    assert {"leadid", "subject", "leadsourcecode", "donotfax"} <= {row["column"] for row in ran.records}
    assert (ran.code, "no mapping file" in ran.err) == (0, True)


def test_each_column_is_shown_with_the_place_that_sets_it(alone: Run, mapping: Callable[[str], str]) -> None:
    file = mapping(
        f'[columns]\njobtitle = "x"\n[[rules]]\nname = "France"\nwhen = {{ country = "FR" }}\nteam = "{JANE}"\n'
    )
    rows = alone("mapping", "show", "--json", LEADPIPE_MAPPING=file).records
    by_column = {row["column"]: row for row in rows}
    assert (by_column["jobtitle"]["value"], by_column["jobtitle"]["from"]) == ("x", "mapping.toml:2")
    assert by_column["ownerid"] == {
        "column": "ownerid",
        "type": "lookup",
        "value": f"teams({JANE})",
        "for": "country fr",
        "from": "mapping.toml:6 France",
    }
    assert [row["column"] for row in rows].count("jobtitle") == 1


@pytest.mark.parametrize("command", [("show",), ("try", SAMPLE), ("check",)])
def test_a_faulty_file_is_told_line_by_line(
    alone: Run, mapping: Callable[[str], str], command: tuple[str, ...]
) -> None:
    ran = alone("mapping", *command, "--mapping", mapping("[columns]\nx = 1\njobtitle = 5\n"))
    assert ran.code == 1
    assert ran.lines[0].startswith("mapping.toml:2: x: leadpipe does not know this column")
    assert ran.lines[1] == "mapping.toml:3: jobtitle: takes a text, not 5"


# Try


def test_a_posted_text_is_tried_column_by_column_with_the_rule(alone: Run, mapping: Callable[[str], str]) -> None:
    file = mapping(
        '[columns]\njobtitle = ""\n[[rules]]\nname = "US"\nwhen = { country = "US*" }\n[rules.columns]\nfax = "1"\n'
    )
    ran = alone("mapping", "try", SAMPLE, "--json", LEADPIPE_MAPPING=file)
    rows = {row["column"]: row for row in ran.records}
    assert rows["fax"] == {"column": "fax", "value": "1", "from": "mapping.toml:7 US", "line": 7, "rule": "US"}
    assert (rows["jobtitle"]["value"], rows["jobtitle"]["from"]) == (None, "mapping.toml:2")
    assert (rows["firstname"]["value"], rows["firstname"]["from"]) == ("Some", "default")
    assert "rules that match: US" in ran.err


def test_a_posted_text_may_come_on_stdin(alone: Run) -> None:
    ran = alone("mapping", "try", "-", answer=payload())
    assert (ran.code, "Jane" in ran.out) == (0, True)


def test_a_lead_of_the_ledger_is_tried_by_its_id(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(record())
    ran = run("mapping", "try", record().lead_id, "--json")
    rows = {row["column"]: row["value"] for row in ran.records}
    assert (rows["leadid"], rows["firstname"]) == (record().lead_id, "Jane")


def test_a_text_that_is_no_lead_is_said(alone: Run, tmp_path: Path) -> None:
    file = tmp_path / "posted.json"
    file.write_text("{")
    with pytest.raises(LeadpipeError, match="is not a lead: line 1"):
        alone("mapping", "try", str(file))


def test_a_lead_that_the_ledger_does_not_know_is_said(run: Run) -> None:
    with pytest.raises(LeadpipeError, match="the ledger has no lead"):
        run("mapping", "try", lead_id(number=9))


def test_what_is_neither_file_nor_lead_id_is_a_usage_error(alone: Run) -> None:
    assert alone("mapping", "try", "nowhere.json").code == 2


# Check


@pytest.fixture
def check(alone: Run, standin: Standin, mapping: Callable[[str], str]) -> Callable[[str], Ran]:
    """Checks a file with that text against the stand-in."""
    standin.configure(
        columns={
            "contoso_note": {"kind": "String", "longest": 50},
            "contoso_tier": {"kind": "Picklist", "options": {"100000001": "Gold", "100000002": "Silver"}},
            "contoso_count": {"kind": "Integer"},
            "contoso_flag": {"kind": "Boolean"},
            "jobtitle": {"longest": 40},
        },
        lookups={"contoso_Region": ["contoso_regions"]},
        rows={"systemusers": [JANE], "teams": [JANE], "campaigns": [JANE], "contoso_regions": [REGION]},
    )

    def checked(text: str) -> Ran:
        return alone("mapping", "check", "--mapping", mapping(text), **standin.settings)

    return checked


# The default mapping would overrun a column that somebody shortened.
SHORT = '[columns]\njobtitle = { text = "$title", length = 40 }\n'


def test_a_mapping_that_the_organisation_takes_has_no_fault(check: Callable[[str], Ran]) -> None:
    ran = check(
        SHORT
        + 'contoso_note = { text = "$company", length = 50 }\n'
        + 'contoso_tier = { option = "Gold", options = { Gold = 100000001 } }\n'
        + "contoso_count = 5\ncontoso_flag = true\n"
        + f'contoso_Region = {{ lookup = "contoso_regions({REGION})" }}\n'
        + f'[[rules]]\nowner = "{JANE}"\ncampaign = "{JANE}"\n'
    )
    assert (ran.code, ran.out) == (0, "")
    assert "the mapping has no fault\n" in ran.err
    assert "not checked" not in ran.err
    assert f"systemusers({JANE})" in ran.err


def test_the_default_mappings_texts_are_held_to_the_live_lengths(check: Callable[[str], Ran]) -> None:
    ran = check("")
    (line,) = ran.lines
    assert line.startswith("the default mapping: jobtitle: takes 40 characters in Dynamics, not 100: ")
    assert line.endswith('jobtitle = { text = "…", length = 40 }')
    assert ran.code == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("contoso_gone = 1", "contoso_gone: Dynamics has no such column"),
        ('contoso_note = "$company"', "takes 50 characters in Dynamics, not 100"),
        ("contoso_note = 5", "is text in Dynamics, not number"),
        ('contoso_count = "x"', "is Integer in Dynamics, not text"),
        ("contoso_count = 1.5", "takes a whole number in Dynamics"),
        ("contoso_tier = 3", "has no option 3 in Dynamics"),
        ('contoso_tier = { option = "$country", options = { FR = 3 } }', "has no option 3 in Dynamics"),
        (
            'contoso_tier = { option = "Gold", options = { Gold = 100000002 } }',
            "calls option 100000002 Silver in Dynamics, not Gold",
        ),
        ("leadsourcecode = 100000009", "has no option 100000009 in Dynamics"),
        (f'contoso_region = {{ lookup = "contoso_regions({REGION})" }}', "is bound as contoso_Region in Dynamics"),
        (f'contoso_Region = {{ lookup = "accounts({REGION})" }}', "points into contoso_regions in Dynamics"),
        (f'contoso_Gone = {{ lookup = "contoso_regions({REGION})" }}', "Dynamics has no such lookup"),
        (f'contoso_Region = {{ lookup = "contoso_regions({NOBODY})" }}', "does not exist"),
        (f'campaignid = "{NOBODY}"', f"campaigns({NOBODY}) does not exist"),
    ],
)
def test_what_the_organisation_would_refuse_is_told_with_its_line(
    check: Callable[[str], Ran], line: str, reason: str
) -> None:
    ran = check(f"{SHORT}\n{line}\n")
    assert ran.code == 1
    assert ran.lines[0].startswith("mapping.toml:4: ")
    assert reason in ran.lines[0]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (f'owner = "{NOBODY}"', f"systemusers({NOBODY}) does not exist"),
        (f'team = "{NOBODY}"', f"teams({NOBODY}) does not exist"),
        (f'campaign = "{NOBODY}"', f"campaigns({NOBODY}) does not exist"),
    ],
)
def test_a_rules_owner_team_and_campaign_have_to_be_there(check: Callable[[str], Ran], rule: str, reason: str) -> None:
    (line,) = check(f"{SHORT}[[rules]]\n{rule}\n").lines
    assert line.startswith("mapping.toml:4: ")
    assert line.endswith(reason)


def test_an_owner_that_is_disabled_is_a_fault(check: Callable[[str], Ran], standin: Standin) -> None:
    standin.configure(unfit_owners={JANE: "disabled"})
    (line,) = check(f'{SHORT}[[rules]]\nowner = "{JANE}"\n').lines
    assert "is disabled, and cannot own leads" in line


def without(standin: Standin, *names: str) -> None:
    held = standin.control("GET", "config")["privileges"]
    standin.configure(privileges={name: depth for name, depth in held.items() if name not in names})


def test_the_right_to_give_leads_away_is_asked_for_where_a_rule_does(
    check: Callable[[str], Ran], standin: Standin
) -> None:
    without(standin, "prvAssignLead")
    (line,) = check(f'{SHORT}[[rules]]\nowner = "{JANE}"\n').lines
    assert "the application user lacks prvAssignLead" in line


def test_what_the_role_may_not_read_is_said_and_is_no_fault(check: Callable[[str], Ran], standin: Standin) -> None:
    without(standin, "prvReadAttribute", "prvReadEntity", "prvReadUser")
    ran = check(
        "[columns]\ncontoso_gone = 1\n"
        f'contoso_x = {{ lookup = "contoso_regions({REGION})" }}\n[[rules]]\nowner = "{JANE}"\n'
    )
    assert (ran.code, ran.out) == (0, "")
    for unseen in ("columns, lengths and options", "the names of lookups", f"systemusers({JANE})"):
        assert f"not checked: {unseen}" in ran.err
    assert "as far as it was checked" in ran.err


def test_an_organisation_that_does_not_answer_leaves_the_file_checked(
    check: Callable[[str], Ran], standin: Standin
) -> None:
    standin.fault("no_role")
    ran = check(SHORT)
    assert ran.code == 0
    assert "not checked: the organisation: the application user has no role" in ran.err


def test_without_an_organisation_the_file_is_checked_alone(alone: Run, mapping: Callable[[str], str]) -> None:
    ran = alone("mapping", "check", "--json", LEADPIPE_MAPPING=mapping(SHORT))
    assert (ran.code, ran.records) == (0, [])
    assert "not checked: the organisation: none is set" in ran.err


def test_without_a_file_it_is_said_that_the_default_mapping_was_checked(alone: Run, standin: Standin) -> None:
    ran = alone("mapping", "check", **standin.settings)
    assert (ran.code, ran.out) == (0, "")
    assert "no mapping file is set; the default mapping has no fault\n" in ran.err


def test_faults_are_also_told_as_json(alone: Run, mapping: Callable[[str], str]) -> None:
    ran = alone("mapping", "check", "--json", "--mapping", mapping("[columns]\nx = 1"))
    (fault,) = json.loads(ran.out)
    assert (fault["file"], fault["line"]) == ("mapping.toml", 2)
    missing: list[dict[str, Any]] = alone("mapping", "check", "--json", "--mapping", "nowhere.toml").records
    assert (missing[0]["line"], "cannot be read" in missing[0]["reason"]) == (None, True)
