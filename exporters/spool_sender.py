"""Delivering what waits: when to try, how long to wait after a failure, whose spans to take over.

``round`` does what is due and says how long there is nothing to do. A thread calls it (``spool_thread``), or a test
that has a clock of its own.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress

from .otlp_http import Answer, Verdict
from .spool_delivery import BATCH_SPANS, Delivery
from .spool_folder import retire, writers
from .spool_lock import FileLock
from .spool_log import LOCK_FILE, segments
from .spool_queue import SpoolQueue
from .spool_room import make_room
from .spool_starts import add_interrupted
from .spool_store import SpoolStore

DELAY_S = 0.5
CHORES_S = 1.0
SYNC_S = 0.5
ORPHANS_S = 30.0
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
REQUEST_S = 10.0

_logger = logging.getLogger(__name__)

Post = Callable[[bytes, float], Answer]


class SpoolSender:
    """Delivers the spans of a store, and of dead processes, to where ``post`` sends them.

    ``where`` names the place in messages. After a failure it waits a second, then twice as long each time up to a
    minute, give or take a quarter; a ``Retry-After`` is honoured. ``tell`` hears what goes wrong, each kind once; it
    is a logger's warning by default.
    """

    def __init__(
        self,
        store: SpoolStore,
        post: Post,
        where: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.store = store
        self.where = where
        self._clock = clock
        self._chance = chance
        self._transport = post
        self._delivery = Delivery(self._post)
        self._adopted: dict[str, tuple[SpoolQueue, FileLock]] = {}
        self._deadline: float | None = None
        self._failures = 0
        self._not_before = 0.0
        self._first_seen: float | None = None
        self._chores_at = 0.0
        self._orphans_at = 0.0
        self._said: set[str] = set()
        self._problem_said = ""
        self._tell = tell or _logger.warning

    def round(self, *, urgent: bool = False) -> float | None:
        """Do what is due; the seconds until there is more to do, or None for as long as nothing comes."""
        now = self._clock()
        if urgent or now >= self._chores_at:
            self._do_chores(now, urgent)
        waiting = self.store.waiting
        self._first_seen = (self._first_seen if self._first_seen is not None else now) if waiting else None
        if waiting or self._adopted:
            due = max(self._not_before, self._ripe(waiting))
            if urgent or now >= due:
                self._drain()
        return self._pause()

    def left(self) -> bool:
        """Whether anything of ours or of the dead is still to be delivered."""
        return bool(self.store.waiting or self._adopted)

    def limit(self, deadline: float | None) -> None:
        """Let no request go beyond a time of the clock."""
        self._deadline = deadline

    def release(self) -> None:
        """Leave what was taken over to others."""
        for _, lock in self._adopted.values():
            lock.release()
        self._adopted.clear()

    def _ripe(self, waiting: int) -> float:
        """When the first span has waited long enough for others to come along."""
        if waiting >= BATCH_SPANS or self._adopted or self._first_seen is None:
            return 0.0
        return self._first_seen + DELAY_S

    def _pause(self) -> float | None:
        now = self._clock()
        times = [self._orphans_at]
        waiting = self.store.waiting
        if waiting or self._adopted:
            times += [max(self._not_before, self._ripe(waiting)), now + SYNC_S]
        if self.store.problem:
            times.append(self._chores_at)
        return max(0.0, min(times) - now)

    def _do_chores(self, now: float, urgent: bool) -> None:
        self._chores_at = now + CHORES_S
        self._make_room()
        self.store.tend()
        self.store.sync()
        if urgent or now >= self._orphans_at:
            self._orphans_at = now + ORPHANS_S
            self._adopt()
        if self.store.problem and self.store.problem != self._problem_said:
            self._problem_said = self.store.problem
            self._tell(
                "traces are kept in memory only, up to a bound, because the spool cannot be written: "
                f"{self.store.problem}; free the disk, or name another folder in WFTRACE_SPOOL_DIR"
            )
        elif not self.store.problem and not len(self.store.memory):
            self._problem_said = ""

    def _make_room(self) -> None:
        """When the spool is nearly full, what the dead have left goes before what is ours: it is older."""
        lacking = self.store.lacking()
        for queue, _ in self._adopted.values():
            if lacking <= 0:
                return
            with suppress(OSError):
                make_room(queue.folder, queue.state.passed, lacking)
            queue.reread()
            lacking = self.store.lacking()

    def _drain(self) -> None:
        """Deliver until nothing is left, or the backend wants to be left alone."""
        before = self.store.accounts().delivered
        verdict: Verdict | None = None
        for name, (queue, lock) in list(self._adopted.items()):
            verdict = self._delivery.drain(queue, self._may_go_on)
            if verdict is not None or not self._may_go_on():
                break
            with suppress(OSError):
                retire(queue.folder)
            lock.release()
            del self._adopted[name]
        queues = [queue for queue in (self.store.queue, self.store.memory) if queue is not None]
        for mine in queues:
            verdict = verdict or self._delivery.drain(mine, self._may_go_on)
        self._tell_refusals()
        if verdict is None:
            self._succeed()
        else:
            self._fail(verdict, self.store.accounts().delivered > before)

    def _succeed(self) -> None:
        if self._failures and self._may_go_on():
            self._failures = 0
            self._said.clear()
            _logger.info("%s takes traces again; what waited is delivered", self.where)
        self._not_before = 0.0
        self._first_seen = None

    def _fail(self, verdict: Verdict, moved: bool) -> None:
        self._failures = 1 if moved else self._failures + 1
        wait = min(FIRST_WAIT_S * 2.0 ** min(self._failures - 1, 10), LONGEST_WAIT_S) * (0.75 + self._chance() / 2)
        self._not_before = self._clock() + max(wait, verdict.after or 0.0)
        kind = verdict.why.partition(" (")[0]
        if kind not in self._said:
            self._said.add(kind)
            self._tell(f"traces wait in {self.store.destination.folder}: {self.where}: {verdict.why}")

    def _tell_refusals(self) -> None:
        refusals, self._delivery.refusals = self._delivery.refusals, []
        if refusals:
            self._tell(
                f"{self.where} turned spans away for good; they are set aside, and wftrace spool status counts them: "
                f"{refusals[-1]}"
            )

    def _may_go_on(self) -> bool:
        return self._deadline is None or self._clock() < self._deadline

    def _post(self, body: bytes) -> Answer:
        left = REQUEST_S if self._deadline is None else min(REQUEST_S, self._deadline - self._clock())
        if left <= 0:
            return Answer(0, error="no time is left")
        return self._transport(body, left)

    def _adopt(self) -> None:
        """Take over what processes that are dead have left, with the spans that they had begun."""
        own = self.store.log.folder.name if self.store.log else ""
        for folder in writers(self.store.destination.folder):
            if folder.name == own or folder.name in self._adopted or not segments(folder):
                continue
            lock = FileLock(folder / LOCK_FILE)
            try:
                if not lock.acquire():
                    continue
                queue = SpoolQueue(folder)
                made = add_interrupted(folder, queue.state)
            except OSError:
                lock.release()
                continue
            if made:
                queue.state = queue.state.settled(queue.state.passed, interrupted=made)
                queue.save()
            self._adopted[folder.name] = (queue, lock)
