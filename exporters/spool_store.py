"""Where spans are put as they end: into the log, or into memory while the disk takes none. Threads, forks, signals.

``put`` is called by the application. It encodes nothing, waits for nothing but the one write, and never raises. The
chores (making room, trying the disk again) are the sender's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from .spool_accounts import FULL, UNENCODABLE, Accounts, State
from .spool_folder import Destination, prepare, retire, size_of
from .spool_log import SEGMENT_BYTES, SpoolLog
from .spool_memory import MEMORY_BYTES, MemoryQueue
from .spool_queue import Place, SpoolQueue
from .spool_record import HEADER_BYTES, Kind, Record, records
from .spool_room import make_room

AT_EXIT = "in memory at the end"
REMOVED = "removed from disk"
MOVED_AT_ONCE = 100


class SpoolStore:
    """The spans of one process for one destination. ``written`` counts all that were put.

    ``problem`` says why the disk is not used, and is empty while it is.
    """

    def __init__(
        self,
        destination: Destination,
        limit: int,
        *,
        memory: int = MEMORY_BYTES,
        segment: int = SEGMENT_BYTES,
    ) -> None:
        self.destination = destination
        self._limit = limit
        self._memory_limit = memory
        self._segment = min(segment, max(4096, limit // 8))
        self.after_fork()
        with self._lock:
            self._open()

    def after_fork(self) -> None:
        """Begin anew, as the child of a fork does: what the parent has is the parent's."""
        self._lock = threading.RLock()
        self._busy = False
        self._late: list[Record] = []
        self._begun: dict[bytes, tuple[int, Record]] = {}
        self._room = 0
        self._gone = 0
        self._gone_before = 0
        log = getattr(self, "log", None)
        if log is not None:
            log.close()
        self.log: SpoolLog | None = None
        self.queue: SpoolQueue | None = None
        self.memory = MemoryQueue(self._memory_limit)
        self.problem = ""
        self.written = 0
        self.closed = False

    def put(self, record: Record) -> None:
        """Keep an ended span, or note that one has begun (``START``)."""
        with self._lock:
            if self._busy:  # a signal handler or a finalizer, in the middle of the call below
                self._late.append(record)
                return
            with self._turn():
                self._write(record)

    def put_unencodable(self) -> None:
        """Count a span of which nothing could be told."""
        with self._lock:
            self.written += 1
            self.memory.count(Accounts(dropped={UNENCODABLE: 1}))

    @property
    def waiting(self) -> int:
        """How many spans are to be delivered."""
        return self.accounts().waiting

    def accounts(self) -> Accounts:
        """What became of the spans that were put."""
        with self._lock:
            number = self.log.number if self.log else 0
            state = self.queue.state if self.queue else self._state
            gone = self._gone - (state.accounts.dropped.get(FULL, 0) - self._gone_before)
            accounts = state.accounts + self.memory.accounts() + Accounts(waiting=number - state.passed - gone)
            return accounts + Accounts(dropped={FULL: gone}) if gone else accounts

    def tend(self) -> None:
        """The chores: the disk is tried again, room is made, and what waits in memory moves to the disk."""
        with self._lock:
            if self.closed:
                return
            if self.log is None:
                self._open()
            elif not self.log.exists:
                self._open_anew()
        self._make_room()
        self._move()
        with self._lock:
            self._count(self.memory.settled())

    def lacking(self) -> int:
        """How many bytes should be freed, all writers for this destination taken together; 0 while there is room."""
        with self._lock:
            self._room = self._limit - size_of(self.destination.folder)
            return max(0, self._limit // 4 - self._room) if self._room <= self._limit // 8 else 0

    def sync(self) -> None:
        """Have the disk keep what was written."""
        log = self.log
        if log is not None:
            with suppress(OSError):
                log.sync()

    def close(self) -> None:
        """End in good order. What still waits is left for the next process."""
        self.tend()
        with self._lock:
            self.closed = True
            log, queue = self.log, self.queue
            if log is None or queue is None:
                return
            lost = len(self.memory)
            self._count(self.memory.settled() + Accounts(dropped={AT_EXIT: lost} if lost else {}))
            self.memory = MemoryQueue(self._memory_limit)
            with suppress(OSError):
                log.append(Kind.CLOSED)
            done = log.number == queue.state.passed
            queue.save()
            if done:
                with suppress(OSError):
                    retire(log.folder)
            log.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Be the one who writes; what comes in between is written at the end."""
        self._busy = True
        try:
            yield
            while self._late:
                self._write(self._late.pop(0))
        finally:
            self._busy = False

    def _write(self, record: Record) -> None:
        size = HEADER_BYTES + len(record.payload)
        if record.is_span:
            self.written += 1
            self._begun.pop(record.span_id, None)
        if self.log is None and not self.problem:
            self._open()
        if self.log is not None and not self.problem and self._room >= size:
            try:
                self.log.append(record.kind, record.trace_id, record.span_id, record.payload)
                self._room -= size
                if record.kind is Kind.START:
                    self._begun[record.span_id] = (self.log.index, record)
                return
            except OSError as error:
                self._fail(error)
        if record.is_span:
            self.memory.put(record)

    def _open(self, state: State | None = None) -> None:
        """Begin a log. When the disk refuses, ``problem`` says so."""
        try:
            prepare(self.destination)
            self._room = self._limit - size_of(self.destination.folder)
            log = SpoolLog(self.destination.folder, self._segment)
        except OSError as error:
            self._fail(error)
            return
        self.log = log
        self.queue = SpoolQueue(log.folder, end=lambda: self._end(log), leave=self._carry_over)
        self.queue.state = replace(state or self._state, passed=0)
        self._state = State()
        self._gone = 0
        self._gone_before = self.queue.state.accounts.dropped.get(FULL, 0)
        self.problem = ""

    def _open_anew(self) -> None:
        """The folder was removed: save what the open file still holds, count the rest, begin another log."""
        assert self.log is not None
        assert self.queue is not None
        old, state = self.log, self.queue.state
        accounts = self.accounts()
        in_memory = self.memory.accounts()
        try:
            saved = [record for record in records(old.content()) if record.is_span and record.number > state.passed]
        except OSError:
            saved = []
        lost = accounts.waiting - in_memory.waiting - len(saved)
        gone = accounts.dropped.get(FULL, 0) - state.accounts.dropped.get(FULL, 0)
        dropped = {reason: count for reason, count in ((REMOVED, lost), (FULL, gone)) if count}
        old.close()
        self.log = self.queue = None
        self._begun.clear()
        self._state = replace(state, passed=0, accounts=state.accounts + Accounts(dropped=dropped))
        self._gone = 0
        self._gone_before = self._state.accounts.dropped.get(FULL, 0)
        for record in saved:
            self.memory.put(record)
        self._open()

    def _end(self, log: SpoolLog) -> Place:
        with self._lock:
            return log.index, log.size

    def _carry_over(self, index: int) -> None:
        """Before a segment is deleted: note again the spans that were begun there and are not ended yet."""
        with self._lock:
            kept = [record for place, record in self._begun.values() if place == index]
            for record in kept:
                self.put(record)

    def _make_room(self) -> None:
        """Drop whole traces when the spool is nearly full."""
        lacking = self.lacking()
        with self._lock:
            if self.log is None or self.queue is None or not lacking:
                return
            try:
                self.log.rotate()
            except OSError as error:
                self._fail(error)
                return
            log, queue = self.log, self.queue
        try:
            dropped = make_room(log.folder, queue.state.passed, lacking, before=log.index)
        except OSError:
            dropped = 0
        queue.reread()
        with self._lock:
            self._gone += dropped
            self._room = self._limit - size_of(self.destination.folder)

    def _move(self) -> None:
        """What waits in memory moves to the disk, a few spans at a time, so that nobody waits long."""
        if self.problem:
            with self._lock:
                self.problem = "" if self.log is not None else self.problem
        while not self.problem and len(self.memory):
            with self._lock, self._turn():
                for _ in range(MOVED_AT_ONCE):
                    if not self._move_one():
                        return

    def _move_one(self) -> bool:
        record = self.memory.pop()
        if record is None or self.log is None:
            return False
        size = HEADER_BYTES + len(record.payload)
        try:
            if self._room < size:
                raise BlockingIOError
            self.log.append(record.kind, record.trace_id, record.span_id, record.payload)
            self._room -= size
        except BlockingIOError:
            self.memory.put_back(record)
            return False
        except OSError as error:
            self.memory.put_back(record)
            self._fail(error)
            return False
        return True

    def _count(self, accounts: Accounts) -> None:
        """Add the accounts of spans that never were on the disk."""
        if self.queue is not None:
            self.queue.state = replace(self.queue.state, accounts=self.queue.state.accounts + accounts)
        else:
            self._state = replace(self._state, accounts=self._state.accounts + accounts)

    def _fail(self, error: OSError) -> None:
        place = error.filename or self.destination.folder
        self.problem = f"{os.fspath(place)}: {error.strerror or error}"

    _state = State()
