"""What the documents, the settings and the program say has to be the same."""

import ast
import dataclasses
import functools
import json
import logging
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devkit.functions_host.host_json import parse
from devkit.functions_host.logs import CategoryFilter
from leadpipe.dataverse import codes
from leadpipe.dataverse.auth import refusal
from leadpipe.dataverse.client import CONNECT_SECONDS
from leadpipe.mapping.fault import REASON
from leadpipe.model.attention import Attention, Notice, Stage
from leadpipe.model.record import PERSON_UNREAD
from leadpipe.model.settings import Settings
from leadpipe.model.webhook import Shape
from leadpipe.operations.causes import CAUSES
from leadpipe.operations.cost import OF_A_LEAD, POLLS_A_SECOND, PRICES, SWEEP_A_MINUTE, Service, storage_cost
from leadpipe.storage.lead_queue import QUEUE
from leadpipe.sweep.run import LONGEST_SWEEP
from leadpipe.transport.bounded import ANSWER_SECONDS
from leadpipe.webhook.shapes import body_of
from tests.command_line import command_line
from tests.factories import environment
from tests.unit.model.test_attention import all_there_are

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
EXAMPLE = json.loads((ROOT / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
# How long the host keeps a message hidden that it has received (QueueListener.cs).
LEASE_SECONDS = 600
# What the platform itself reads.
PLATFORM = {"FUNCTIONS_WORKER_RUNTIME", "PYTHON_THREADPOOL_THREAD_COUNT"}


def names_read_by_settings() -> set[str]:
    source = (ROOT / "leadpipe" / "model" / "settings.py").read_text(encoding="utf-8")
    texts = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    names = {text for text in texts if isinstance(text, str) and re.fullmatch(r"(DATAVERSE|LEADPIPE)_[A-Z_]+", text)}
    storage = {text for text in texts if isinstance(text, str) and re.fullmatch(r"AzureWebJobsStorage(__\w+)?", text)}
    return names | storage


def test_the_example_lists_every_setting_that_is_read_and_none_that_is_not() -> None:
    by_identity = {name for name in names_read_by_settings() if name.startswith("AzureWebJobsStorage__")}
    assert {*EXAMPLE} == (names_read_by_settings() | PLATFORM) - by_identity


def test_the_example_has_no_empty_storage_setting_which_the_host_would_read() -> None:
    assert {name for name in EXAMPLE if name.startswith("AzureWebJobsStorage")} == {"AzureWebJobsStorage"}
    assert EXAMPLE["AzureWebJobsStorage"]


def test_the_example_says_that_addresses_need_all_three() -> None:
    text = (ROOT / "local.settings.json.example").read_text(encoding="utf-8")
    assert "all three" in text
    assert [each in text for each in ("blobServiceUri", "queueServiceUri", "tableServiceUri")] == [True] * 3


def test_the_readme_explains_every_setting() -> None:
    missing = {name for name in names_read_by_settings() | PLATFORM if f"`{name}`" not in README}
    assert missing == set()


def test_the_example_has_the_defaults_and_no_fault() -> None:
    assert Settings.from_environment(EXAMPLE).faults == ()
    with_example = Settings.from_environment(
        environment(**{k: v for k, v in EXAMPLE.items() if k.startswith("LEADPIPE")})
    )
    assert with_example == Settings.from_environment(environment())


def test_the_host_reads_the_queue_as_the_queue_is_written() -> None:
    options = parse(json.loads((ROOT / "host.json").read_text()), {}).queues
    queues = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    assert queues == {
        "batchSize": 8,
        "newBatchThreshold": 4,
        "maxDequeueCount": 5,
        "visibilityTimeout": "00:00:30",
        "maxPollingInterval": "00:00:00.500",
        "messageEncoding": "base64",
    }
    assert options.batch_size == 8
    assert f'queue_name="{QUEUE}"' in (ROOT / "function_app.py").read_text()


def test_function_timeout_is_longer_than_any_run_and_no_lease_has_to_be_renewed() -> None:
    """On Microsoft's host it alone bounds a run that hangs, and a renewal that storage refuses six times ends it."""
    longest = parse(json.loads((ROOT / "host.json").read_text()), {}).function_timeout
    one_call = CONNECT_SECONDS + ANSWER_SECONDS
    calls_of_a_delivery = 4  # sign in, look for the lead, write a note, create
    assert longest is not None
    assert longest <= LEASE_SECONDS / 2
    assert longest > calls_of_a_delivery * one_call
    assert longest > LONGEST_SWEEP.total_seconds() + calls_of_a_delivery * one_call


def test_the_cost_page_has_the_prices_the_counts_and_the_month_that_they_make() -> None:
    page = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
    for service, price in PRICES.items():
        assert f"| {service} storage, 10,000 requests | ${price:g} |" in page
    month = timedelta(days=30)
    idle = storage_cost(leads=0, further_tries=0, rejected=0, span=month)
    leads = storage_cost(leads=1000, further_tries=0, rejected=0, span=timedelta(0))
    polls, sweeps = (count * PRICES[Service.QUEUE] / 10_000 for count in (idle.of_polls, idle.of_sweeps))
    assert f"| {POLLS_A_SECOND} a second | {idle.of_polls:,} | ${polls:.2f} |" in page
    assert f"| at most {SWEEP_A_MINUTE} a minute | {idle.of_sweeps:,} | ${sweeps:.2f} |" in page
    assert f"| {OF_A_LEAD.total()} a lead | {leads.of_leads:,} | ${leads.total:.3f} |" in page


def test_the_host_leaves_out_its_own_lines_of_the_sweep_and_none_of_leadpipes() -> None:
    levels = CategoryFilter(parse(json.loads((ROOT / "host.json").read_text()), {}).log_levels)
    kept = {"Function.leads", "Function.deliver", "Host.Results"}
    kept |= {f"Function.{name}.User" for name in ("leads", "deliver", "sweep", "health", "openapi")}
    assert {levels.level_of(category) for category in kept} == {logging.INFO}
    assert {levels.level_of(category) for category in ("Function.sweep", "Host.Aggregator")} == {logging.WARNING}


def test_the_host_looks_at_an_idle_queue_as_often_as_the_cost_says() -> None:
    options = parse(json.loads((ROOT / "host.json").read_text()), {}).queues
    assert options.max_polling_interval == 1 / POLLS_A_SECOND


def test_no_retry_policy_multiplies_what_the_queue_already_does() -> None:
    assert "retry" not in json.loads((ROOT / "host.json").read_text())
    assert ".retry(" not in (ROOT / "function_app.py").read_text()


def test_more_threads_are_asked_for_than_deliveries_can_take() -> None:
    queues = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    assert int(EXAMPLE["PYTHON_THREADPOOL_THREAD_COUNT"]) >= 2 * (queues["batchSize"] + queues["newBatchThreshold"])


def test_every_log_event_is_in_the_documents_and_none_that_is_not_written() -> None:
    sources = [*(ROOT / "leadpipe").rglob("*.py"), ROOT / "function_app.py"]
    written = {event for source in sources for event in re.findall(r'log_line\(\s*"(\w+)"', source.read_text())}
    documented = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "logs.md").read_text(), re.MULTILINE))
    assert written == documented


