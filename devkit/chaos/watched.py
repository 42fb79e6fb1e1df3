"""`python -m devkit.chaos.watched host|sweep|leadpipe …`: a process of leadpipe's that dies in a crash window.

host: the functions, as devkit.functions_host runs them; its worker is started by itself. sweep: one sweep, by a clock
that may be ahead. leadpipe: an operator's command.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from devkit.chaos.watch import (
    Death,
    News,
    Planned,
    Watch,
    end_what_hangs,
    options_of,
    remaining,
    watch_stores,
    watch_sweep,
)
from devkit.chaos.windows import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FLOWS = {"leads": "intake", "deliver": "delivery", "sweep": "sweep"}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    watch = Watch(plan=remaining(dict(options.die), options.journal), journal=options.journal, host=options.host)
    if options.program != "host":
        hurry(options.hurry)
        watch_stores(watch)
        watch_sweep(watch)
    return PROGRAMS[options.program](watch, options)


def serve(watch: Watch, options: argparse.Namespace) -> int:
    from devkit.functions_host.__main__ import main as host
    from devkit.functions_host.dispatcher import Dispatcher, Worker
    from devkit.functions_host.storage import StorageQueue

    delete, end_for_its_time = StorageQueue.delete, Dispatcher.end_for_its_time

    def watched_delete(queue: StorageQueue, message_id: str, receipt: str) -> None:
        with watch.end_of_message(message_id):
            delete(queue, message_id, receipt)

    def watched_end(dispatcher: Dispatcher, worker: Worker) -> None:
        end_what_hangs(News(options.journal), worker.pid)
        end_for_its_time(dispatcher, worker)

    StorageQueue.delete = watched_delete  # type: ignore[method-assign, assignment]
    Dispatcher.end_for_its_time = watched_end  # type: ignore[method-assign, assignment]
    return host(options.arguments, worker=worker_command(options))


def worker_command(options: argparse.Namespace) -> list[str]:
    return [
        "devkit.chaos.watched", "--journal", str(options.journal), "--hurry", str(options.hurry),
        "--crash", options.crash, "--host", str(os.getpid()), *options_of(dict(options.die)), "worker",
    ]  # fmt: skip


def work(watch: Watch, options: argparse.Namespace) -> NoReturn:
    from devkit.functions_host.worker import app
    from devkit.functions_host.worker.__main__ import main as worker

    load = app.load

    def watched_load(folder: Path) -> Any:
        return [replace(found, code=watched_code(watch, found, options.crash)) for found in load(folder)]

    app.load = watched_load  # type: ignore[assignment]
    watch.note_worker()
    worker(options.arguments)


def watched_code(watch: Watch, loaded: Any, crash: str) -> Callable[..., Any]:
    code, flow = loaded.code, FLOWS.get(loaded.function.name, loaded.function.name)

    @functools.wraps(code)
    def watched(**arguments: Any) -> Any:
        message = arguments.get("message")
        with watch.run(flow, message.id if message is not None else None):
            if message is not None and crash and _is_first_try_with(crash, message.get_body()):
                raise RuntimeError("this crash was asked for")
            answer = code(**arguments)
            if flow == "intake":
                with watch.writing("http.answer"):
                    pass
            return answer

    return watched


def _is_first_try_with(text: str, body: bytes) -> bool:
    return text.encode() in body and b'"attempt":1,' in body


def sweep_once(watch: Watch, options: argparse.Namespace) -> int:
    from leadpipe import sweep
    from leadpipe.wiring import wiring

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    ahead = timedelta(seconds=options.ahead)
    with watch.run("sweep"):
        sweep.sweep(
            now=lambda: datetime.now(UTC) + ahead,
            chance=random.random(),  # noqa: S311 - spreads retries
            ports=wiring().delivery(),
            settings=wiring().settings,
        )
    return 0


def command(watch: Watch, options: argparse.Namespace) -> int:
    from leadpipe.__main__ import main as leadpipe

    sys.argv = ["leadpipe", *options.arguments]
    watch.run_everywhere("command")
    try:
        leadpipe()
    except SystemExit as end:
        return int(end.code or 0)


PROGRAMS = {"host": serve, "worker": work, "sweep": sweep_once, "leadpipe": command}


def hurry(factor: float) -> None:
    """Shortens the pauses between tries, and hides messages that a sweep or an import received for one second only."""
    from leadpipe.model import schedule
    from leadpipe.storage import foreign, poison_queue

    schedule.DELAYS = tuple(delay / factor for delay in schedule.DELAYS)
    if factor > 1:
        poison_queue.HIDDEN_SECONDS = foreign.HIDDEN_SECONDS = 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devkit.chaos.watched", description=__doc__)
    option = parser.add_argument
    option("--journal", type=Path, required=True, metavar="FILE", help="gains a line for each write, and for the end")
    option("--die", type=planned, action="append", default=[], metavar="N@DEATH@WINDOW", help="at its Nth passing")
    option("--host", type=int, metavar="PID", help="worker: its host, which dies with it")
    option("--hurry", type=float, default=1.0, metavar="FACTOR", help="shortens leadpipe's own waits (1)")
    option("--crash", default="", metavar="TEXT", help="host: delivery crashes at the first try of what holds it")
    option("--ahead", type=float, default=0.0, metavar="SECONDS", help="sweep: of the real time (0)")
    option("program", choices=PROGRAMS)
    option("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def planned(text: str) -> tuple[Planned, int]:
    times, death, window = text.split("@")
    return (Window.parse(window), Death(death)), int(times)


def end(code: int) -> None:
    """Ends without waiting for threads that may hang, as the host does."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    end(main())
