"""Signs in to the organisation, as the settings choose, with one token for all threads.

`tokens` shares a token; `application`, `account` or `managed_identity` asks msal for one; `refusal` says what the
answers mean. Only msal talks to Entra.
"""

from leadpipe.dataverse.auth.sign_in import tokens_for
from leadpipe.dataverse.auth.tokens import SharedTokens, Tokens

__all__ = ["SharedTokens", "Tokens", "tokens_for"]
