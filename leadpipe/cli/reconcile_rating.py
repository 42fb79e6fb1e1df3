"""The part of `leadpipe reconcile` that writes Microsoft's rating into leads in Dynamics."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import typer

from leadpipe.cli.batch import ask, carry_out, unprinted
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.mapping.rating import RatingColumn
from leadpipe.mapping.watched import effective
from leadpipe.model.errors import SettingsError
from leadpipe.model.settings import Settings
from leadpipe.operations.dataverse_client import client_of
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.reconcile.comparison import Comparison
from leadpipe.operations.reconcile.rate import rated, ratings_of


def rating_of(settings: Settings) -> Mapping[str, RatingColumn]:
    """The columns that the mapping file names. Raises a usage error where there are none, and FaultyMapping."""
    rating = effective(settings.mapping_path).rating
    if not rating:
        raise typer.BadParameter(
            'no column is named for it: LEADPIPE_MAPPING names a file with [rating] and, for example, quality = "…"',
            param_hint="--write-rating",
        )
    return rating


def write_rating(
    found: Comparison,
    rating: Mapping[str, RatingColumn],
    settings: Settings,
    results: dict[str, Result],
    *,
    rate: float | None,
    dry_run: bool,
    yes: bool,
) -> tuple[Counter[Outcome], bool]:
    """Fills in the result of each lead. Raises SettingsError where no organisation is set."""
    if settings.dataverse is None:
        raise SettingsError("settings", "--write-rating needs DATAVERSE_URL and a sign-in among the settings")
    ratings = ratings_of(found, rating)
    say(f"{leads(len(ratings))} in Dynamics have a rating of Microsoft's")
    if not dry_run and len(ratings) > 1:
        ask(f"write the rating of {leads(len(ratings))} into Dynamics where it differs?", yes=yes)
    client = client_of(settings.dataverse)

    def work(lead_ids: Iterable[str]) -> Iterator[Result]:
        for result in rated(lead_ids, ratings, client, dry_run=dry_run):
            results[result.lead_id] = result
            if result.reason:
                say(f"{result.lead_id} was not rated: {result.detail}")
            yield result

    return carry_out([*ratings], work, unprinted, title="rate", rate=rate, dry_run=dry_run)
