"""Chooses how to sign in, as the settings say."""

import time
from collections.abc import Callable
from functools import partial
from typing import assert_never

from leadpipe.dataverse.auth.account import by_password
from leadpipe.dataverse.auth.application import by_certificate, by_secret
from leadpipe.dataverse.auth.managed_identity import by_managed_identity
from leadpipe.dataverse.auth.tokens import Prepare, SharedTokens, Tokens
from leadpipe.model.settings import Certificate, ClientSecret, Dataverse, ManagedIdentity, UserPassword


def tokens_for(dataverse: Dataverse, *, clock: Callable[[], float] = time.monotonic) -> Tokens:
    """Gives the organisation's tokens. Nothing is sent or read before the first one is asked for."""
    return SharedTokens(_ask_by(dataverse), clock=clock)


def _ask_by(dataverse: Dataverse) -> Prepare:
    match dataverse.sign_in:
        case ClientSecret() as sign_in:
            return partial(by_secret, dataverse, sign_in)
        case Certificate() as sign_in:
            return partial(by_certificate, dataverse, sign_in)
        case ManagedIdentity() as sign_in:
            return partial(by_managed_identity, dataverse, sign_in)
        case UserPassword() as sign_in:
            return partial(by_password, dataverse, sign_in)
        case _:
            assert_never(dataverse.sign_in)
