"""The board: the runs that are known, with their spans, within bounds. Fed by one thread, read by many."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from wftrace import semconv as words
from wftrace.engine.graph import FlowGraph
from wftrace.trace import Run, Span

from .open_run import RUNNING, OpenRun, read_run, so_far

RUNS_KEPT = 200
SPANS_KEPT = 300_000
SPANS_OF_RUN = 100_000


@dataclass(slots=True)
class Entry:
    """A run on the board. ``number`` names it in addresses; ``version`` grows with everything that is heard of it.

    ``outcome`` is ``running`` until the span of its last segment has been heard. ``left_out`` counts the spans that
    were too many.
    """

    number: int
    source: str
    run_id: str
    workflow: str
    start_ns: int
    end_ns: int
    outcome: str = RUNNING
    attempts: int = 0
    failed: int = 0
    retried: int = 0
    parent_run_id: str = ""
    segment: int = 0
    version: int = 0
    left_out: int = 0
    spans: list[Span] = field(default_factory=list)
    open_run: OpenRun | None = None

    @property
    def under_way(self) -> bool:
        """Whether its end has not been heard."""
        return self.outcome == RUNNING


class Board:
    """Runs by source and id. Of too many the ones that were heard of longest ago are forgotten, ended ones first."""

    def __init__(self, runs: int = RUNS_KEPT, spans: int = SPANS_KEPT, spans_of_run: int = SPANS_OF_RUN) -> None:
        self._limits = (runs, spans, spans_of_run)
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[str, str], Entry] = OrderedDict()
        self._graphs: OrderedDict[str, FlowGraph] = OrderedDict()
        self._spans = 0
        self._numbers = 0
        self.version = 0

    def add(self, source: str, spans: Iterable[Span]) -> None:
        """Take in spans that have ended; those of no run are passed over."""
        with self._lock:
            for span in spans:
                run_id = span.attributes.get(words.RUN_ID)
                if isinstance(run_id, str) and run_id:
                    self._take(source, run_id, span)
            self._shrink()

    def open(self, source: str, run: OpenRun) -> None:
        """A run of this process has begun, or goes on as its next segment."""
        start = run.started
        if start is None:
            return
        with self._lock:
            entry = self._entry(source, run.run_id, start.workflow, start.time_ns)
            entry.open_run = run
            entry.outcome = RUNNING
            entry.parent_run_id = start.parent_run_id
            self._touch(entry)
            self._shrink()

    def close(self, source: str, run: OpenRun) -> None:
        """A run of this process has ended; its last spans are on the board."""
        with self._lock:
            entry = self._entries.get((source, run.run_id))
            if entry is not None and entry.open_run is run:
                entry.open_run = None
                self._touch(entry)

    def forget(self, source: str) -> None:
        """Forget all runs of a source, as when its file begins anew."""
        with self._lock:
            for key in [key for key in self._entries if key[0] == source]:
                self._drop(key)
            self.version += 1

    def entries(self) -> list[Entry]:
        """The runs as they are now, newest first, without their spans."""
        with self._lock:
            found = [replace(entry, spans=[]) for entry in self._entries.values()]
        return sorted(found, key=lambda entry: (entry.start_ns, entry.number), reverse=True)

    def find(self, number: int) -> Entry | None:
        """A run by its number, with its spans as they are now."""
        with self._lock:
            entry = next((entry for entry in self._entries.values() if entry.number == number), None)
            return None if entry is None else replace(entry, spans=list(entry.spans))

    def run(self, entry: Entry, now_ns: int) -> tuple[Run | None, FlowGraph | None]:
        """The run of an entry as it stands, and the graph to lay it over where it brings none of its own."""
        run = read_run(entry.spans, entry.run_id)
        if entry.open_run is not None:
            run = so_far(run, entry.open_run, now_ns)
        elif run is not None and entry.under_way:
            run = replace(run, outcome=RUNNING)
        if run is None:
            return None, None
        with self._lock:
            if run.graph is None:
                return run, self._graphs.get(run.workflow)
            self._graphs[run.workflow] = run.graph
            self._graphs.move_to_end(run.workflow)
            while len(self._graphs) > self._limits[0]:
                self._graphs.popitem(last=False)
        return run, None

    def _take(self, source: str, run_id: str, span: Span) -> None:
        told = span.attributes
        entry = self._entry(source, run_id, str(told.get(words.WORKFLOW_NAME, "")), span.start_ns)
        entry.start_ns = min(entry.start_ns, span.start_ns)
        entry.end_ns = max(entry.end_ns, span.end_ns)
        _count(entry, span)
        if len(entry.spans) < self._limits[2] or _is_root(span):
            entry.spans.append(span)
            self._spans += 1
        else:
            entry.left_out += 1
        self._touch(entry)

    def _entry(self, source: str, run_id: str, workflow: str, start_ns: int) -> Entry:
        entry = self._entries.get((source, run_id))
        if entry is None:
            self._numbers += 1
            entry = Entry(self._numbers, source, run_id, workflow, start_ns, start_ns)
            self._entries[source, run_id] = entry
        return entry

    def _touch(self, entry: Entry) -> None:
        self.version += 1
        entry.version = self.version
        self._entries.move_to_end((entry.source, entry.run_id))

    def _shrink(self) -> None:
        runs, spans, _ = self._limits
        while len(self._entries) > 1 and (len(self._entries) > runs or self._spans > spans):
            newest = next(reversed(self._entries))
            ended = (key for key, entry in self._entries.items() if not entry.under_way and key != newest)
            self._drop(next(ended, next(iter(self._entries))))

    def _drop(self, key: tuple[str, str]) -> None:
        self._spans -= len(self._entries.pop(key).spans)


def _is_root(span: Span) -> bool:
    told = span.attributes
    return words.GRAPH_HASH in told and words.STEP_NAME not in told and words.EVENT_ID not in told


def _count(entry: Entry, span: Span) -> None:
    """Count a span in the figures of its run."""
    told = span.attributes
    segment = told.get(words.RUN_SEGMENT)
    number = segment if isinstance(segment, int) else 1
    if _is_root(span):
        entry.parent_run_id = entry.parent_run_id or str(told.get(words.PARENT_RUN_ID, ""))
        if number >= entry.segment:
            entry.outcome, entry.segment = str(told.get(words.OUTCOME, "interrupted")), number
    elif number > entry.segment > 0:
        entry.outcome, entry.segment = RUNNING, number
    if words.EVENT_ID not in told and words.WAIT_KIND not in told and words.STEP_NAME in told:
        attempt = told.get(words.ATTEMPT)
        entry.attempts += 1
        entry.failed += span.status == "error"
        entry.retried += isinstance(attempt, int) and attempt > 1
