"""Prints what the comparison found, for a person or as JSON."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.devkit.functions_host.traces.compare import Compared, Outcome, unexplained


def as_json(found: Mapping[str, Sequence[Compared]]) -> str:
    return json.dumps([_record(each) for each in _all(found)], indent=2, ensure_ascii=False)


def as_text(found: Mapping[str, Sequence[Compared]]) -> str:
    width = max(len(name) for name in found)
    lines = [f"{'scenario':<{width}}  facts  agree  known  unexplained"]
    for name, compared in found.items():
        outcomes = Counter(each.outcome for each in compared)
        lines.append(
            f"{name:<{width}}  {len(compared):>5}  {outcomes[Outcome.AGREES]:>5}  {outcomes[Outcome.KNOWN]:>5}"
            f"  {len(unexplained(compared)):>11}"
        )
    known = [each for each in _all(found) if each.outcome is Outcome.KNOWN]
    return "\n".join(lines + _listed("Known differences", known) + _listed("Unexplained", unexplained(_all(found))))


def _all(found: Mapping[str, Sequence[Compared]]) -> list[Compared]:
    return [each for compared in found.values() for each in compared]


def _listed(title: str, compared: Iterable[Compared]) -> list[str]:
    lines = [line for each in compared for line in _described(each)]
    return ["", f"{title}:", *lines] if lines else []


def _described(compared: Compared) -> list[str]:
    known = compared.outcome is Outcome.KNOWN
    return [
        f"  {compared.scenario}: {compared.fact}" + f" ({compared.outcome})" * (not known),
        f"    Microsoft's  {compared.microsofts}",
        f"    ours         {compared.ours}",
        *([f"    why          {compared.why}"] if compared.why else []),
    ]


def _record(compared: Compared) -> dict[str, str]:
    return {
        "scenario": compared.scenario,
        "fact": compared.fact,
        "microsofts": str(compared.microsofts),
        "ours": str(compared.ours),
        "outcome": compared.outcome.name.lower(),
        "why": compared.why,
    }
