"""Runs and flow graphs made by hand, for tests that need to know every figure. All times are milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from wftrace.engine.graph import (
    Edge,
    EdgeKind,
    EventKind,
    EventNode,
    Field,
    FlowGraph,
    JoinItem,
    Provenance,
    ResourceItem,
    StepNode,
)
from wftrace.trace import Attempt, Emission, ErrorFacts, Outcome, Run, Segment, Wait

EPOCH_NS = 1_760_000_000_000_000_000
TRACE_ID = "dc6eeca3b1f04f0c9b8a7d6e5f4cd40f"


def at(ms: float) -> int:
    """The time so many milliseconds after the run's start, in nanoseconds."""
    return EPOCH_NS + round(ms * 1e6)


@dataclass
class Story:
    """A run while it is told: each call adds what happened next and gives back its id."""

    workflow: str = "Flow"
    graph: FlowGraph | None = None
    attempts: list[Attempt] = field(default_factory=list)
    emissions: list[Emission] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    seq: int = 0

    def emit(self, kind: str, by: str = "", ms: float = 0.0, mode: str = "return", delivered: str = "delivered") -> str:
        """An event is made; its id is given back."""
        self.seq += 1
        made = Emission(f"e{self.seq}", kind, by, mode, delivered, self.seq, at(ms))
        self.emissions.append(made)
        for index, attempt in enumerate(self.attempts):
            last = [each for each in self.attempts if each.execution_id == by][-1:]
            if attempt in last:
                self.attempts[index] = replace(
                    attempt,
                    outputs=(*attempt.outputs, made.event_id),
                    output_types=(*attempt.output_types, kind),
                )
        return made.event_id

    def run(self, execution: str, event: str, start: float, end: float, **facts: object) -> str:
        """A step takes an event and runs; ``queued`` and ``error`` may be said, and every field of an attempt."""
        self.seq += 1
        made = next(each for each in self.emissions if each.event_id == event)
        error = facts.pop("error", None)
        queued = facts.pop("queued", 0.0)
        attempt = Attempt(
            step=execution.rpartition("#")[0],
            execution_id=execution,
            number=1,
            seq=self.seq,
            segment=1,
            start_ns=at(start),
            end_ns=at(end),
            outcome="failed" if error else "completed",
            inputs=(event,),
            input_types=(made.type,),
            input_executions=(made.execution_id,),
            queue_wait_ms=float(str(queued)),
            error=error if isinstance(error, ErrorFacts) else None,
            trace_id=TRACE_ID,
            span_id=f"{self.seq:016x}",
        )
        self.attempts.append(replace(attempt, **facts))  # type: ignore[arg-type]
        return execution

    def wait(
        self,
        kind: str,
        by: str,
        start: float,
        end: float,
        waiting_for: str = "",
        events: Sequence[str] = (),
        outcome: Outcome = "completed",
    ) -> None:
        """Something is waited for."""
        self.seq += 1
        self.waits.append(Wait(kind, waiting_for, by, self.seq, at(start), at(end), outcome, tuple(events)))

    def end(self, ms: float, outcome: Outcome = "completed", **facts: object) -> Run:
        """The whole run, with sequence numbers in the order of time."""
        order = sorted(
            [*((a.start_ns, a.seq) for a in self.attempts), *((w.start_ns, w.seq) for w in self.waits)]
            + [(e.time_ns, e.seq) for e in self.emissions]
        )
        rank = {seq: number for number, (_, seq) in enumerate(order, 1)}
        run = Run(
            run_id="8f2c41d09b7e",
            workflow=self.workflow,
            outcome=outcome,
            start_ns=at(0),
            end_ns=at(ms),
            segments=(Segment(1, at(0), at(ms), outcome, TRACE_ID, "885ba34d01aa9080"),),
            attempts=tuple(replace(a, seq=rank[a.seq]) for a in sorted(self.attempts, key=lambda a: rank[a.seq])),
            emissions=tuple(replace(e, seq=rank[e.seq]) for e in sorted(self.emissions, key=lambda e: rank[e.seq])),
            waits=tuple(replace(w, seq=rank[w.seq]) for w in sorted(self.waits, key=lambda w: rank[w.seq])),
            graph=self.graph,
            graph_hash=self.graph.hash if self.graph else "",
            version="0.1.0",
        )
        return replace(run, **facts)  # type: ignore[arg-type]


