"""Serves the console on 127.0.0.1, for one operator with the operator's own settings and rights."""

import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from leadpipe.console.door import ENTER, LocalDoor
from leadpipe.console.site import Console
from leadpipe.model.errors import LeadpipeError
from leadpipe.operations.target import Target

ADDRESS = "127.0.0.1"


class _Handler(WSGIRequestHandler):
    """Logs nothing: an address has the token, or what was searched for."""

    server_version = "leadpipe"
    sys_version = ""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        del type, message, args


class Server:
    """Listens from the moment it is made, so that its address is known. `run` serves until it is stopped."""

    def __init__(
        self, target: Target, *, port: int, actor: str, now: Callable[[], datetime], environment: Mapping[str, str]
    ) -> None:
        listener = _listener(port)
        self.port = listener.getsockname()[1]
        self.door = LocalDoor(self.port, actor=actor)
        self.console = Console(target, door=self.door, now=now, environment=environment)
        self._server: BaseWSGIServer = make_server(
            ADDRESS, self.port, self.console, threaded=True, request_handler=_Handler, fd=listener.detach()
        )

    @property
    def start_address(self) -> str:
        """The address that lets one browser in. It works once; then there is a new one."""
        return f"http://{ADDRESS}:{self.port}{ENTER}?token={self.door.token}"

    def run(self) -> None:
        """Serves until it is stopped, or interrupted; leads that a plan has begun are finished."""
        try:
            self._server.serve_forever()
        finally:
            self.close()

    def close(self) -> None:
        self._server.server_close()
        self.console.close()

    def stop(self) -> None:
        self._server.shutdown()


def _listener(port: int) -> socket.socket:
    """Raises LeadpipeError where the port is taken."""
    try:
        return socket.create_server((ADDRESS, port))
    except (OSError, OverflowError) as error:
        detail = f"port {port} of this machine cannot be used: is a console running already? --port 0 takes a free one"
        raise LeadpipeError("port_taken", detail) from error
