"""`python -m devkit.standin`: prints where it listens, serves until it is told to stop, and ends with 0."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.launcher.private import UMASK, make_private
from devkit.standin.control.client_settings import write_settings, write_ways
from devkit.standin.organisation.certificates import server_context, write_ca_bundle
from devkit.standin.organisation.config import EMPTY, Config
from devkit.standin.organisation.fault_kinds import STAGES
from devkit.standin.organisation.organisation import open_organisation
from devkit.standin.origin import HOSTS
from devkit.standin.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

# The files that the stand-in makes in its folder.
FILES = ("leads.sqlite3*", "members.json*", "identity.json*", "settings.json*", "ways.json*", "client.*", "*.pem")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if UMASK >= 0:
        os.umask(UMASK)
    make_private(options.data, FILES)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        _serve(options.host, options.port, options.data, EMPTY if options.empty else Config())
    return 0


def _serve(host: str, port: int, folder: Path, config: Config) -> None:
    tls = server_context(folder)
    organisation = open_organisation(folder, config)
    with contextlib.closing(organisation.database), Server(host, port, tls=tls, organisation=organisation) as server:
        origin = f"https://localhost:{server.port}"
        ca_bundle = write_ca_bundle(folder)
        write_ways(folder, identity=organisation.identity, origin=origin, ca_bundle=ca_bundle)
        write_settings(folder, identity=organisation.identity, origin=origin, ca_bundle=ca_bundle)
        print(f"listening {origin}", flush=True)
        server.serve_forever()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devkit.standin",
        description=__doc__,
        epilog=f"Faults for POST /_standin/faults: {', '.join(sorted(STAGES))}.",
    )
    # Loopback only: the control endpoints ask for no sign-in.
    parser.add_argument("--host", choices=HOSTS, default="localhost", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes any free one (%(default)s)")
    parser.add_argument(
        "--data", type=Path, default=Path(".devkit/standin"), help="folder for leads, trust and settings (%(default)s)"
    )
    parser.add_argument(
        "--empty",
        action="store_true",
        help="an organisation without application user and role; what is set up there is kept in the folder",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
