"""What the address of an erasure was found in: which leads go, which stay, and what else has it."""

from collections.abc import Sequence
from dataclasses import dataclass

from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.cli.table import text_of
from leadpipe.operations.addresses import Standing
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.erasure import AddressMatch, Found

SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`taken` and `left`: what the address was found in, to be erased and to stay."""

    lead_ids: Sequence[str]
    taken: Sequence[AddressMatch] = ()
    left: Sequence[AddressMatch] = ()

    @classmethod
    def of(cls, found: Found, lead_ids: list[str] | None, *, mentions: bool) -> "Choice":
        matches = [found.matches[lead_id] for lead_id in sorted(found.matches)]
        taken = [each for each in matches if mentions or each.standing is Standing.OWN]
        left = [] if mentions else [each for each in matches if each.standing is Standing.MENTIONED]
        chosen = dict.fromkeys(lead_ids or [each.lead_id for each in taken])
        return cls(lead_ids=[*chosen], taken=taken, left=left)

    @property
    def others(self) -> list[Result]:
        return [
            Result(
                lead_id=each.lead_id,
                outcome=Outcome.MENTIONS,
                state=each.state or "",
                detail=f"the lead of somebody else, which mentions the address {_places(each)}",
            )
            for each in self.left
        ]

    def say(self, found: Found, email: str, *, forgotten_too: bool) -> None:
        say(f"{leads(len(self.lead_ids))} to erase")
        if not email:
            return
        _say_each(self.taken)
        if self.left:
            say(f"{leads(len(self.left))} of somebody else mention the address and will stay; --mentions erases those")
            say("  too, and `leadpipe erase ID` one of them")
            _say_each(self.left)
        for name in found.named[:SHOWN]:
            say(f"  also in {name}: leadpipe does not change that, delete it there")
        if len(found.named) > SHOWN:
            say(f"  and in {len(found.named) - SHOWN} more such places")
        for what in found.unsearched:
            say(f"  could not be searched: {what}")
        forgotten = (
            "" if forgotten_too else "leads whose data was removed after LEADPIPE_RETENTION, without --dynamics; "
        )
        say(f"  not found this way: {forgotten}messages behind the first 32 of a queue")


def _say_each(found: Sequence[AddressMatch]) -> None:
    for each in found[:SHOWN]:
        word = "" if each.standing is Standing.OWN else ", mentions it"
        state = each.state or "not in the ledger"
        say(f"  {each.lead_id} {state}, received {text_of(each.received_at)}{word}, {_places(each)}")
    if len(found) > SHOWN:
        say(f"  and {len(found) - SHOWN} more; --dry-run --json lists them all")


def _places(each: AddressMatch) -> str:
    return ", ".join(each.places)
