"""Whether this machine's clock agrees with that of the storage account, which is that of all of Azure."""

from datetime import datetime, timedelta

from leadpipe.ops.doctor.finding import Finding, ok, skipped, warning
from leadpipe.ops.span import in_words

CLOCK = "clock"
# An answer's Date header has whole seconds, and the answer takes some to come.
_LITTLE = timedelta(seconds=30)


def look_at_clock(there: datetime | None, here: datetime) -> Finding:
    """Entra refuses what a certificate signed with a clock five minutes off, storage what a key signed with fifteen."""
    if there is None:
        return skipped(CLOCK, "the storage account did not tell the time")
    skew = abs(there - here)
    if skew <= _LITTLE:
        return ok(CLOCK, "as that of the storage account")
    direction = "behind" if there > here else "ahead"
    fix = "set this machine's clock, or let it be set by NTP; sign-in by certificate fails at five minutes"
    return warning(CLOCK, f"this machine's is {in_words(skew)} {direction} that of the storage account", fix)
