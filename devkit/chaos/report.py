"""Judges a run: every lead is accounted for, every crash window was reached, the books balance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devkit.chaos.run import LATE_COPIES, row_email
from devkit.chaos.watch import Death
from leadpipe.model.record import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devkit.chaos.run import Chaos


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Lists leads by e-mail address, which is different for each. `untold` are in Dynamics without a 202."""

    missing: list[str]
    doubled: list[str]
    unwritten: list[str]
    wrongly_noted: list[str]


def verdict(
    told: Mapping[str, list[str]],
    rows: int,
    in_dynamics: list[str],
    written: set[str],
    *,
    actions: Mapping[str, int],
    notes: Mapping[str, int],
) -> Verdict:
    """`told`: the lead ids of each address's 202s. `written`: the ids whose record is settled as expected.

    `actions`: how often each address acted, `notes`: how many notes are on its lead; the first action is the lead.
    """
    there = Counter(in_dynamics)
    wanted = [*told, *(row_email(number) for number in range(rows))]
    return Verdict(
        missing=[email for email in wanted if not there[email]],
        doubled=[email for email, times in there.items() if times > 1],
        unwritten=[lead_id for ids in told.values() for lead_id in ids if lead_id not in written],
        wrongly_noted=sorted(
            email for email in actions.keys() | notes.keys() if notes.get(email, 0) != actions.get(email, 1) - 1
        ),
    )


def report(chaos: Chaos, *, in_time: bool, seconds: float) -> int:
    records = chaos.records()
    settled = {record.lead_id for record in records if record.state in {State.WRITTEN, State.MERGED, State.DUPLICATE}}
    rows = chaos.injected["rows of the marketplace"]
    emails = [str(lead.get("emailaddress1")) for lead in chaos.in_dynamics()]
    actions, notes = chaos.marketplace.actions, chaos.notes()
    found = verdict(chaos.marketplace.accepted, rows, emails, settled, actions=actions, notes=notes)
    deaths = chaos.deaths()
    balanced, said = chaos.balance()

    heading("Posted")
    table(chaos.marketplace.answers)
    heading("Injected")
    for proxy in chaos.proxies.values():
        chaos.injected.update(proxy.injected)
    table(chaos.injected)
    heading("Ends of the functions' process")
    table(chaos.host_ends)
    heading(
        "Deaths in each crash window: of the host, of its worker, by time-out (of a sweep: twice killed, once hanging)"
    )
    for window in dict.fromkeys(window for window, _ in (*chaos.host_plan, *chaos.sweep_plan)):
        print(f"  {' '.join(f'{deaths[window, death]:>7}' for death in Death)}  {window}")
    heading("Ledger")
    table(Counter(str(record.state) for record in records))
    heading("leadpipe balance")
    print(said.rstrip())

    heading("Verdict")
    late = [f"{count} {what}" for what, count in chaos.left().items()] * (not in_time)
    faults = {
        "not at rest in time, so some of the following may only be late": late,
        "accepted leads that Dynamics does not have": found.missing,
        "doubled": found.doubled,
        "202 that is neither written, merged nor a duplicate": found.unwritten,
        "customers with a note too many or too few": found.wrongly_noted,
        "poisoned": [record.lead_id for record in records if record.state is State.POISONED],
        "deaths in crash windows that never came": [f"{death} in {window}" for window, death in chaos.unreached()],
        "faults of leadpipe balance": [f"exit code {balanced}"] * bool(balanced),
    }
    told = len(chaos.marketplace.accepted)
    print(f"  seed {chaos.options.seed}, {told} customers told 202, {notes.total()} notes, {seconds:.0f} s")
    for what, which in faults.items():
        print(f"  {len(which)} {what}{': ' if which else ''}{', '.join(which[:10])}")
    if copies := chaos.left().get(LATE_COPIES):
        print(f"  {copies} late copies of settled leads are hidden in the queue still")
    failed = any(faults.values())
    print("FAILED" if failed else "every lead and every note is in Dynamics exactly once", flush=True)
    return int(failed)


def heading(text: str) -> None:
    print(f"\n{text}")


def table(counts: Mapping[str, int]) -> None:
    for what, count in sorted(counts.items()):
        print(f"  {count:>6}  {what}")
