"""How spans that wait are delivered: batch by batch, split where a batch is refused, set aside where a span is.

A queue's spans are dealt with in their order. A span is set aside only when the backend says that it is at fault, or
when it fails again and again while its neighbours are taken; an outage never condemns a span.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .otlp_http import Answer, Verdict, judge
from .span_bytes import DecodeError, merged, readable
from .spool_queue import Lost, Spans
from .spool_record import Record

BATCH_SPANS = 512
BATCH_BYTES = 4 * 1024 * 1024
SMALLEST_BATCH_BYTES = 16 * 1024
PATIENCE = 3
"""Times that a batch may fail with an error of the backend's own before its spans are suspected."""
TRIALS = 5
WITNESSES = 8

Post = Callable[[bytes], Answer]


class Queue(Protocol):
    """Spans that wait, in memory or in files."""

    def take(self, limit: int, size: int) -> Spans | Lost | None:
        """What is next."""

    def settle(self, done: Sequence[Record], *, refused: int = 0) -> None:
        """Spans are dealt with."""

    def lose(self, lost: Lost) -> None:
        """Spans are not there any more."""

    def aside(self, done: Sequence[Record], why: str, request: bytes) -> None:
        """Keep what was refused."""


@dataclass(slots=True)
class _Suspicion:
    """The first span of the batch that keeps failing, and how often it did."""

    first: tuple[int, bytes] = (0, b"")
    times: int = 0


class Delivery:
    """Delivers what waits through ``post``, until the backend wants to be left alone."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._size = BATCH_BYTES
        self._suspicion = _Suspicion()
        self.refusals: list[str] = []

    def drain(self, queue: Queue, may_go_on: Callable[[], bool] = lambda: True) -> Verdict | None:
        """Deliver what waits in a queue. None when nothing is left or ``may_go_on`` ends it, else why to wait."""
        while may_go_on():
            piece = queue.take(BATCH_SPANS, self._size)
            if piece is None:
                return None
            if isinstance(piece, Lost):
                queue.lose(piece)
                continue
            verdict = self._deliver(queue, piece.records)
            if verdict is not None:
                return verdict
        return None

    def _deliver(self, queue: Queue, batch: Sequence[Record]) -> Verdict | None:
        """Deliver a batch, in halves where it must be; None when all of it is dealt with."""
        left, witness = [batch], None
        while left:
            part = left.pop()
            verdict = self._send(part)
            if verdict.kind == "taken":
                self._accept(queue, part, verdict)
                continue
            if verdict.kind == "suspect":
                witness = witness or self._witness(part)
                if witness is None:
                    return verdict
            elif verdict.kind == "later":
                return verdict
            if len(part) > 1:
                left += [part[len(part) // 2 :], part[: len(part) // 2]]
                self._shrink(verdict, part)
            elif witness is None or self._guilty(part, witness):
                self._refuse(queue, part, verdict.why)
            else:
                return verdict
        self._size = min(BATCH_BYTES, self._size * 2)
        return None

    def _send(self, part: Sequence[Record]) -> Verdict:
        try:
            body = merged(record.payload for record in part).SerializeToString()
        except DecodeError:
            return Verdict("split", "a record in the spool is no span")
        return judge(self._post(body), len(part))

    def _accept(self, queue: Queue, part: Sequence[Record], verdict: Verdict) -> None:
        self._suspicion = _Suspicion()
        if verdict.refused:
            why = f"{verdict.refused} of {len(part)} spans were refused: {verdict.why or 'the backend says no reason'}"
            self.refusals.append(why)
            queue.aside(part, why, merged(record.payload for record in part).SerializeToString())
        queue.settle(part, refused=verdict.refused)

    def _refuse(self, queue: Queue, part: Sequence[Record], why: str) -> None:
        self.refusals.append(why)
        if readable(part[0].payload):
            queue.aside(part, why, part[0].payload)
        queue.settle(part, refused=len(part))

    def _shrink(self, verdict: Verdict, part: Sequence[Record]) -> None:
        if verdict.kind == "too large":
            size = sum(len(record.payload) for record in part) // 2
            self._size = max(SMALLEST_BATCH_BYTES, min(self._size, size))

    def _witness(self, part: Sequence[Record]) -> Record | None:
        """A span of a batch that is taken alone, when the batch has failed often: then another one is at fault."""
        first = (part[0].number, part[0].span_id)
        times = self._suspicion.times + 1 if self._suspicion.first == first else 1
        self._suspicion = _Suspicion(first, times)
        if times < PATIENCE or len(part) < 2:
            return None
        step = max(1, len(part) // WITNESSES)
        return next((record for record in part[::-step] if self._send([record]).kind == "taken"), None)

    def _guilty(self, part: Sequence[Record], witness: Record) -> bool:
        """Whether a span fails every time although the witness is taken every time."""
        for _ in range(TRIALS):
            if self._send([witness]).kind != "taken" or self._send(part).kind != "suspect":
                return False
        return True
