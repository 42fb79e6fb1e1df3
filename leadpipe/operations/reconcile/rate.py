"""Writes Microsoft's rating into leads that Dynamics has, into the columns that the mapping file names.

Each lead is read first and written only if a column differs. So a run that was stopped goes on where it ended, and a
dry run says what a real one would do.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

from leadpipe.dataverse.client import DataverseClient
from leadpipe.dataverse.codes import NO_SUCH_ROW
from leadpipe.dataverse.protocol import LEADS, error_of, failure_of, json_object
from leadpipe.mapping.rating import RatingColumn
from leadpipe.model.errors import Blocked, DeliveryFailed, Refused, Transient
from leadpipe.model.ports import Columns
from leadpipe.model.record import State
from leadpipe.operations.batch import AT_ONCE
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.patience import patiently
from leadpipe.operations.reconcile.comparison import Comparison, Kind
from leadpipe.operations.reconcile.matching import Certainty


def ratings_of(found: Comparison, rating: Mapping[str, RatingColumn]) -> dict[str, Columns]:
    """The columns to write, by lead. Only for matches that are sure, and only what Partner Center has rated."""
    ratings: dict[str, Columns] = {}
    for finding in found.of(Kind.BOTH):
        row, lead = finding.row, finding.lead
        if row is None or lead is None or lead.state is not State.WRITTEN or finding.certainty is Certainty.WEAK:
            continue
        sent = {each.column: each.of(getattr(row, field)) for field, each in rating.items()}
        if columns := {column: value for column, value in sent.items() if value is not None}:
            ratings[lead.lead_id] = columns
    return ratings


def rated(
    lead_ids: Iterable[str], ratings: Mapping[str, Columns], client: DataverseClient, *, dry_run: bool
) -> Iterator[Result]:
    """The result for each lead, in their order. Begins no more once Dynamics refuses or does not answer for one."""
    left = iter(lead_ids)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while some := [*islice(left, AT_ONCE)]:
            results = [*pool.map(lambda lead_id: _result(lead_id, ratings[lead_id], client, dry_run=dry_run), some)]
            yield from results
            if any(result.outcome is Outcome.FAILED for result in results):
                return


def _result(lead_id: str, columns: Columns, client: DataverseClient, *, dry_run: bool) -> Result:
    try:
        outcome = patiently(lambda: _rate(lead_id, columns, client, dry_run=dry_run))
    except (Transient, Blocked) as failure:
        return replace(Result.of_error(lead_id, failure), outcome=Outcome.FAILED)
    except DeliveryFailed as failure:
        return Result.of_error(lead_id, failure)
    return Result(lead_id=lead_id, outcome=outcome, state=State.WRITTEN)


def _rate(lead_id: str, columns: Columns, client: DataverseClient, *, dry_run: bool) -> Outcome:
    """Raises DeliveryFailed."""
    there = _read(lead_id, columns, client)
    if all(there.get(column) == value for column, value in columns.items()):
        return Outcome.ALREADY_WRITTEN
    if not dry_run and not client.update(lead_id, columns):
        raise Refused("not_in_dynamics")
    return Outcome.RATED


def _read(lead_id: str, columns: Columns, client: DataverseClient) -> Columns:
    answer = client.get(f"{LEADS.path}({lead_id})?$select={','.join(columns)}")
    if answer.status == 200:
        return json_object(answer.body)
    if error_of(answer)[0] == NO_SUCH_ROW:
        raise Refused("not_in_dynamics")
    raise failure_of(answer)
