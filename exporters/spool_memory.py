"""Where spans wait while the disk takes none: in memory, bounded, the oldest dropped first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from .spool_accounts import MEMORY_FULL, Accounts
from .spool_queue import Lost, Spans
from .spool_record import HEADER_BYTES, Record

MEMORY_BYTES = 16 * 1024 * 1024


class MemoryQueue:
    """Spans in memory. What was taken is kept until it is settled, and never dropped meanwhile."""

    def __init__(self, limit: int = MEMORY_BYTES) -> None:
        self._limit = limit
        self._waiting: deque[Record] = deque()
        self._taken: deque[Record] = deque()
        self._size = 0
        self._lock = threading.RLock()
        self._settled = Accounts()

    def put(self, record: Record) -> None:
        """Keep a span."""
        with self._lock:
            self._waiting.append(record)
            self._size += _size(record)
            dropped = 0
            while self._size > self._limit and self._waiting:
                self._size -= _size(self._waiting.popleft())
                dropped += 1
            if dropped:
                self._settled += Accounts(dropped={MEMORY_FULL: dropped})

    def take(self, limit: int, size: int) -> Spans | Lost | None:
        """The oldest spans."""
        with self._lock:
            held = sum(len(record.payload) for record in self._taken)
            while self._waiting and len(self._taken) < limit and held < size:
                held += len(self._waiting[0].payload)
                self._taken.append(self._waiting.popleft())
            return Spans(tuple(self._taken)) if self._taken else None

    def settle(self, done: Sequence[Record], *, refused: int = 0) -> None:
        """The spans that were taken first are dealt with."""
        with self._lock:
            for record in done:
                self._taken.popleft()
                self._size -= _size(record)
            self._settled += Accounts(len(done) - refused, refused=refused)

    def lose(self, lost: Lost) -> None:
        """Nothing is ever lost here: what is dropped is counted at once."""

    def aside(self, done: Sequence[Record], why: str, request: bytes) -> None:
        """There is no place to set anything aside: the disk is what is missing."""

    def pop(self) -> Record | None:
        """Take the oldest span away, to be put elsewhere."""
        with self._lock:
            source = self._taken or self._waiting
            if not source:
                return None
            record = source.popleft()
            self._size -= _size(record)
            return record

    def put_back(self, record: Record) -> None:
        """Put a span back to the front."""
        with self._lock:
            self._waiting.appendleft(record)
            self._size += _size(record)

    def count(self, accounts: Accounts) -> None:
        """Note what became of spans that were never put here."""
        with self._lock:
            self._settled += accounts

    def settled(self) -> Accounts:
        """The accounts of what was dealt with since the last time; they are handed over, not kept."""
        with self._lock:
            settled, self._settled = self._settled, Accounts()
            return settled

    def accounts(self) -> Accounts:
        """The accounts, with what waits."""
        with self._lock:
            return self._settled + Accounts(waiting=len(self))

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken)


def _size(record: Record) -> int:
    return HEADER_BYTES + len(record.payload)
