"""Compares this machine's clock with that of the storage account, which all of Azure shares."""

from datetime import datetime, timedelta

from leadpipe.operations.doctor.finding import Finding, failed, ok, skipped, warning
from leadpipe.operations.span import in_words

CLOCK = "clock"
# The reason of a sign-in that failed because of the clock.
CLOCK_WRONG = "clock_wrong"
# The Date header has whole seconds, and the answer itself takes some time.
_LITTLE = timedelta(seconds=30)
# From five minutes on Entra refuses what a certificate signed, from fifteen on storage what a key signed.
_TOO_MUCH = timedelta(minutes=5)


def look_at_clock(there: datetime | None, here: datetime, *, refused: bool) -> Finding:
    """Compares the two clocks. `refused`: sign-in has failed because of the clock."""
    if there is None:
        return skipped(CLOCK, "the storage account gave no time")
    skew = abs(there - here)
    if skew <= _LITTLE:
        return ok(CLOCK, "as that of the storage account")
    direction = "behind" if there > here else "ahead"
    fix = "set this machine's clock, by NTP if possible; sign-in by certificate fails at five minutes"
    fact = f"this machine's is {in_words(skew)} {direction} that of the storage account"
    if refused or skew > _TOO_MUCH:
        return failed(CLOCK, fact, fix, reason=CLOCK_WRONG)
    return warning(CLOCK, fact, fix)