def flow(
    name: str,
    takes: Mapping[str, Sequence[str]],
    makes: Mapping[str, Sequence[str]],
    kinds: Mapping[str, EventKind] | None = None,
    steps: Mapping[str, StepNode] | None = None,
) -> FlowGraph:
    """A graph of steps that take and make events; ``Start`` and ``Stop`` have their kinds without being told."""
    known = {"Start": EventKind.START, "Stop": EventKind.STOP, **(kinds or {})}
    events = dict.fromkeys([*(e for es in takes.values() for e in es), *(e for es in makes.values() for e in es)])
    edges = [Edge(f"event:{e}", f"step:{s}", EdgeKind.ACCEPTS) for s, es in takes.items() for e in es]
    edges += [Edge(f"step:{s}", f"event:{e}", EdgeKind.RETURNS) for s, es in makes.items() for e in es]
    return FlowGraph(
        name=name,
        steps=tuple((steps or {}).get(s, StepNode(f"step:{s}", s)) for s in takes),
        events=tuple(EventNode(f"event:{e}", e.rpartition(".")[2], known.get(e, EventKind.EVENT)) for e in events),
        edges=tuple(edges),
    )


MODULE = "reports.flow."
STACKTRACE = """Traceback (most recent call last):
  File "flow.py", line 51, in fetch
    raise RuntimeError("flaky")
RuntimeError: flaky
"""


def report_graph() -> FlowGraph:
    """The reference flow of the design: fan-out, retry, join, loop, a human, a branch not taken, a dead step."""
    e, s = f"event:{MODULE}", "step:"
    events = (
        EventNode(f"{e}StartEvent", "StartEvent", EventKind.START, fields=(Field("topic", "str"),)),
        EventNode(f"{e}QueryEvent", "QueryEvent", fields=(Field("q", "str"),)),
        EventNode(f"{e}FetchedEvent", "FetchedEvent", fields=(Field("text", "str"),)),
        EventNode(f"{e}ProgressEvent", "ProgressEvent"),
        EventNode(f"{e}DraftEvent", "DraftEvent"),
        EventNode(f"{e}ReviseEvent", "ReviseEvent"),
        EventNode(f"{e}ApprovalRequested", "ApprovalRequested", EventKind.INPUT_REQUIRED),
        EventNode(f"{e}ApprovalGiven", "ApprovalGiven", EventKind.HUMAN_RESPONSE),
        EventNode(f"{e}StopEvent", "StopEvent", EventKind.STOP, fields=(Field("result", "Any"),)),
        EventNode(f"{e}AuditEvent", "AuditEvent"),
    )
    steps = (
        StepNode(f"{s}plan", "plan", doc="Split the topic into queries.", file="flow.py", line=31),
        StepNode(
            f"{s}fetch",
            "fetch",
            doc="Fetch one query.",
            file="flow.py",
            line=44,
            num_workers=3,
            retry="3× · 10 ms",
            resources=(ResourceItem("index", "VectorIndex"),),
        ),
        StepNode(f"{s}draft", "draft", joins=(JoinItem(f"{e}FetchedEvent", 5),)),
        StepNode(f"{s}review", "review"),
        StepNode(f"{s}publish", "publish"),
        StepNode(f"{s}audit", "audit"),
    )
    returns, accepts, sends = EdgeKind.RETURNS, EdgeKind.ACCEPTS, EdgeKind.SENDS
    inferred = Provenance.INFERRED
    edges = (
        Edge(f"{e}StartEvent", f"{s}plan", accepts),
        Edge(f"{s}plan", f"{e}QueryEvent", sends, inferred),
        Edge(f"{e}QueryEvent", f"{s}fetch", accepts),
        Edge(f"{s}fetch", f"{e}FetchedEvent", returns),
        Edge(f"{s}fetch", f"{e}ProgressEvent", EdgeKind.STREAMS, inferred),
        Edge(f"{e}FetchedEvent", f"{s}draft", accepts),
        Edge(f"{s}draft", f"{e}DraftEvent", returns),
        Edge(f"{e}DraftEvent", f"{s}review", accepts),
        Edge(f"{s}review", f"{e}ReviseEvent", returns),
        Edge(f"{e}ReviseEvent", f"{s}review", accepts),
        Edge(f"{s}review", f"{e}ApprovalRequested", returns),
        Edge(f"{e}ApprovalGiven", f"{s}publish", accepts),
        Edge(f"{s}publish", f"{e}DraftEvent", returns),
        Edge(f"{s}publish", f"{e}StopEvent", returns),
        Edge(f"{e}AuditEvent", f"{s}audit", accepts),
    )
    return FlowGraph("ReportFlow", steps, events, edges, doc="Write a report.", file="flow.py", line=28)


