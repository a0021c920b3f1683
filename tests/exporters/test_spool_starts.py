"""Interrupted runs: what was begun and never ended is told when its process is dead, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exporters.collector import Collector
from tests.exporters.spooling import REFUSED_CONNECTION, Backend, Bench, make_span, record_of
from wftrace.exporters.otlp import otlp_address
from wftrace.exporters.spool import Spool, destination
from wftrace.exporters.spool_accounts import Accounts
from wftrace.exporters.spool_folder import accounts_of
from wftrace.exporters.spool_lock import FileLock
from wftrace.exporters.spool_record import Kind, Record

KILLED = """
import asyncio, os, sys
from wftrace import StartEvent, StopEvent, Event, Workflow, step, trace_to
class Done(Event): pass
class Flow(Workflow):
    @step
    async def first(self, ev: StartEvent) -> Done:
        return Done()
    @step
    async def second(self, ev: Done) -> StopEvent:
        os.kill(os.getpid(), 9)
        return StopEvent()
async def main():
    trace_to(sys.argv[1])
    await Flow().run()
asyncio.run(main())
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A backend that answers."""
    made = Collector()
    yield made
    made.close()


def attributes(collector: Collector, name: str) -> dict[str, str]:
    """The texts that a span has as attributes."""
    for request in collector.requests:
        for group in request.resource_spans:
            for span in group.scope_spans[0].spans:
                if span.name == name:
                    assert span.end_time_unix_nano >= span.start_time_unix_nano > 0
                    return {each.key: each.value.string_value for each in span.attributes}
    raise AssertionError(f"{name} did not arrive")


def test_a_killed_run_and_its_step_are_told(collector: Collector) -> None:
    """By the next process: with their own ids and what was known at their start, and the outcome *interrupted*."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", KILLED, collector.url], env=environment, check=False, timeout=60)
    assert killed.returncode == -9
    spool = Spool(otlp_address(collector.url))
    assert spool.force_flush(30_000)
    spool.close()
    assert sorted(collector.names) == [
        "invoke_workflow Flow",
        "run_step first",
        "run_step second",
        "send Done",
        "send StartEvent",
    ]
    run, step = attributes(collector, "invoke_workflow Flow"), attributes(collector, "run_step second")
    assert (run["wftrace.outcome"], step["wftrace.outcome"]) == ("interrupted", "interrupted")
    assert run["wftrace.run.id"] == step["wftrace.run.id"]
    assert attributes(collector, "run_step first")["wftrace.outcome"] == "completed"
    accounts = accounts_of(destination(otlp_address(collector.url)).folder)
    assert accounts == Accounts(delivered=5, interrupted=2)


def die(bench: Bench) -> None:
    """The process of a writer dies: its lock is free, nothing was closed."""
    assert bench.store.log is not None
    bench.store.log.close()


def begin(bench: Bench, name: str) -> Record:
    """A run begins; the record of its end."""
    span = make_span(name, root=True)
    bench.store.put(record_of(span, Kind.START))
    return record_of(span)


def test_what_ended_is_not_interrupted(tmp_path: Path) -> None:
    """Wherever its end is: delivered already, waiting, or in another segment."""
    bench = Bench(tmp_path, Backend())
    ends = [begin(bench, f"run{number}") for number in range(3)]
    bench.store.put(ends[0])
    bench.put(*(f"s{number}" for number in range(20)), size=900)
    bench.pass_(3)
    bench.store.put(ends[1])
    die(bench)
    after = Bench(tmp_path, Backend())
    after.pass_(3)
    assert sorted(after.backend.taken) == ["run1", "run2"]
    assert accounts_of(after.place.folder) == Accounts(delivered=23, interrupted=1)


def test_two_deaths_tell_a_span_once(tmp_path: Path) -> None:
    """Who takes over may die too, before anything is delivered."""
    bench = Bench(tmp_path, Backend())
    begin(bench, "run")
    bench.put("step")
    die(bench)
    for _ in range(3):
        next_one = Bench(tmp_path, Backend(*[REFUSED_CONNECTION] * 99))
        next_one.pass_(2)
        next_one.sender.release()
        die(next_one)
    last = Bench(tmp_path, Backend())
    last.pass_(3)
    assert last.backend.taken == {"run": 1, "step": 1}
    last.store.close()
    assert accounts_of(last.place.folder) == Accounts(delivered=2, interrupted=1)


def test_a_process_that_ends_in_good_order_interrupts_nothing(tmp_path: Path) -> None:
    """Whoever closes tracing while a run goes on does not call it dead."""
    bench = Bench(tmp_path, Backend(*[REFUSED_CONNECTION] * 99))
    begin(bench, "run")
    bench.put("step")
    bench.store.close()
    after = Bench(tmp_path, Backend())
    after.pass_(3)
    assert after.backend.taken == {"step": 1}


def test_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    """Its lock says so."""
    bench = Bench(tmp_path, Backend())
    begin(bench, "run")
    bench.put("step")
    other = Bench(tmp_path, Backend())
    other.pass_(100)
    assert not other.backend.taken
    bench.pass_(3)
    assert bench.backend.taken == {"step": 1}


def test_a_lock_has_one_owner(tmp_path: Path) -> None:
    """Also within one process, and it is free when its owner lets go."""
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.acquire()
    assert not other.acquire()
    one.release()
    assert other.acquire()
    other.release()


def test_a_start_record_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    """The spans beside it arrive."""
    bench = Bench(tmp_path, Backend())
    bench.store.put(Record(Kind.START, 0, b"t" * 16, b"s" * 8, b"\xff\xff"))
    bench.put("step")
    die(bench)
    after = Bench(tmp_path, Backend())
    after.pass_(3)
    assert after.backend.taken == {"step": 1}
