"""`python -m devkit.functions_host.worker DIR`: loads the app in DIR and runs its functions until the host is gone.

Its stdin and stdout are the link to the host, so what the app prints goes to stderr.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn

from devkit.functions_host import host_json, logs
from devkit.functions_host.errors import CannotStart
from devkit.functions_host.link import Ended, Indexed, Invocation, Link, LinkLostError, NotLoaded
from devkit.functions_host.worker import app
from devkit.functions_host.worker.runs import Runs


def main(arguments: Sequence[str]) -> NoReturn:
    (folder,) = arguments
    # Ctrl-C reaches it too, but it ends with its host, which lets runs finish first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        serve(_take_link(), Path(folder))
    except LinkLostError:
        _end()
    except BaseException:  # noqa: BLE001 - threads of the app must not keep alive what no longer takes invocations
        traceback.print_exc()
        _end(1)


def serve(link: Link, folder: Path) -> NoReturn:
    """Run what the host sends. Raises LinkLostError when the host is gone."""
    logs.configure(host_json.read(folder / "host.json").log_levels)
    os.chdir(folder)
    invocations: SimpleQueue[Invocation] = SimpleQueue()
    # From the start, since an app may take long to load when its host dies.
    threading.Thread(target=_receive, args=[link, invocations], name="link", daemon=True).start()
    try:
        loaded = app.load(folder)
    except CannotStart as error:
        link.send(NotLoaded(reason=str(error)))
        _end()
    except Exception:  # noqa: BLE001 - the app's own, raised while it was imported
        traceback.print_exc()
        link.send(NotLoaded(reason="the app could not be loaded"))
        _end()
    runs = Runs(loaded, on_end=lambda ended: _answer(link, ended))
    link.send(Indexed(functions=[each.function for each in loaded]))
    while True:
        runs.begin(invocations.get())


def _receive(link: Link, invocations: "SimpleQueue[Invocation]") -> None:
    try:
        while True:
            invocations.put(link.receive())
    except LinkLostError:
        _end()


def _answer(link: Link, ended: Ended) -> None:
    try:
        link.send(ended)
    except LinkLostError:
        _end()
    except Exception as error:  # noqa: BLE001 - whatever pickle raises on what the function returned
        unsent = f"What the function returned cannot be sent ({type(error).__name__})."
        link.send(Ended(run_id=ended.run_id, error=unsent))


def _take_link() -> Link:
    """Keep stdin and stdout for the link alone."""
    reader, writer = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return Link(reader=os.fdopen(reader, "rb"), writer=os.fdopen(writer, "wb"))


def _end(code: int = 0) -> NoReturn:
    """End without waiting for the app's threads, as a process does whose host is gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
