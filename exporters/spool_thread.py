"""The thread around a sender: it sleeps while there is nothing to do, and is made anew in the child of a fork."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from opentelemetry import context

from .spool_sender import CHORES_S, DELAY_S, SpoolSender

_logger = logging.getLogger(__name__)


class SpoolThread:
    """Calls a sender's rounds. The thread is made when there is something to do."""

    def __init__(self, sender: SpoolSender, clock: Callable[[], float] = time.monotonic) -> None:
        self.sender = sender
        self._clock = clock
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew: a thread does not live on in the child."""
        self._bell = Bell()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._asked: list[threading.Event] = []
        self._idle = False
        self._stopping = False
        self._drained = False

    def wake(self) -> None:
        """There is something to do. Cheap, and may be called from anywhere."""
        if self._thread is None:
            self._start()
        if self._idle:
            self._idle = False
            self._bell.ring()

    def flush(self, timeout: float) -> bool:
        """Try to deliver everything now; whether that was done within ``timeout`` seconds."""
        done = threading.Event()
        self._asked.append(done)
        self._start()
        self._bell.ring()
        return done.wait(timeout) and not self.sender.left()

    def stop(self, timeout: float) -> bool:
        """Try to deliver everything within ``timeout`` seconds, and end; whether all was delivered."""
        self._stopping = True
        self.sender.limit(self._clock() + timeout)
        self._start()
        thread = self._thread
        if thread is None:  # the interpreter starts no more threads
            self.sender.store.close()
            return False
        self._bell.ring()
        thread.join(timeout)
        return not thread.is_alive() and self._drained

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="wftrace-spool", daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError:  # at the end of the interpreter
            pass
        finally:
            self._starting.release()

    def _run(self) -> None:
        _suppress_instrumentation()
        while not self._stopping:
            self._idle = True  # before the round: whoever comes in the middle of it rings, and the next round follows
            pause = self._round(urgent=bool(self._asked))
            if pause is not None and pause <= DELAY_S:
                self._idle = False  # a short sleep needs no ring
            if not self._stopping and not self._asked:
                self._bell.wait(pause)
        self._round(urgent=True)
        self._drained = not self.sender.left()
        self.sender.release()
        with suppress(Exception):
            self.sender.store.close()

    def _round(self, *, urgent: bool) -> float | None:
        asked, self._asked = self._asked, []
        try:
            return self.sender.round(urgent=urgent or bool(asked))
        except Exception:
            _logger.exception("the spool has a fault; it goes on, please report this")
            return CHORES_S
        finally:
            for event in asked:
                event.set()


class Bell:
    """Wakes one thread. Unlike an event it may be rung from a signal handler in the middle of a ring."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake the thread, now or when it next waits."""
        with suppress(RuntimeError):  # rung already
            self._lock.release()

    def wait(self, timeout: float | None) -> None:
        """Wait for a ring, or ``timeout`` seconds."""
        self._lock.acquire(timeout=-1 if timeout is None else timeout)


def _suppress_instrumentation() -> None:
    """Have nobody trace the requests that carry traces."""
    for name in ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY"):
        key = getattr(context, name, None)
        if key is not None:
            context.attach(context.set_value(key, True))
