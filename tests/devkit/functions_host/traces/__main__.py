"""`python -m tests.devkit.functions_host.traces`: holds our host to the recordings of Microsoft's."""

import argparse
import signal
import sys
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devkit.azurite.server import Azurite
from tests.devkit.functions_host.traces.compare import Compared, compare, microsofts, rows, unexplained
from tests.devkit.functions_host.traces.judge import judge
from tests.devkit.functions_host.traces.play import chosen, play
from tests.devkit.functions_host.traces.report import as_json, as_text
from tests.devkit.functions_host.traces.scenarios import Scenario
from tests.devkit.functions_host.traces.trace import Trace, load, save
from tests.host_process import ROOT

DECISION = ROOT / "docs" / "decisions" / "0032-held-to-recordings.md"
_HEAD = "| scenario | fact | Microsoft's | ours | why it does no harm |\n|---|---|---|---|---|\n"
_EPILOG = """exit codes:
  0  every fact agrees, or differs as the table says
  1  something is unexplained
  2  usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    match options.action:
        case "record":
            return _record(options)
        case "compare":
            return _compare(options)
        case "table":
            DECISION.write_text(with_table(DECISION.read_text(encoding="utf-8")), encoding="utf-8")
            return 0
        case _:
            return _judge(options)


def with_table(text: str) -> str:
    """Replace the table in the decision by that of the code."""
    before, head, rest = text.partition(_HEAD)
    after = [line for line in rest.splitlines(keepends=True) if not line.startswith("| ")]
    return before + head + "".join(f"{row}\n" for row in rows()) + "".join(after)


def _judge(options: argparse.Namespace) -> int:
    scenarios = _chosen(options)
    with Azurite(say=_say) as azurite:
        account = azurite.connection_string("leadpipe")
        return _report(judge(scenarios, account=account, on_done=_progress(scenarios)), options)


def _record(options: argparse.Namespace) -> int:
    scenarios = _chosen(options)
    with Azurite(say=_say) as azurite:
        traces = play(
            scenarios,
            command=options.command,
            account=azurite.connection_string("leadpipe"),
            at_once=options.at_once,
            on_done=_progress(scenarios),
        )
    save(options.out, traces.values(), command=options.command)
    return 0


def _compare(options: argparse.Namespace) -> int:
    try:
        traces = load(options.file)
    except (OSError, EOFError, ValueError, KeyError, zlib.error) as error:
        _say(f"{options.file}: cannot be read as a recording ({type(error).__name__})")
        return 2
    return _report({name: _compared(name, trace) for name, trace in traces.items()}, options)


def _compared(name: str, trace: Trace) -> list[Compared]:
    return compare(microsofts()[name], trace)


def _report(found: Mapping[str, Sequence[Compared]], options: argparse.Namespace) -> int:
    print(as_json(found) if options.json else as_text(found))
    return int(any(unexplained(compared) for compared in found.values()))


def _chosen(options: argparse.Namespace) -> list[Scenario]:
    return chosen(only=_names(options), slow=options.slow)


def _names(options: argparse.Namespace) -> list[str]:
    return [name for name in options.only.split(",") if name]


def _progress(scenarios: Sequence[Scenario]) -> Callable[[Trace], None]:
    started = time.monotonic()
    done: list[str] = []

    def progress(trace: Trace) -> None:
        seconds = f"{time.monotonic() - started:>4.0f} s"
        if trace.scenario in done:
            _say(f"once more  {seconds}  {trace.scenario}")
            return
        done.append(trace.scenario)
        _say(f"{len(done):>2} of {len(scenarios)}  {seconds}  {trace.scenario}")

    return progress


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.devkit.functions_host.traces",
        description="Play scenarios with our functions host and compare each with the recording of Microsoft's.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_choice(parser)
    parser.add_argument("--json", action="store_true", help="an array of facts in place of tables")
    actions = parser.add_subparsers(dest="action", metavar="record | compare | table")
    record = actions.add_parser("record", help="play the scenarios with another host and keep its traces")
    _add_choice(record)
    record.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write them, .json.gz")
    record.add_argument("--at-once", type=int, default=1, metavar="N", help="scenarios side by side (default: 1)")
    record.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND",
                        help="starts the host; {app} is the app's folder, {data} one for its own files")  # fmt: skip
    other = actions.add_parser("compare", help="compare such a file with the recordings")
    other.add_argument("file", type=Path)
    other.add_argument("--json", action="store_true")
    actions.add_parser("table", help="write the table of known differences into the decision")
    return _checked(parser, parser.parse_args(arguments))


def _checked(parser: argparse.ArgumentParser, options: argparse.Namespace) -> argparse.Namespace:
    if options.action in {None, "record"} and (
        unknown := [name for name in _names(options) if not chosen(only=[name])]
    ):
        parser.error(f"no scenario's name begins with {', '.join(unknown)}")
    if options.action == "record":
        options.command = options.command[options.command[:1] == ["--"] :]
        if not options.command:
            parser.error("record needs the command that starts the host")
    return options


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", default="", metavar="NAMES", help="such as s01,s02, whatever time they take")
    parser.add_argument("--slow", action="store_true", help="those of minutes too, 6 minutes in all")


if __name__ == "__main__":
    # Ended in either way, it ends the hosts that it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
