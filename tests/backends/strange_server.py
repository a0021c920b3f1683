"""A server on the loopback that answers each path as it is told, and keeps what it was asked."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """An answer. ``promised`` is a length that is not true; ``drip`` sends a byte at a time, for ever."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None
    drip: bool = False
    hang: bool = False


def as_json(value: object, status: int = 200, packed: bool = False) -> Reply:
    """A value as JSON, gzipped or not."""
    body = json.dumps(value).encode()
    return Reply(
        gzip.compress(body) if packed else body, status, headers={"content-encoding": "gzip"} if packed else {}
    )


class StrangeServer:
    """Answers with what ``replies`` has for a path (a list: one after the other), else with ``otherwise``."""

    def __init__(
        self, otherwise: Reply | None = None, replies: Mapping[str, Reply | list[Reply]] | None = None
    ) -> None:
        self.otherwise = otherwise or Reply(status=404)
        self.replies = dict(replies or {})
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                server.asked.append((parts.path, parse_qs(parts.query)))
                server.headers.append({key.lower(): value for key, value in self.headers.items()})
                found = server.replies.get(parts.path, server.otherwise)
                server.send(self, found.pop(0) if isinstance(found, list) else found)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        """Send one answer."""
        if reply.hang:
            self.released.wait(30)
            return
        handler.send_response(reply.status)
        handler.send_header("content-type", reply.kind)
        handler.send_header("content-length", str(len(reply.body) if reply.promised is None else reply.promised))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        try:
            while reply.drip and not self.released.is_set():
                handler.wfile.write(b" ")
                time.sleep(0.02)
            handler.wfile.write(reply.body)
        except OSError:  # whoever asked has gone
            return

    def close(self) -> None:
        """Stop listening."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