def crowded_run() -> Run:
    """Sixty entries for four workers: a long queue, many short bars close together, one failure."""
    single = {"read": StepNode("step:read", "read", num_workers=4)}
    takes = {"find": ["Start"], "read": ["Found"], "judge": ["Read"]}
    graph = flow("Crowd", takes, {"find": ["Found"], "read": ["Read"], "judge": ["Stop"]}, steps=single)
    story = Story("Crowd", graph)
    story.run("find#1", story.emit("Start", mode="start"), 0, 2)
    found = [story.emit("Found", "find#1", 2, mode="send") for _ in range(60)]
    read = ""
    for number, event in enumerate(found):
        begin = 2.1 + (number // 4) * 6 + (number % 4) * 0.7
        name, end = f"read#{number + 1}", begin + 3 + number % 3
        error = ErrorFacts("OSError", "no such entry", STACKTRACE) if number == 37 else None
        story.run(name, event, begin, end, worker=number % 4, queued=begin - 2, error=error)
        read = story.emit("Read", name, end)
        story.run(f"judge#{number + 1}", read, end + 0.1, end + 0.3)
    story.emit("Stop", "judge#60", 97)
    return story.end(97)


def report_run() -> Run:
    """A run of the reference flow: one fetch fails once, the review loops, a human approves after 301 ms."""
    story = Story("ReportFlow", report_graph())
    m = MODULE
    start = story.emit(f"{m}StartEvent", mode="start")
    story.run("plan#1", start, 0.1, 0.4, input_value='{"topic": "pirates"}')
    queries = [story.emit(f"{m}QueryEvent", "plan#1", 0.2 + i * 0.02, mode="send") for i in range(5)]
    times = [(0.6, 20.8), (0.7, 25.0), (0.8, 30.1), (20.9, 45.0), (25.1, 50.0)]
    for i, (event, (begin, end)) in enumerate(zip(queries, times, strict=True)):
        failed = ErrorFacts("builtins.RuntimeError", "flaky", STACKTRACE) if i == 3 else None
        outcome: Outcome = "retrying" if failed else "completed"
        story.run(
            f"fetch#{i + 1}",
            event,
            begin,
            end,
            worker=(0, 1, 2, 0, 1)[i],
            queued=begin - (0.2 + i * 0.02),
            error=failed,
            retry_delay_ms=10.0 if failed else None,
            outcome=outcome,
            input_value=f'{{"q": "pirates {i}"}}',
            streamed={f"{m}ProgressEvent": 1},
        )
    fetched = {i: story.emit(f"{m}FetchedEvent", f"fetch#{i + 1}", times[i][1]) for i in (0, 1, 2)}
    story.wait("retry", "fetch#4", 45.0, 55.0)
    fetched[4] = story.emit(f"{m}FetchedEvent", "fetch#5", 50.0)
    story.run(
        "fetch#4",
        queries[3],
        55.1,
        76.0,
        number=2,
        worker=2,
        input_value='{"q": "pirates 3"}',
    )
    fetched[3] = story.emit(f"{m}FetchedEvent", "fetch#4", 76.0)
    joined = [fetched[i] for i in (0, 1, 2, 4, 3)]
    for n, (event, ms) in enumerate(zip(joined, (20.9, 25.2, 30.3, 50.1, 76.2), strict=True), 1):
        whole = tuple(joined) if n == 5 else ()
        story.run(f"draft#{n}", event, ms, ms + 0.3, joined=whole, collect_wait_ms=55.3 if whole else None)
    story.wait("join", "draft#5", 20.9, 76.2, f"{m}FetchedEvent", joined)
    last = story.emit(f"{m}DraftEvent", "draft#5", 76.5)
    for n, ms in enumerate((77.0, 79.5, 82.0), 1):
        story.run(f"review#{n}", last, ms, ms + 1.4)
        kind = "ReviseEvent" if n < 3 else "ApprovalRequested"
        last = story.emit(f"{m}{kind}", f"review#{n}", ms + 1.4)
    answer = story.emit(f"{m}ApprovalGiven", "", 384.4, mode="outside")
    story.wait("human", "review#3", 83.4, 384.4, f"{m}ApprovalGiven", (last, answer))
    story.run("publish#1", answer, 384.5, 384.9, output_value='{"result": "published"}')
    story.emit(f"{m}StopEvent", "publish#1", 384.9)
    return story.end(385.0, input_value='{"topic": "pirates"}', output_value='"published"')