@pytest.mark.parametrize(
    "reasons",
    [
        codes.TRANSIENT,
        codes.BLOCKED,
        codes.BLOCKED_THIS_LEAD,
        codes.REFUSED,
        dict(codes.ACCESS_TEXTS),
        refusal.REASONS,
        refusal.TRANSIENT_REASONS,
    ],
    ids=["transient", "blocked", "blocked for one lead", "refused", "told by a text", "sign-in", "sign-in, later"],
)
def test_every_reason_that_an_answer_can_give_has_words_and_a_fix(reasons: dict[str, str]) -> None:
    assert {*reasons.values()} <= {*CAUSES}


def test_every_reason_written_in_the_code_has_words_and_a_fix() -> None:
    raised = re.compile(
        r'\b(?:Transient|Blocked|Refused|StorageFailed|InvalidLead|Poisoned|Kept|ToFallback)\((?:reason=)?"(\w+)"'
    )
    sources = (ROOT / "leadpipe").rglob("*.py")
    reasons = {reason for source in sources for reason in raised.findall(source.read_text())}
    reasons |= {REASON, "default_owner", PERSON_UNREAD}
    # These never stand in a record: the ledger itself was at fault, or nothing was posted.
    reasons -= {"record_unreadable", "record_gone", "empty_body"}
    assert reasons - {*CAUSES} == set()


