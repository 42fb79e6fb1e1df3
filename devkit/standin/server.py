"""Serves HTTP/1.1 over TLS on this machine: a thread for each connection, which stays open between requests."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from devkit.standin.app import answer
from devkit.standin.refusal import NoReply

if TYPE_CHECKING:
    import ssl

    from devkit.standin.organisation.organisation import Organisation

_HANDSHAKE_SECONDS = 30
_IDLE_SECONDS = 600
_LARGEST_BODY = 16 * 1024 * 1024


class Server(ThreadedWSGIServer):
    # How many new connections may wait instead of being refused.
    request_queue_size = 1024

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext, organisation: Organisation) -> None:
        super().__init__(host, port, _no_wsgi, _Handler)
        # Not given to the base class: it would do the handshake while accepting, and one silent client would block all.
        self.ssl_context = tls
        self._tls = tls
        self.organisation = organisation

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Runs in the connection's own thread."""
        with self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as secured:
            secured.settimeout(_HANDSHAKE_SECONDS)
            secured.do_handshake()
            secured.settimeout(_IDLE_SECONDS)
            _Handler(secured, client_address, self)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Ignores clients that went away. Prints other errors' type only, since their text may quote a lead."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(f"connection ended by {type(error).__name__}", file=sys.stderr, flush=True)


class _Handler(WSGIRequestHandler):
    """Calls the application without WSGI, because the base class would close the connection after each answer."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        try:
            self._send(self._answer())
        except NoReply as nothing:
            self.close_connection = True
            self.wfile.write(nothing.raw)
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self) -> Response:
        request = Request(self.make_environ())
        request.max_content_length = _LARGEST_BODY
        try:
            # Always reads the whole body: the next request begins after it.
            request.get_data()
        except (HTTPException, OSError):
            self.close_connection = True
            return Response(status=413)
        return answer(self.server.organisation, request)

    def _send(self, response: Response) -> None:
        body = response.get_data()
        self.send_response(response.status_code)
        for name, value in response.headers:
            if name != "Content-Length":
                self.send_header(name, value)
        if response.status_code not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and body:
            self.wfile.write(body)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Logs nothing: addresses contain what clients search for, which may be personal data."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def _no_wsgi(_environ: Any, _start_response: Any) -> Any:
    raise NotImplementedError
