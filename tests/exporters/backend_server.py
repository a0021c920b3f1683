"""A backend on the loopback whose answers are chosen while it runs: well, ill in many ways, or hanging."""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.exporters.spooling import names_in, partial

ILLS = ("503", "429", "500", "413", "401", "302", "307", "html", "garbage", "hang", "close", "partial")


class BackendServer:
    """Takes traces at ``url``; ``ill`` says what is wrong with it, "" when nothing is. ``taken`` counts names.

    Its redirects lead to a page that answers as if all were well.
    """

    def __init__(self, ill: str = "") -> None:
        self.ill = ill
        self.taken: Counter[str] = Counter()
        self.requests = 0
        self.released = threading.Event()
        self._lock = threading.Lock()
        backend = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
                backend.answer(self, names_in(body))

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, names: list[str]) -> None:
        """Answer a request as it is chosen now."""
        astray = handler.path.endswith("/login")
        ill = "login" if astray else self.ill
        with self._lock:
            self.requests += 1
            if ill in ("", "partial"):
                self.taken.update(names)
        if ill == "close":
            handler.close_connection = True
            return
        if ill == "hang":
            self.released.wait(30)
            return
        code = int(ill) if ill.isdigit() else 200
        kind = "text/html" if ill in ("html", "302") else "application/x-protobuf"
        body = {"html": b"<html>log in</html>", "garbage": b"\xff\xfe\x00!", "partial": partial(1).body}.get(ill, b"")
        handler.send_response(code)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(body)))
        if ill in ("302", "307"):
            handler.send_header("location", f"{self.url}/login")
        handler.end_headers()
        handler.wfile.write(body)

    def close(self) -> None:
        """Stop listening."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
