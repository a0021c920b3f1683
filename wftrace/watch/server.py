"""The server: a page on 127.0.0.1 for whoever has its address, and a stream of what is new on it.

The address holds a token that is made for each server; requests that lack it, or that came in under another host's name
(DNS rebinding), get nothing. Nothing can be changed from outside: there is only GET.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import secrets
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from .board import Board
from .errors import WatchError
from .page import Told, page_html, page_policy, tell
from .views import Views

ADDRESS = "127.0.0.1"
CONNECTIONS = 32
STREAMS = 16
STREAM_PAUSE = 0.3
"""Seconds between two looks for something new."""

STILL_HERE = 10.0
"""Seconds without news after which a stream says that it is still there."""

PATIENCE = 10.0
"""Seconds that a connection may take to ask, or to take what it is sent."""

_logger = logging.getLogger("wftrace")
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class WatchServer(ThreadingHTTPServer):
    """Serves the board until it is closed. ``url`` is the address of its page.

    Raises ``WatchError`` when the port is taken.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # elsewhere it would share the port with a stranger
    request_queue_size = CONNECTIONS

    def __init__(self, board: Board, title: str, *, port: int = 0, token: str | None = None) -> None:
        self.board = board
        self.title = title
        self.views = Views(board)
        self.token = token or secrets.token_urlsafe(18)
        self.closing = threading.Event()
        self.streams = threading.BoundedSemaphore(STREAMS)
        self._connections = threading.BoundedSemaphore(CONNECTIONS)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise WatchError(
                f"port {port} of {ADDRESS} cannot be used: {reason}; take another, or 0 for any"
            ) from error

    @property
    def url(self) -> str:
        """The address of the page, with its token."""
        return f"http://{ADDRESS}:{self.server_port}{self.base}"

    @property
    def base(self) -> str:
        """The path that all its addresses begin with."""
        return f"/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which a browser may have come here."""
        return (f"{ADDRESS}:{self.server_port}", f"localhost:{self.server_port}")

    def server_bind(self) -> None:
        """Bind without asking a name server who we are."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.socket.getsockname()[1]

    def start(self) -> None:
        """Serve, in a thread of its own."""
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.2}, name="wftrace-watch-server", daemon=True
        ).start()

    def close(self) -> None:
        """Serve no longer; streams end by themselves."""
        self.closing.set()
        self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection, or turn it away when there are too many."""
        if not self._connections.acquire(blocking=False):
            with suppress(OSError):
                request.settimeout(1)
                request.sendall(_BUSY)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, in a thread of its own."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is no news; a fault of ours is one line in the log."""
        error = sys.exception()
        if not isinstance(error, OSError):
            _logger.warning("the watch page could not answer a request: %s: %s", type(error).__name__, error)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: WatchServer
    protocol_version = "HTTP/1.1"
    server_version = "wftrace"
    sys_version = ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        """The page, a report in it, or the stream."""
        self.close_connection = True
        parts = self._parts()
        if parts is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        match parts:
            case [""]:
                self._page(None)
            case ["run", number] if _is_number(number):
                self._page(int(number))
            case ["report", number] if _is_number(number):
                self._report(int(number))
            case ["events"]:
                self._stream(None)
            case ["events", number] if _is_number(number):
                self._stream(int(number))
            case _:
                self._refuse(HTTPStatus.NOT_FOUND)

    def _parts(self) -> list[str] | None:
        """The parts of the path behind the token; None for whoever has no business here."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].strip().lower() not in self.server.hosts:
            return None
        path = self.path.partition("?")[0]
        token, slash, rest = path.removeprefix("/").partition("/")
        known = hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode())
        return rest.split("/") if known and slash else None

    def _page(self, number: int | None) -> None:
        told = tell(self.server.board, self.server.views, self.server.base, number)
        if told is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        body = page_html(told, self.server.title, self.server.base, number)
        self._send(body, {"Content-Security-Policy": f"{page_policy()}; frame-ancestors 'none'"})

    def _report(self, number: int) -> None:
        try:
            page = self.server.views.page(number)
        except Exception:  # a fault of ours, which must neither end the page nor be hidden
            _logger.warning("the report of run %d cannot be made", number, exc_info=True)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        if page is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        self._send(page, {"Content-Security-Policy": "frame-ancestors 'self'"})

    def _stream(self, number: int | None) -> None:
        if not self.server.streams.acquire(blocking=False):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        try:
            self._head(HTTPStatus.OK, "text/event-stream; charset=utf-8", {})
            self.wfile.write(b"retry: 1000\n\n")
            self._send_news(number)
        finally:
            self.server.streams.release()

    def _send_news(self, number: int | None) -> None:
        """Send what is on the page whenever it has changed, until the reader or the server goes."""
        last: Told | None = None
        said_at = time.monotonic()
        while True:
            told = tell(self.server.board, self.server.views, self.server.base, number)
            if told is None:
                self.wfile.write(b"event: gone\ndata: {}\n\n")
                return
            if told != last:
                self.wfile.write(b"data: " + json.dumps(told.as_json()).encode("ascii") + b"\n\n")
                last, said_at = told, time.monotonic()
            elif time.monotonic() - said_at >= STILL_HERE:
                self.wfile.write(b": still here\n\n")
                said_at = time.monotonic()
            if self.server.closing.wait(STREAM_PAUSE):
                self.wfile.write(b"event: end\ndata: {}\n\n")
                return

    def _send(self, text: str, headers: dict[str, str]) -> None:
        body = text.encode("utf-8", "replace")
        self._head(HTTPStatus.OK, "text/html; charset=utf-8", {"Content-Length": str(len(body)), **headers})
        self.wfile.write(body)

    def _refuse(self, status: HTTPStatus) -> None:
        body = f"{status.value} {status.phrase}\n".encode()
        self._head(status, "text/plain; charset=utf-8", {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        fixed = {
            "Content-Type": kind,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Connection": "close",
        }
        for name, value in {**fixed, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request that we know, without echoing it."""
        self.close_connection = True
        with suppress(ValueError):
            self._refuse(HTTPStatus(code))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are no news."""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
