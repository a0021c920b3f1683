"""A run of any size: one step sends, eight workers fetch, one attempt in a hundred fails and is repeated."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.handmade import TRACE_ID, at, flow
from wftrace.engine.graph import FlowGraph, StepNode
from wftrace.trace import Attempt, Emission, ErrorFacts, Run, Segment, Wait

WORKERS = 8
FAILS_EVERY = 100


def large_graph() -> FlowGraph:
    """The flow of the run."""
    return flow(
        "Large",
        takes={"plan": ["Start"], "fetch": ["Query"], "judge": ["Fetched"]},
        makes={"plan": ["Query"], "fetch": ["Fetched"], "judge": ["Judged", "Stop"]},
        steps={"fetch": StepNode("step:fetch", "fetch", num_workers=WORKERS, retry="2×")},
    )


def large_run(count: int) -> Run:
    """A run with so many fetches, each with an emission before, one after, and a judge: about four spans for each."""
    maker = _Maker(count)
    maker.make()
    return maker.run()


class _Maker:
    """The run while it is made; times are milliseconds, always the same ones."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._random = random.Random(7)
        self._attempts: list[Attempt] = []
        self._emissions = [Emission("e0", "Start", "", "start", "delivered", 0, at(0))]
        self._waits: list[Wait] = []
        self._end = 0.0

    def make(self) -> None:
        sent = tuple(f"q{index}" for index in range(1, 65))[: self._count]
        self._attempt("plan#1", ("e0", "Start", ""), 0.1, 0.1 + self._count * 0.01, outputs=sent)
        free = [0.0] * WORKERS
        for number in range(1, self._count + 1):
            self._emit(f"q{number}", "Query", "plan#1", number * 0.01, "send")
            worker = min(range(WORKERS), key=free.__getitem__)
            free[worker] = self._fetch(number, max(free[worker], number * 0.01) + 0.02, worker)
        self._emit("stop", "Stop", f"judge#{self._count}", self._end)

    def _fetch(self, number: int, start: float, worker: int) -> float:
        name = f"fetch#{number}"
        query = (f"q{number}", "Query", "plan#1")
        queued = start - number * 0.01
        end = start + self._random.uniform(0.3, 12)
        tries = 1
        if number % FAILS_EVERY == 0:
            error = ErrorFacts("ValueError", f"no answer for item {number}", "Traceback …\nValueError")
            facts = {"error": error, "outcome": "retrying", "retry_delay_ms": 1.0}
            self._attempt(name, query, start, end, worker=worker, queue_wait_ms=queued, **facts)
            self._waits.append(Wait("retry", "", name, 0, at(end), at(end + 1), "completed"))
            start, end, tries, queued = end + 1, end + 1 + self._random.uniform(0.3, 12), 2, 0.0
        made = (f"f{number}",)
        self._attempt(name, query, start, end, number=tries, worker=worker, queue_wait_ms=queued, outputs=made)
        self._emit(made[0], "Fetched", name, end)
        stop = ("stop",) if number == self._count else ()
        took = self._random.uniform(0.05, 0.3)
        self._attempt(f"judge#{number}", (made[0], "Fetched", name), end + 0.05, end + 0.05 + took, outputs=stop)
        return end

    def _attempt(self, name: str, event: tuple[str, str, str], start: float, end: float, **facts: object) -> None:
        attempt = Attempt(
            step=name.partition("#")[0],
            execution_id=name,
            number=1,
            seq=0,
            segment=1,
            start_ns=at(start),
            end_ns=at(end),
            outcome="completed",
            inputs=(event[0],),
            input_types=(event[1],),
            input_executions=(event[2],),
            trace_id=TRACE_ID,
            span_id=f"{self._random.getrandbits(64):016x}",
        )
        self._attempts.append(replace(attempt, **facts))  # type: ignore[arg-type]
        self._end = max(self._end, end)

    def _emit(self, event: str, kind: str, by: str, ms: float, mode: str = "return") -> None:
        self._emissions.append(Emission(event, kind, by, mode, "delivered", 0, at(ms)))

    def run(self) -> Run:
        """The run, numbered in the order of time, but for waits, which are numbered when they end."""
        moments: list[tuple[int, int, Attempt | Emission | Wait]] = [
            (each.start_ns, 1, each) for each in self._attempts
        ]
        moments += [(each.time_ns, 0, each) for each in self._emissions]
        moments += [(each.end_ns, 0, each) for each in self._waits]
        moments.sort(key=lambda moment: moment[:2])
        ordered = [replace(each, seq=seq) for seq, (*_, each) in enumerate(moments, 1)]
        graph = large_graph()
        return Run(
            run_id="1a2b3c4d5e6f",
            workflow="Large",
            outcome="completed",
            start_ns=at(0),
            end_ns=at(self._end),
            segments=(Segment(1, at(0), at(self._end), "completed", TRACE_ID, "885ba34d01aa9080"),),
            attempts=tuple(each for each in ordered if isinstance(each, Attempt)),
            emissions=tuple(each for each in ordered if isinstance(each, Emission)),
            waits=tuple(each for each in ordered if isinstance(each, Wait)),
            graph=graph,
            graph_hash=graph.hash,
        )
