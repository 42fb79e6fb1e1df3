"""Chooses the mapping: the default one, or the file that LEADPIPE_MAPPING names on top of it."""

from collections.abc import Callable

from leadpipe.mapping.default import columns_of
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Columns


def chosen_mapping(named: str | None) -> Callable[[Lead, str], Columns]:
    """Gives the function that maps a lead. A file is read for the first lead, and again whenever it has changed."""
    if named is None:
        return columns_of
    from leadpipe.mapping.watched import WatchedMapping  # noqa: PLC0415 - few have a file

    return WatchedMapping(named).columns_of
