"""The reference flow of the pictures, and one run of it, built by hand."""

from __future__ import annotations

from dataclasses import replace

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
from wftrace.overlays import HUMAN, Overlay, StepFacts
from wftrace.trace import Run, Segment

MODULE = "examples.report_flow"


def event(name: str, kind: EventKind = EventKind.EVENT, doc: str = "", **fields: str) -> EventNode:
    """An event of the reference flow's module."""
    parts = tuple(Field(field, of) for field, of in fields.items())
    return EventNode(f"event:{MODULE}.{name}", name, kind, doc, parts, "examples/report_flow.py", 12)


def edge(source: str, target: str, kind: EdgeKind, how: Provenance = Provenance.DECLARED) -> Edge:
    """An edge by short names; steps are written in lower case."""
    return Edge(_id(source), _id(target), kind, how)


def _id(name: str) -> str:
    if name == HUMAN:
        return HUMAN
    return f"step:{name}" if name.islower() else f"event:{MODULE}.{name}"


STEPS = (
    StepNode("step:plan", "plan", "Split the question into five queries.", "examples/report_flow.py", 40),
    StepNode(
        "step:fetch",
        "fetch",
        "Look one query up in the index and tell the caller how far it is. Retried when the index is busy.",
        "examples/report_flow.py",
        51,
        num_workers=3,
        retry="3× · 10 ms",
        resources=(ResourceItem("index", "VectorIndex"),),
    ),
    StepNode(
        "step:draft",
        "draft",
        "Write a draft from all that was found.",
        "examples/report_flow.py",
        66,
        joins=(JoinItem(f"event:{MODULE}.FetchedEvent", 5),),
    ),
    StepNode(
        "step:review", "review", "Read the draft; ask for a change or for approval.", "examples/report_flow.py", 80
    ),
    StepNode("step:publish", "publish", "", "examples/report_flow.py", 95, timeout=30),
    StepNode("step:audit", "audit", "Never called.", "examples/report_flow.py", 110),
)

EVENTS = (
    event("StartEvent", EventKind.START, "The question.", topic="str"),
    event("QueryEvent", doc="One query.", query="str"),
    event("FetchedEvent", text="str"),
    event("ProgressEvent", done="int"),
    event("DraftEvent", text="str"),
    event("ReviseEvent"),
    event("ApprovalRequested", EventKind.INPUT_REQUIRED),
    event("ApprovalGiven", EventKind.HUMAN_RESPONSE),
    event("AuditEvent"),
    event("StopEvent", EventKind.STOP),
)

EDGES = (
    edge("StartEvent", "plan", EdgeKind.ACCEPTS),
    edge("plan", "QueryEvent", EdgeKind.SENDS, Provenance.INFERRED),
    edge("QueryEvent", "fetch", EdgeKind.ACCEPTS),
    edge("fetch", "FetchedEvent", EdgeKind.RETURNS),
    edge("fetch", "ProgressEvent", EdgeKind.STREAMS, Provenance.INFERRED),
    edge("FetchedEvent", "draft", EdgeKind.ACCEPTS),
    edge("draft", "DraftEvent", EdgeKind.RETURNS),
    edge("DraftEvent", "review", EdgeKind.ACCEPTS),
    edge("ReviseEvent", "review", EdgeKind.ACCEPTS),
    edge("review", "ReviseEvent", EdgeKind.RETURNS),
    edge("review", "ApprovalRequested", EdgeKind.RETURNS),
    edge("ApprovalGiven", "publish", EdgeKind.ACCEPTS),
    edge("publish", "StopEvent", EdgeKind.RETURNS),
    edge("publish", "DraftEvent", EdgeKind.RETURNS),
    edge("AuditEvent", "audit", EdgeKind.ACCEPTS),
    edge("audit", "StopEvent", EdgeKind.RETURNS),
)

REPORT_FLOW = FlowGraph(
    "ReportFlow", STEPS, EVENTS, EDGES, "Plan, fetch, draft, review, publish.", "examples/report_flow.py", 30
)

COUNTS = {
    ("StartEvent", "plan"): 1,
    ("plan", "QueryEvent"): 5,
    ("QueryEvent", "fetch"): 6,
    ("fetch", "FetchedEvent"): 5,
    ("fetch", "ProgressEvent"): 5,
    ("FetchedEvent", "draft"): 5,
    ("draft", "DraftEvent"): 1,
    ("DraftEvent", "review"): 1,
    ("review", "ReviseEvent"): 2,
    ("ReviseEvent", "review"): 2,
    ("review", "ApprovalRequested"): 1,
    ("ApprovalRequested", HUMAN): 1,
    (HUMAN, "ApprovalGiven"): 1,
    ("ApprovalGiven", "publish"): 1,
    ("publish", "StopEvent"): 1,
}

