"""`python -m devkit.functions_host`: serves one function app until a signal ends it."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from devkit.functions_host import app_settings, host_json, logs
from devkit.functions_host.blobs import Blobs, serve_nothing
from devkit.functions_host.dispatcher import Dispatcher
from devkit.functions_host.errors import EXIT_CANNOT_START, EXIT_OK, CannotStart
from devkit.functions_host.host import Choices, Host, describe
from devkit.functions_host.http_server import HttpServer
from devkit.functions_host.worker_process import WorkerProcess

_EPILOG = f"""exit codes:
  {EXIT_OK:>2}  stopped by SIGINT or SIGTERM (the same again does not wait for what runs); or shut down by an error that
      nothing handled, such as storage that refuses or is away: the log says which; start it again
  {EXIT_CANNOT_START:>2}  cannot start: the app, its settings or the port
"""

WORKER = ("devkit.functions_host.worker",)


def main(arguments: Sequence[str] | None = None, *, worker: Sequence[str] = WORKER) -> int:
    """Serve until a signal, and give the exit code. `worker` is the worker's module with its arguments."""
    options = _parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(EXIT_OK))
    try:
        return _serve(options, worker)
    except CannotStart as error:
        print(f"functions host: {error}", file=sys.stderr)
    return EXIT_CANNOT_START


def _serve(options: argparse.Namespace, worker: Sequence[str]) -> int:
    app_dir: Path = options.app.resolve()
    choices = Choices(
        data=options.data.resolve(),
        enable_auth=options.enable_auth,
        lease=options.lease,
        hurry=options.hurry,
        drain=options.drain,
        skip_spent_poison=options.skip_spent_poison,
        blobs=options.blobs,
    )
    settings: Path = (options.settings or app_dir / "local.settings.json").resolve()
    app_settings.load(settings, required=options.settings is not None)
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")  # like Core Tools
    host_options = host_json.read(app_dir / "host.json")
    logs.configure(host_options.log_levels)
    for warning in host_options.warnings:
        logging.getLogger("Host").warning(warning)
    server = _bind(options)
    if choices.blobs is Blobs.AWAY:
        server.server_close()
        serve_nothing(
            (options.host, options.port), hurry=choices.hurry, listening=partial(_say_listening, options.host)
        )
    dispatcher = Dispatcher(
        start_worker=partial(WorkerProcess, [*worker, str(app_dir)]),
        hurry=choices.hurry,
        function_timeout=host_options.function_timeout,
    )
    found = dispatcher.start()
    host = Host(functions=found, options=host_options, choices=choices, server=server, dispatcher=dispatcher)
    _stop_on_signals(host)
    host.start()
    base_url = _say_listening(options.host, server.server_address[1])
    print("\n".join(["Functions:", *describe(found, host.routes, base_url)]), file=sys.stderr)
    if choices.enable_auth:
        print(f"Keys are in {choices.keys_file}, from the first request on that carries one", file=sys.stderr)
    return host.wait()


def _say_listening(host: str, port: int) -> str:
    base_url = f"http://{host}:{port}"
    print(f"listening {base_url}", flush=True)
    return base_url


def _bind(options: argparse.Namespace) -> HttpServer:
    try:
        return HttpServer(host=options.host, port=options.port, allow_chunked=options.allow_chunked)
    except OSError as error:
        raise CannotStart(f"cannot listen on {options.host}:{options.port}: {error.strerror}") from error


def _stop_on_signals(host: Host) -> None:
    def on_signal(number: int, _frame: FrameType | None) -> None:
        # Only the same signal twice ends at once: Ctrl-C reaches a launcher too, which then sends its own signal.
        signal.signal(number, _end_at_once)
        host.ask_to_stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)


def _end_at_once(_number: int, _frame: FrameType | None) -> None:
    _end(EXIT_OK)


def _end(code: int) -> NoReturn:
    """Ends without waiting for the app's threads, some of which may hang forever."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devkit.functions_host",
        description="Run a Python function app (HTTP, queue and timer triggers) as the Azure Functions host would.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option(
        "--app", type=Path, default=Path(), metavar="DIR", help="folder of host.json and function_app.py (default: .)"
    )
    option("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    option("--port", type=int, default=7071, help="0 for any free one (default: %(default)s)")
    option("--data", type=Path, default=Path(".devkit/functions_host"), metavar="DIR",
           help="where keys and timer status are kept (default: %(default)s)")  # fmt: skip
    option(
        "--enable-auth",
        action="store_true",
        help="ask for keys; the first request that carries one makes them, in DATA/keys.json",
    )
    option("--blobs", type=Blobs, choices=[*Blobs], default=Blobs.HERE, metavar="|".join(Blobs),
           help="missing makes every key wrong, away keeps the host from starting (default: %(default)s)")  # fmt: skip
    option("--lease", type=_at_least_one, default=600, metavar="SECONDS",
           help="how long a received message stays hidden (default: %(default)s, as on Azure)")  # fmt: skip
    option("--hurry", type=_at_least_one, default=1, metavar="FACTOR",
           help="divide the host's own fixed waits, none of host.json's (default: %(default)s)")  # fmt: skip
    option("--settings", type=Path, metavar="FILE", help="instead of DIR/local.settings.json")
    option("--allow-chunked", action="store_true", help="read chunked bodies; the real host hands Python an empty one")
    option("--drain", type=_at_least_one, default=10, metavar="SECONDS",
           help="how long a stop waits for what runs (default: %(default)s)")  # fmt: skip
    option("--skip-spent-poison", action="store_true",
           help="leave spent messages of a …-poison queue alone, as the extension before 5.3.8 did")  # fmt: skip
    return parser.parse_args(arguments)


def _at_least_one(text: str) -> float:
    value = float(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


if __name__ == "__main__":
    _end(main())
