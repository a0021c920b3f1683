"""The durable way to a backend: each span is on the disk before anything else happens to it.

A span that ends is appended to a file; a thread delivers what the files hold and forgets a span only when the backend
has said that it has it. What a process leaves when it ends or dies is delivered by the next one.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor

from wftrace import semconv as words

from .otlp_http import OtlpAddress, OtlpHttp
from .span_bytes import SpanEncoder
from .spool_accounts import Accounts
from .spool_folder import Destination, spool_limit, spool_root
from .spool_record import Kind, Record
from .spool_sender import Post, SpoolSender
from .spool_store import SpoolStore
from .spool_thread import SpoolThread

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

CLOSE_SECONDS = 4.0


class Spool(SpanProcessor):
    """Delivers spans to ``address`` and loses none: not in an outage, not when the process is killed.

    ``folder`` holds the spools of all destinations, ``limit`` is in bytes; both have defaults that the environment may
    change. ``target`` is the word that the user gave. Nothing here raises into the application, and nothing in
    ``on_end`` waits for more than one write to a file. Raises ``SpoolError`` for a limit that is none.
    """

    def __init__(
        self,
        address: OtlpAddress,
        *,
        target: str = "",
        folder: Path | None = None,
        limit: int | None = None,
        post: Post | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        place = destination(address, target=target, folder=folder)
        self.store = SpoolStore(place, spool_limit() if limit is None else limit)
        self._http = OtlpHttp(address)
        self._encoder = SpanEncoder()
        sender = SpoolSender(self.store, post or self._http.post, address.shown, clock=clock)
        self._thread = SpoolThread(sender, clock)
        self._open = True
        if hasattr(os, "register_at_fork"):
            me = weakref.WeakMethod(self._after_fork)
            os.register_at_fork(after_in_child=lambda: _call(me()))
        self._thread.wake()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note that a run or a step attempt has begun, so that it can be told even if it never ends."""
        if self._open and words.OPERATION_NAME in (span.attributes or ()) and words.RUN_ID in (span.attributes or ()):
            with suppress(Exception):  # telemetry never raises into the application
                self._put(span, Kind.START)

    def on_end(self, span: ReadableSpan) -> None:
        """Put an ended span on the disk."""
        if self._open:
            try:
                self._put(span, Kind.SPAN if span.parent and not span.parent.is_remote else Kind.ROOT)
                self._thread.wake()
            except Exception:  # strangers' spans; telemetry never raises into the application
                self.store.put_unencodable()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Try to deliver everything now; whether the backend has it all. In an outage it does not wait longer than one
        failed request.
        """
        return not self._open or self._thread.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Called by the provider at its end."""
        self.close()

    def close(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Try to deliver everything, and stop, within ``timeout`` seconds; False when spans are left in the spool.

        They are delivered by the next process that traces to the same place, or by ``wftrace spool flush``.
        """
        if not self._open:
            return True
        self._open = False
        drained = self._thread.stop(timeout)
        self._http.close()
        return drained

    def accounts(self) -> Accounts:
        """What became of the spans of this process: ``written = delivered + waiting + dropped + refused``."""
        return self.store.accounts()

    def _put(self, span: ReadableSpan, kind: Kind) -> None:
        ids = span.get_span_context()
        if ids is None or not ids.trace_flags.sampled:
            return
        payload = self._encoder.encode(span)
        if payload is not None:
            trace_id, span_id = ids.trace_id.to_bytes(16, "big"), ids.span_id.to_bytes(8, "big")
            self.store.put(Record(kind, 0, trace_id, span_id, payload))
        elif kind is not Kind.START:
            self.store.put_unencodable()

    def _after_fork(self) -> None:
        self.store.after_fork()
        self._thread.sender.release()
        self._thread.after_fork()


def destination(address: OtlpAddress, *, target: str = "", folder: Path | None = None) -> Destination:
    """Where on the disk the spans for an address wait."""
    return Destination((folder or spool_root()) / address.identity, target or address.shown, address.shown)


def _call(method: Callable[[], None] | None) -> None:
    if method is not None:
        method()