CRITICAL = frozenset(
    (_id(source), _id(target))
    for source, target in COUNTS
    if "ProgressEvent" not in (source, target) and "ReviseEvent" not in (source, target)
)

RUN = Run(
    run_id="8f2c41d0-7a55-4e0e-9a3b-2f7f7c1f9f10",
    workflow="ReportFlow",
    outcome="completed",
    start_ns=0,
    end_ns=480_000_000,
    segments=(Segment(1, 0, 480_000_000, "completed"),),
    attempts=(),
    emissions=(),
    waits=(),
)

FACTS = {
    "step:plan": StepFacts(calls=1, executions=1, total_ms=0.3, p50_ms=0.3, p95_ms=0.3, share=0.002),
    "step:fetch": StepFacts(
        calls=6, executions=5, failed=1, retried=1, total_ms=130, p50_ms=21, p95_ms=30, queued_ms=14, share=0.84
    ),
    "step:draft": StepFacts(calls=1, executions=1, total_ms=18.2, p50_ms=18.2, p95_ms=18.2, share=0.12),
    "step:review": StepFacts(calls=3, executions=3, total_ms=6.3, p50_ms=2.1, p95_ms=2.4, queued_ms=0, share=0.06),
    "step:publish": StepFacts(calls=1, executions=1, total_ms=0.1, p50_ms=0.1, p95_ms=0.1, share=0.001),
}


def report_overlay(**changes: object) -> Overlay:
    """The reference run laid over the reference flow."""
    counts = {(_id(source), _id(target)): count for (source, target), count in COUNTS.items()}
    events: dict[str, int] = {}
    for (source, target), count in counts.items():
        if source.startswith(("step:", HUMAN)):
            events[target] = events.get(target, 0) + count
    events[_id("StartEvent")] = 1
    whole = Overlay(REPORT_FLOW, RUN, FACTS, events, counts, human_ms=301.0)
    return replace(whole, **changes)  # type: ignore[arg-type]


def with_undeclared() -> Overlay:
    """A run that did three things which the flow does not know, in one event and one step more."""
    new = [
        (_id("plan"), _id("StopEvent")),
        (_id("fetch"), "event:other.Strange"),
        ("event:other.Strange", "step:ghost"),
    ]
    strange = [
        Edge(*key, EdgeKind.SENDS if key[0].startswith("step:") else EdgeKind.ACCEPTS, Provenance.OBSERVED)
        for key in new
    ]
    graph = replace(
        REPORT_FLOW,
        steps=(*STEPS, StepNode("step:ghost", "ghost")),
        events=(*EVENTS, EventNode("event:other.Strange", "Strange")),
        edges=(*EDGES, *strange),
    )
    known = report_overlay()
    return replace(
        known,
        graph=graph,
        edges={**known.edges, **dict.fromkeys(new, 2)},
        steps={**FACTS, "step:ghost": StepFacts(calls=2, executions=2, cancelled=1, p50_ms=1, p95_ms=1)},
        events={**known.events, "event:other.Strange": 2},
        undeclared=frozenset(new),
        notes=("spans are missing: 3 of 20 emissions",),
    )


def chain(length: int) -> FlowGraph:
    """A flow of so many steps, one after the other."""
    steps = tuple(StepNode(f"step:s{index}", f"s{index}") for index in range(length))
    kinds = {0: EventKind.START, length: EventKind.STOP}
    events = tuple(
        EventNode(f"event:m.E{index}", f"E{index}", kinds.get(index, EventKind.EVENT)) for index in range(length + 1)
    )
    edges: list[Edge] = []
    for index, step in enumerate(steps):
        edges.append(Edge(events[index].id, step.id, EdgeKind.ACCEPTS))
        edges.append(Edge(step.id, events[index + 1].id, EdgeKind.RETURNS))
    return FlowGraph("Chain", steps, events, tuple(edges))


def small(
    step: str = "work", names: tuple[str, str, str] = ("m.Begin", "m.Middle", "m.End"), doc: str = ""
) -> FlowGraph:
    """A flow of two steps whose names, docs and types are given."""
    begin, middle, end = (f"event:{name}" for name in names)
    steps = (StepNode(f"step:{step}", step, doc, doc, 3, retry=doc), StepNode("step:last", "last", doc))
    events = (
        EventNode(begin, names[0], EventKind.START, doc, (Field(doc, doc),)),
        EventNode(middle, names[1]),
        EventNode(end, names[2], EventKind.STOP),
    )
    edges = (
        Edge(begin, steps[0].id, EdgeKind.ACCEPTS),
        Edge(steps[0].id, middle, EdgeKind.RETURNS),
        Edge(middle, steps[1].id, EdgeKind.ACCEPTS),
        Edge(steps[1].id, end, EdgeKind.RETURNS),
    )
    return FlowGraph(step, steps, events, edges, doc)