def test_each_of_partner_centers_messages_has_a_line_of_the_doctors_and_reasons_that_exist() -> None:
    table = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8").partition("## Partner Center's messages")[2]
    rows = [line.split("|")[1:4] for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 8
    for _, line, reasons in rows:
        assert line.strip()
        assert {*re.findall(r"`(\w+)`", reasons)} <= {*CAUSES}


def test_what_is_deployed_needs_no_development_tool() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {re.split(r"[<>=;~ ]", line)[0] for line in needed} == {
        "azure-functions",
        "azure-data-tables",
        "azure-identity",
        "azure-storage-queue",
        "cryptography",
        "jinja2",
        "markupsafe",
        "msal",
        "requests",
        "werkzeug",
    }


def test_every_file_that_the_readme_links_to_exists() -> None:
    for document in DOCUMENTS:
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
        for link in links:
            assert (document.parent / link).exists(), f"{document.name}: {link}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    """Every code span that ends in `.py` or `/`, or begins with a folder of this project, is a path from its root."""
    folders = r"(?:leadpipe|devkit|tests|docs|bench)/[\w./-]+"
    for path in re.findall(rf"`({folders}|[\w-][\w./-]*(?:\.py|/))`", document.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), f"{document.name}: {path}"


@functools.cache
def commands() -> dict[str, set[str]]:
    """Each command, those of groups with their group's name, and the options that it takes."""
    found: dict[str, set[str]] = {}

    def add(name: str, command: Any) -> None:
        found[name] = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for sub_name, sub_command in getattr(command, "commands", {}).items():
            add(f"{name} {sub_name}".strip(), sub_command)

    add("", command_line())
    return found


def test_the_readme_shows_the_commands_that_there_are() -> None:
    missing = {name for name in commands() if f"leadpipe {name}".strip() not in README}
    assert missing == set()


def commands_named_in(text: str) -> list[str]:
    """What stands behind `leadpipe` in code, be it in a line or in a block."""
    named = re.findall(r"`leadpipe ([^`]+)`", text)
    for block in re.findall(r"```.*?```", text, re.DOTALL):
        prompt = "$ " if "\n$ " in block else ""  # where there is one, the other lines are what was answered
        named += re.findall(rf"^ *{re.escape(prompt)}leadpipe (.+)$", block, re.MULTILINE)
    return named


@pytest.mark.parametrize(
    "document",
    [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "leadpipe").rglob("*.py"))],
    ids=lambda path: path.name,
)
def test_every_command_that_is_named_exists_with_its_options(document: Path) -> None:
    there = commands()
    for named in commands_named_in(document.read_text(encoding="utf-8")):
        words = named.split("#")[0].split()
        name = " ".join(words[:2]) if " ".join(words[:2]) in there else words[0]
        options = {word for word in words if word.startswith("--")}
        assert name in there, f"leadpipe {named}"
        assert not (name in {"poison", "fallback", "mapping"} and len(words) > 1), f"leadpipe {named}"
        assert options <= there[name] | there[""], f"leadpipe {named}"


def test_the_documented_fields_of_a_plain_notice_are_those_that_are_posted() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    section = page.partition("### Anything else")[2].partition("##")[0]
    cells = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
    documented = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    attention = Attention(reason="test", says="test", fix="test")
    notice = Notice(stage=Stage.TEST, app="contoso", attention=attention, at=datetime(2026, 3, 14, tzinfo=UTC))
    assert documented == [*body_of(notice, Shape.JSON)]


def test_each_attention_has_a_row_in_the_documents_and_there_is_no_other() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8").partition("## Each attention")[2]
    documented = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    named = {
        reason
        for name in ("attention", "canary")
        for reason in re.findall(r'reason="(\w+)"', (ROOT / "leadpipe" / "model" / f"{name}.py").read_text())
    }
    assert len(documented) == len({*documented})
    assert {*documented} == named | {each.reason for each in all_there_are()}


def test_no_tests_name_is_longer_than_fifteen_words() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    names = {name for source in sources for name in re.findall(r"def test_(\w+)\(", source)}
    assert len(names) > 1000
    assert {name for name in names if len(name.split("_")) > 15} == set()


def test_settings_hide_what_is_secret_when_they_are_shown() -> None:
    settings = Settings.from_environment(environment())
    shown = repr(settings)
    assert "made-up~client-secret" not in shown
    assert "bWFkZS11cA==" not in shown
    assert dataclasses.is_dataclass(settings)
