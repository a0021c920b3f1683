"""Sixty texts that mean something to a format, and a flow and a run that have one of them everywhere."""

from __future__ import annotations

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
from wftrace.trace import ErrorFacts, Run

HOSTILE = (
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "</style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "' onmouseover='alert(1)", "</title></svg><b>x</b>",
    "</text><text>two</text>", "<a href='javascript:alert(1)'>x</a>", "javascript:alert(1)",
    "data:text/html,<b>x</b>",
    "]]><x/>", "<![CDATA[x]]>", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>", "&e;",
    "&lt;b&gt;", "&#60;b&#62;",
    "<!--", "-->", "--!>", "<?php x ?>", "<foreignObject><body/></foreignObject>", "<use href='#n0'/>", "{{7*7}}",
    "a\nb", "a\r\nb", "a\tb", "\x00", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "\x7f", "\ud800", "\ufffe",
    "\u202eevil\u202c", "\u2066x", "\u200b\u200b",
    "\u2028", "\u0085", "e\u0301" * 40, "漢字かな", "🙂👨\u200d👩\u200d👧",
    "\\N \\G \\L \\E", "\\", '\\"', 'a"b', 'a" [shape=none] n9 -> n8; "b', "{x|y}", "<<b>x</b>>", "}\ndigraph{",
    "// c", "/* c */",
    "%% note", "end", "]\"] --> n1", "#34;", "`x`", "click n0 href \"x\"", "x" * 500, "",
)  # fmt: skip


def flow_of(text: str) -> FlowGraph:
    """A flow with every kind of node and edge in which every text is the given one."""
    steps = (
        StepNode(
            f"step:{text}a", f"{text}a", retry=text, timeout=3.0, num_workers=2, function=f"{text}.X.{text}a",
            joins=(JoinItem(f"event:m.{text}Middle", 2),), resources=(ResourceItem(text, text),),
            doc=text, file=text, line=3,
        ),
        StepNode(f"step:{text}b", f"{text}b", text, text, 3, function=f"{text}.X.{text}b"),
        StepNode(f"step:{text}lost", f"{text}lost", text, text, 3),
    )  # fmt: skip
    kinds = {
        "Begin": EventKind.START,
        "Middle": EventKind.EVENT,
        "Ask": EventKind.INPUT_REQUIRED,
        "Answer": EventKind.HUMAN_RESPONSE,
        "Lost": EventKind.EVENT,
        "End": EventKind.STOP,
    }
    events = tuple(
        EventNode(f"event:m.{text}{name}", f"{text}{name}", kind, text, (Field(text, text),), text, 3)
        for name, kind in kinds.items()
    )
    begin, middle, ask, answer, lost, end = (event.id for event in events)
    first, second, third = (step.id for step in steps)
    edges = (
        Edge(begin, first, EdgeKind.ACCEPTS),
        Edge(first, middle, EdgeKind.SENDS, Provenance.INFERRED),
        Edge(middle, second, EdgeKind.ACCEPTS),
        Edge(second, ask, EdgeKind.RETURNS),
        Edge(answer, first, EdgeKind.WAITS, Provenance.INFERRED),
        Edge(second, end, EdgeKind.RETURNS),
        Edge(lost, third, EdgeKind.ACCEPTS),
    )
    return FlowGraph(text, steps, events, edges, text, text, 1)


def run_of(text: str) -> Overlay:
    """A run of that flow: counts, errors, notes, and an edge and a step that the flow does not have."""
    graph = flow_of(text)
    ghost = StepNode(f"step:{text}ghost", f"{text}ghost")
    odd = Edge(graph.events[1].id, ghost.id, EdgeKind.ACCEPTS, Provenance.OBSERVED)
    whole = FlowGraph(text, (*graph.steps, ghost), graph.events, (*graph.edges, odd), text, text, 1)
    error = ErrorFacts(f"m.{text}", text, text)
    run = Run(
        text,
        text,
        "failed",
        0,
        5_000_000,
        (),
        (),
        (),
        (),
        graph,
        error=error,
        failed_execution=f"{text}#1",
        version=text,
    )
    failed = StepFacts(
        calls=2, executions=1, failed=1, retried=1, total_ms=4, p50_ms=2, p95_ms=2, share=1, recovered=False
    )
    counts = {edge.key: 2 for edge in whole.edges[:5]} | {(graph.events[2].id, HUMAN): 1, odd.key: 1}
    return Overlay(whole, run, {graph.steps[0].id: failed}, {}, counts, frozenset({odd.key}), 3.0, (text, text))
