"""Builds the client by which operations read Dynamics, or change rows that are there."""

from leadpipe.dataverse.auth import Tokens, tokens_for
from leadpipe.dataverse.client import DataverseClient
from leadpipe.mapping.default import columns_of
from leadpipe.mapping.note import note_of
from leadpipe.model.settings import Dataverse


def client_of(dataverse: Dataverse, tokens: Tokens | None = None) -> DataverseClient:
    """Signs in as the app does, unless other `tokens` are given. Nothing is created by it, so its mapping is any."""
    return DataverseClient(dataverse.url, tokens or tokens_for(dataverse), columns_of, note_of)
