"""Runs of one small flow, made by hand or drawn by hypothesis.

``Begin → split → Item ×n → work (may fail and be retried) → Done → join → End``; ``work`` may send ``Extra``, which
only some runs take.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tests.handmade import Story, flow
from wftrace.engine.graph import EventKind, FlowGraph
from wftrace.trace import ErrorFacts, Outcome, Run

OUTCOMES: tuple[Outcome, ...] = ("completed", "failed", "cancelled")


def small_graph(name: str = "Small") -> FlowGraph:
    """The flow's graph: eight edges."""
    takes = {"split": ["Begin"], "work": ["Item"], "join": ["Done", "Extra"]}
    makes = {"split": ["Item"], "work": ["Done", "Extra"], "join": ["Stop"]}
    return flow(name, takes, makes, {"Begin": EventKind.START})


def small_run(
    run_id: str = "r1",
    *,
    items: int = 2,
    failing: int = 0,
    extra: bool = False,
    ms: float = 10.0,
    graph: FlowGraph | None = None,
    begin: int = 0,
) -> Run:
    """A run with so many items, of which the first ``failing`` are tried twice; each call of ``work`` takes ``ms``."""
    graph = graph or small_graph()
    story = Story(graph.name, graph)
    start = story.emit("Begin", mode="start")
    story.run("split#1", start, 0, 1)
    sent = [story.emit("Item", "split#1", 1, mode="send") for _ in range(items)]
    clock = 1.0
    for number, event in enumerate(sent, 1):
        name = f"work#{number}"
        if number <= failing:
            story.run(name, event, clock, clock + ms, error=ErrorFacts("OSError"), outcome="retrying")
            clock += ms
        story.run(name, event, clock, clock + ms, number=2 if number <= failing else 1, queued=1.0)
        clock += ms
        done = story.emit("Extra" if extra and number == 1 else "Done", name, clock)
        story.run(f"join#{number}", done, clock, clock + 1)
    story.emit("Stop", f"join#{items}", clock + 1)
    run = story.end(clock + 1)
    return replace(run, run_id=run_id, start_ns=run.start_ns + begin, end_ns=run.end_ns + begin)


@st.composite
def run_lists(draw: st.DrawFn, least: int = 0, most: int = 6) -> list[Run]:
    """Some runs, each different, with ids and beginnings of their own."""
    number = draw(st.integers(least, most))
    runs = []
    for index in range(number):
        items = draw(st.integers(1, 3))
        made = small_run(
            f"r{draw(st.integers(0, 10**9))}-{index}",
            items=items,
            failing=draw(st.integers(0, items)),
            extra=draw(st.booleans()),
            ms=draw(st.integers(1, 2000)) / 10,
            begin=draw(st.integers(0, 10**12)),
        )
        outcome = draw(st.sampled_from(OUTCOMES))
        runs.append(replace(made, outcome=outcome))
    return runs
