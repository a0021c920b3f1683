"""The checks: what about a flow's shape cannot work, said before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .errors import WorkflowConfigurationError, WorkflowValidationError
from .graph import EdgeKind, EventKind, EventNode, Finding, FlowGraph, StepNode

_MADE = (EdgeKind.RETURNS, EdgeKind.SENDS)
_TAKEN = (EdgeKind.ACCEPTS, EdgeKind.WAITS)


def findings_of(graph: FlowGraph, *, complete: bool, filled: frozenset[str] = frozenset()) -> FlowGraph:
    """The graph with its findings. ``filled`` are events in whose place subclasses of theirs come. ``complete`` says
    whether all sources could be read: without them a send may be hidden, so nothing is said about events that nobody
    seems to make.
    """
    found = [*_boundaries(graph), *_unused(graph)]
    if complete:
        found += [*_unmade(graph, filled), *_unreachable(graph), *_dead_ends(graph)]
    return replace(graph, findings=tuple(found))


def raise_findings(graph: FlowGraph) -> None:
    """Raise for what is fatal: ``WorkflowConfigurationError`` for start and stop, else ``WorkflowValidationError``."""
    fatal = [finding for finding in graph.findings if finding.fatal]
    boundaries = [finding for finding in fatal if finding.code in ("WF001", "WF002")]
    if boundaries:
        raise WorkflowConfigurationError(_sentence(graph, boundaries))
    if fatal:
        raise WorkflowValidationError(_sentence(graph, fatal))


def _sentence(graph: FlowGraph, findings: Iterable[Finding]) -> str:
    lines = [f"workflow {graph.name!r} cannot run:"]
    for finding in findings:
        place = f" ({finding.file}:{finding.line})" if finding.file else ""
        lines.append(f"  [{finding.code}] {finding.message}{place}")
        if finding.cure:
            lines.append(f"          {finding.cure}")
    lines.append("  To run it all the same: Workflow(disable_validation=True)")
    return "\n".join(lines)


def _boundaries(graph: FlowGraph) -> Iterator[Finding]:
    made = {edge.target for edge in graph.edges if edge.kind in _MADE}
    taken = {edge.source for edge in graph.edges if edge.kind in _TAKEN}
    stops = [event for event in graph.events if event.kind is EventKind.STOP and event.id in made]
    starts = [event for event in graph.events if event.kind is EventKind.START and event.id in taken]
    if not stops:
        yield Finding(
            "WF002",
            "At least one Event of type StopEvent must be returned by any step.",
            cure="let the last step return StopEvent(result=...)",
        )
    if not starts:
        yield Finding(
            "WF001",
            "At least one Event of type StartEvent must be received by any step.",
            cure="let the first step take an event annotated as StartEvent",
        )
    for code, word, verb, events in (
        ("WF001", "StartEvent", "received", starts),
        ("WF002", "StopEvent", "returned", stops),
    ):
        if len(events) > 1:
            names = ", ".join(event.name for event in events)
            yield Finding(
                code,
                f"Only one type of {word} is allowed per workflow, but {len(events)} are {verb}: {names}",
                cure="use one class everywhere",
            )


def _unmade(graph: FlowGraph, filled: frozenset[str]) -> Iterator[Finding]:
    made = filled | {edge.target for edge in graph.edges if edge.kind in _MADE}
    outside = (EventKind.START, EventKind.HUMAN_RESPONSE)
    for event in graph.events:
        takers = _steps(graph, (edge.target for edge in graph.outgoing[event.id]))
        if takers and event.id not in made and event.kind not in outside:
            yield Finding(
                "WF003",
                f"The following events are consumed but never produced: {event.name}",
                node=event.id,
                file=takers[0].file,
                line=takers[0].line,
                cure=f"return or send {event.name} in a step, or let it derive from HumanResponseEvent when it comes "
                "from outside",
            )


def _unused(graph: FlowGraph) -> Iterator[Finding]:
    for event in graph.events:
        makers = _steps(graph, (edge.source for edge in graph.incoming[event.id] if edge.kind in _MADE))
        leaves = event.kind in (EventKind.STOP, EventKind.INPUT_REQUIRED)
        if makers and not leaves and not _taken(graph, event):
            yield Finding(
                "WF004",
                f"The following events are produced but never consumed: {event.name}",
                node=event.id,
                file=makers[0].file,
                line=makers[0].line,
                cure=f"add a step that takes {event.name}, or write it to the stream",
            )


def _unreachable(graph: FlowGraph) -> Iterator[Finding]:
    for step in graph.steps:
        if step.id in graph.unreachable:
            yield Finding(
                "WF005",
                f"step {step.name!r} can never run: no way leads to it from the start event",
                node=step.id,
                file=step.file,
                line=step.line,
                cure="let a reachable step return or send what it takes, or remove it",
            )


def _dead_ends(graph: FlowGraph) -> Iterator[Finding]:
    """Steps that make events, none of which can lead to a stop event or to a human."""
    ends = (EventKind.STOP, EventKind.INPUT_REQUIRED)
    alive = {event.id for event in graph.events if event.kind in ends}
    todo = list(alive)
    while todo:
        for edge in graph.incoming[todo.pop()]:
            if edge.kind is not EdgeKind.STREAMS and edge.source not in alive:
                alive.add(edge.source)
                todo.append(edge.source)
    for step in graph.steps:
        makes = [edge for edge in graph.outgoing[step.id] if edge.kind in _MADE]
        if makes and step.id not in alive and not any(_silent(graph, edge.target) for edge in makes):
            yield Finding(
                "WF006",
                f"nothing that step {step.name!r} makes can lead to a stop event",
                node=step.id,
                file=step.file,
                line=step.line,
                cure="let one of the steps behind it return a StopEvent",
            )


def _silent(graph: FlowGraph, event: str) -> bool:
    """Whether the event ends in a step that makes nothing on purpose (``-> None``), or nobody takes it."""
    takers = [edge.target for edge in graph.outgoing[event]]
    return any(not [e for e in graph.outgoing[step] if e.kind in _MADE] for step in takers) or not takers


def _taken(graph: FlowGraph, event: EventNode) -> bool:
    return any(edge.kind in _TAKEN for edge in graph.outgoing[event.id]) or any(
        join.event == event.id for step in graph.steps for join in step.joins
    )


def _steps(graph: FlowGraph, ids: Iterable[str]) -> list[StepNode]:
    nodes = (graph.nodes[each] for each in ids)
    return [node for node in nodes if isinstance(node, StepNode)]
