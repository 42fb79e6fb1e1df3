"""Prints what `leadpipe reconcile` read and found: the findings on stdout, the words about them on stderr."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leadpipe.cli.say import say
from leadpipe.cli.table import columns, print_records
from leadpipe.operations.decisions import Result
from leadpipe.operations.reconcile.comparison import Comparison, Finding, Kind
from leadpipe.operations.reconcile.export import MOST_ROWS_OF_A_DOWNLOAD, Export, File
from leadpipe.operations.reconcile.matching import Certainty
from leadpipe.operations.reconcile.probable import MEANING
from leadpipe.operations.reconcile.table import WINDOWS

COLUMNS = columns(
    ("kind", "at", "cause"),
    (
        "certainty",
        "offer",
        "email",
        "name",
        "company",
        "lead_id",
        "state",
        "quality",
        "email_validity",
        "phone_validity",
        "place",
        "detail",
    ),
    titles={"email_validity": "E-MAIL IS", "phone_validity": "PHONE IS"},
    at_most={"offer": 40, "email": 60, "name": 40, "company": 40},
)
_ORDER = [Kind.MISSING, Kind.REJECTED, Kind.UNREADABLE, Kind.CANNOT_TELL, Kind.HERE_ALONE, Kind.BOTH]
_SAYS = {
    Kind.BOTH: "in both",
    Kind.MISSING: "in Partner Center, and never here",
    Kind.REJECTED: "posted here and rejected: put right what was wrong, then `leadpipe poison replay ID`",
    Kind.UNREADABLE: "damaged: look at these lines of the file",
    Kind.CANNOT_TELL: "cannot be told: personal data was removed here or there",
    Kind.HERE_ALONE: "here alone: Partner Center's filter or tab may have left them out",
}


def say_export(export: Export) -> None:
    """Says which columns were taken, and what of the files was not taken as it stands."""
    for file in export.files:
        _say_file(file)
    if export.repeated:
        say(f"rows that are there twice, and count once: {export.repeated}")
    if export.test_leads:
        say(f"test leads of Microsoft's, which are left out: {export.test_leads}")


def _say_file(file: File) -> None:
    encoding = ", read as Windows-1252, since it is not UTF-8" if file.encoding == WINDOWS else ""
    say(f"{file.name}: {file.rows} rows{encoding}")
    say(f"  taken: {', '.join(f'{field} from {name.strip()!r}' for field, name in file.taken.names.items())}")
    if file.taken.left:
        say(f"  left: {', '.join(repr(name.strip()) for name in file.taken.left)}")
    if "created" not in file.taken.places:
        say("  no column has a date, so rows are matched without their time; --columns names one for `created`")
    if doubtful := file.reading.doubtful:
        say(f"  {doubtful} dates can be read in two ways; {file.reading.order} is taken, --dates chooses the other")
    if file.rows >= MOST_ROWS_OF_A_DOWNLOAD:
        say(f"  Partner Center puts {MOST_ROWS_OF_A_DOWNLOAD} rows into a file and no more: export the others too")


def listed(found: Comparison, *, everything: bool) -> list[Finding]:
    """The findings to show: without `everything` those of both only where the match is not sure."""
    shown = (each for each in found.findings if everything or not _is_sure(each))
    return sorted(
        shown, key=lambda each: (_ORDER.index(each.kind), each.at is None, each.at or found.until, each.place)
    )


def _is_sure(finding: Finding) -> bool:
    return finding.kind is Kind.BOTH and not finding.is_unsure


def print_findings(findings: Iterable[Finding], results: Mapping[str, Result], *, as_json: bool) -> None:
    """`results`: of the rows that were taken in by their keys, and of the leads that were rated by their ids."""
    print_records((_fields(each, results) for each in findings), COLUMNS, as_json=as_json)


def _fields(finding: Finding, results: Mapping[str, Result]) -> dict[str, Any]:
    row = finding.row
    taken_in = results.get(row.key) if row else None
    lead = None if taken_in else finding.lead
    result = taken_in or results.get(lead.lead_id if lead else "")
    return {
        "kind": finding.kind,
        "at": finding.at,
        "cause": finding.why.cause if finding.why else "",
        "certainty": finding.certainty.word if finding.certainty else "",
        "offer": (row.offer or row.offer_id if row else "") or (lead.offer if lead else ""),
        "email": row.email if row else lead.email if lead else "",
        "name": row.person if row else lead.name if lead else "",
        "company": row.organization if row else lead.company if lead else "",
        "lead_id": result.lead_id if result else lead.lead_id if lead else "",
        "state": lead.state if lead else "",
        "quality": row.quality if row else "",
        "email_validity": row.email_validity if row else "",
        "phone_validity": row.phone_validity if row else "",
        "place": finding.place,
        "detail": finding.detail or (finding.why.detail if finding.why else ""),
        "outcome": result.outcome if result else "",
    }


def say_comparison(found: Comparison) -> None:
    """The counts, and of what is missing the causes, the most frequent one first."""
    counts = found.counts
    for kind in _ORDER:
        if counts[kind]:
            say(f"{counts[kind]} {_SAYS[kind]}{_sureness(found) if kind is Kind.BOTH else ''}")
        if kind is Kind.MISSING:
            _say_causes(found.of(kind))
    _say_unsure(found)


def _say_unsure(found: Comparison) -> None:
    """Whether nothing is missing, or which rows leave that open and what to do with them."""
    weak = sum(finding.certainty is Certainty.WEAK for finding in found.findings)
    cannot_tell, unreadable = found.counts[Kind.CANNOT_TELL], found.counts[Kind.UNREADABLE]
    if not (found.missing or weak or cannot_tell or unreadable):
        say("nothing that Partner Center has is missing")
    elif not found.missing:
        say(f"a lead may still be missing: {weak} weak, {cannot_tell} cannot be told, {unreadable} unreadable")
    if any(finding.is_unsure and finding.row and finding.row.names_somebody for finding in found.findings):
        say("look at the rows that are weak or cannot be told: `--import --anyway FILE:LINE` takes one in")


def _sureness(found: Comparison) -> str:
    sure = Counter(finding.certainty for finding in found.of(Kind.BOTH))
    return f" ({', '.join(f'{sure[each]} {each.word}' for each in Certainty if sure[each])})"


def _say_causes(missing: Sequence[Finding]) -> None:
    for cause, number in Counter(finding.why.cause for finding in missing if finding.why).most_common():
        meaning = MEANING[cause]
        say(f"  {number} {meaning.says}: {meaning.fix}")
