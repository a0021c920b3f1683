"""The thread around the sender: it sleeps, and it misses nothing."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tests.exporters.spooling import ADDRESS, Backend, Bench, make_span
from wftrace.exporters.spool import Spool
from wftrace.exporters.spool_sender import SpoolSender
from wftrace.exporters.spool_thread import Bell, SpoolThread


class Rounds(SpoolSender):
    """Says after each round that there is nothing to do for a long time; a span ends in the middle of the first."""

    def watch(self, thread: SpoolThread) -> None:
        """Begin to count."""
        self.thread = thread
        self.count = 0
        self.second = threading.Event()

    def round(self, *, urgent: bool = False) -> float | None:
        """Do nothing."""
        self.count += 1
        if self.count == 1:
            self.thread.wake()
        else:
            self.second.set()
        return 1000.0


def test_a_span_that_ends_in_the_middle_of_a_round_is_not_forgotten(tmp_path: Path) -> None:
    """Another round follows at once."""
    bench = Bench(tmp_path, Backend())
    sender = Rounds(bench.store, bench.backend, "the backend")
    thread = SpoolThread(sender)
    sender.watch(thread)
    thread.wake()
    assert sender.second.wait(20)
    assert thread.stop(20)


def test_the_first_span_after_a_long_sleep_wakes_the_thread(tmp_path: Path) -> None:
    """Nobody flushes, and it arrives."""
    backend = Backend()
    spool = Spool(ADDRESS, folder=tmp_path, post=backend)
    for name in "abc":
        spool.on_end(make_span(name))
        deadline = time.monotonic() + 20
        while name not in backend.taken:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert spool.close()


def test_a_bell_that_is_rung_twice_rings_once() -> None:
    """And one that was rung before the wait is heard."""
    bell = Bell()
    bell.ring()
    bell.ring()
    bell.wait(None)
    bell.wait(0.001)


def test_a_sender_with_a_fault_goes_on(tmp_path: Path) -> None:
    """A fault of ours is logged, and costs no span."""
    backend = Backend()
    faults = [RuntimeError("ours")]

    def post(body: bytes, timeout: float) -> object:
        if faults:
            raise faults.pop()
        return backend(body, timeout)

    spool = Spool(ADDRESS, folder=tmp_path, post=post)  # type: ignore[arg-type]
    spool.on_end(make_span("a"))
    assert not spool.force_flush(20_000)
    assert spool.force_flush(20_000)
    assert backend.taken == {"a": 1}
    assert spool.close()


def test_nothing_goes_out_after_the_end(tmp_path: Path) -> None:
    """And closing twice is no fault."""
    backend = Backend()
    spool = Spool(ADDRESS, folder=tmp_path, post=backend)
    spool.on_end(make_span("a"))
    assert spool.close()
    spool.on_end(make_span("b"))
    assert spool.close()
    assert spool.force_flush(1)
    assert backend.taken == {"a": 1}
