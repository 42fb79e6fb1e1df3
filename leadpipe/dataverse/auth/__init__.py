"""Signing in to the organisation: a way for each setting that chooses one, and one token for all threads.

`tokens` shares a token; a way (`application`, `account`, `managed_identity`) asks for one; `refusal` says what its
answers mean. msal does the asking, and nothing here speaks to Entra without it.
"""

from leadpipe.dataverse.auth.tokens import SharedTokens, Tokens
from leadpipe.dataverse.auth.sign_in import tokens_for

__all__ = ["SharedTokens", "Tokens", "tokens_for"]
