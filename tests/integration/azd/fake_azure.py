"""`az`, `azd` and `func` for a test: they record each call, and answer as the real ones.

What `az` is asked is read by the Azure CLI's own tables of arguments, so a wrong option ends as it would there. What it
answers is in FAKE_AZURE/answers.json: for each command a list of answers, of which the last is given again and again.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.azure_cli import NotACommand, take_az, take_func

FOLDER = Path(os.environ["FAKE_AZURE"])


def main(program: str, words: list[str]) -> int:
    with (FOLDER / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps([program, *words]) + "\n")
    return {"az": az, "azd": azd, "func": func}[program](words)


def az(words: list[str]) -> int:
    try:
        name, given = take_az(words)
    except NotACommand as why:
        sys.stderr.write(f"ERROR: {why}\n")
        return 2
    answers: dict[str, list[Any]] = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
    if name not in answers:
        sys.stderr.write(f"ERROR: the test has no answer for az {name}\n")
        return 3
    answer = answers[name].pop(0) if len(answers[name]) > 1 else answers[name][0]
    (FOLDER / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    if isinstance(answer, dict) and "ERROR" in answer:
        sys.stderr.write(f"ERROR: {answer['ERROR']}\n")
        return 1
    if isinstance(answer, dict) and "RAW" in answer:
        sys.stdout.write(answer["RAW"])
    elif answer is not None:
        found = _queried(answer, given.query)
        sys.stdout.write(f"{found if given.output == 'tsv' else json.dumps(found)}\n")
    return 0


def _queried(answer: Any, query: str | None) -> Any:
    """The part that --query chooses: a property, that of each row, or that of the first, by their names too."""
    if not query:
        return answer
    if query.startswith(by_name := "sort_by([], &name)"):
        answer, query = sorted(answer, key=lambda row: str(row["name"])), query.removeprefix(by_name)
    if query.startswith("[]."):
        return [row[query[3:]] for row in answer]
    return answer[0][query[4:]] if query.startswith("[0].") else answer.get(query)


def azd(words: list[str]) -> int:
    if words[:3] == ["auth", "login", "--check-status"]:
        signed_in = not (FOLDER / "azd-signed-out").exists()
        sys.stdout.write(json.dumps({"status": "success" if signed_in else "unauthenticated"}) + "\n")
        return 0
    if words[:2] == ["env", "set"]:
        file = FOLDER / "environment.json"
        known = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**known, words[2]: words[3]}), encoding="utf-8")
        return 0
    sys.stderr.write(f"ERROR: unknown command {words} for azd\n")
    return 1


def func(words: list[str]) -> int:
    take_func(words)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
