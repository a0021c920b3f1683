"""The checks: what about a flow cannot work, said before it runs, with the place and the cure.

Where a source could not be read, the checks that would have to guess say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .capacity import Capacity
from .errors import WorkflowConfigurationError, WorkflowValidationError
from .events import Event, StopEvent
from .graph import Edge, EdgeKind, EventKind, EventNode, Finding, FlowGraph, StepNode
from .inference import Call, Inferred, Join
from .source import short_path
from .steps import StepSpec

_MADE = (EdgeKind.RETURNS, EdgeKind.SENDS)
_TAKEN = (EdgeKind.ACCEPTS, EdgeKind.WAITS)


@dataclass(frozen=True, slots=True)
class Sources:
    """What a graph was built from: the steps, what was read in their sources, and the events' qualified names."""

    steps: Sequence[StepSpec]
    read: Mapping[str, Inferred]
    types: Mapping[type[Event], str]

    @property
    def complete(self) -> bool:
        """Whether every event that a step makes is known."""
        return all(each.complete for each in self.read.values())

    @property
    def waits_complete(self) -> bool:
        """Whether every event that a step waits for is known."""
        return all(each.waits_complete for each in self.read.values())

    def asked_for(self) -> frozenset[str]:
        """The ids of the events that a step accepts or waits for by their own class, not by a base of it."""
        accepted = [cls for spec in self.steps for cls in spec.accepts]
        awaited = [cls for each in self.read.values() for cls in each.waits]
        return frozenset(f"event:{self.types[cls]}" for cls in (*accepted, *awaited))

    def call(self, step: str, event: str, *methods: str) -> Call | None:
        """Where a step sends, streams or awaits an event; the surest call first."""
        found = [
            call
            for call in self.read[step].calls
            if call.method in methods and event in [f"event:{self.types[cls]}" for cls in call.classes]
        ]
        return next((call for call in found if call.sure), found[0] if found else None)


def findings_of(graph: FlowGraph, sources: Sources, *, filled: frozenset[str] = frozenset()) -> FlowGraph:
    """The graph with its findings. ``filled`` are events in whose place subclasses of theirs come."""
    found = [*_boundaries(graph), *_stop_takers(graph, sources), *_wrong_targets(graph, sources)]
    if sources.waits_complete:
        found += _unused(graph, sources)
    if sources.complete:
        found += [*_unmade(graph, sources, filled), *_unreachable(graph), *_dead_ends(graph)]
    found += _joins(graph, sources)
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
    first = graph.steps[0] if graph.steps and not graph.file else None
    file, line = (first.file, first.line) if first else (graph.file, graph.line)
    if not stops:
        yield Finding(
            "WF002",
            "At least one Event of type StopEvent must be returned by any step.",
            file=file,
            line=line,
            cure="let the last step return StopEvent(result=...)",
        )
    if not starts:
        yield Finding(
            "WF001",
            "At least one Event of type StartEvent must be received by any step.",
            file=file,
            line=line,
            cure="let the first step take an event annotated as StartEvent",
        )
    for code, word, verb, events in (
        ("WF001", "StartEvent", "received", starts),
        ("WF002", "StopEvent", "returned", stops),
    ):
        if len(events) > 1:
            names = ", ".join(event.name for event in events)
            step = _steps(graph, (node for edge in graph.edges for node in edge.key if events[1].id in edge.key))[0]
            yield Finding(
                code,
                f"Only one type of {word} is allowed per workflow, but {len(events)} are {verb}: {names}",
                node=events[1].id,
                file=step.file,
                line=step.line,
                cure="use one class everywhere",
            )


def _stop_takers(graph: FlowGraph, sources: Sources) -> Iterator[Finding]:
    for spec in sources.steps:
        for cls in spec.accepts:
            if issubclass(cls, StopEvent):
                yield _at_step(
                    graph.step[spec.name],
                    "WF007",
                    f"step {spec.name!r} takes {cls.__name__}, which ends the run: it can never get it",
                    f"do what follows the end behind 'await handler', or let a step before it make another event than "
                    f"{cls.__name__}",
                )


def _wrong_targets(graph: FlowGraph, sources: Sources) -> Iterator[Finding]:
    """Events that are sent to a step by its name, which is not there or does not take them."""
    specs = {spec.name: spec for spec in sources.steps}
    for name, read in sources.read.items():
        for call in read.calls:
            if call.step is None or not call.sure:
                continue
            target = specs.get(call.step)
            if target is None:
                meant = _likely(call.step, specs)
                message = f"step {name!r} sends to step {call.step!r}, which is not there"
                yield _at(call, graph.step[name], "WF008", message, meant)
            elif call.classes and not any(issubclass(cls, target.accepts) for cls in call.classes):
                sent = call.classes[0].__name__
                message = f"step {name!r} sends {sent} to step {call.step!r}, which does not take it"
                cure = f"let {call.step!r} take {sent} as well, or leave step= out to reach every step that takes it"
                yield _at(call, graph.step[name], "WF008", message, cure)


def _likely(name: str, steps: Iterable[str]) -> str:
    from difflib import get_close_matches  # slow, and only needed for a fault

    steps = list(steps)
    found = get_close_matches(name, steps, n=1)
    return f"did you mean {found[0]!r}?" if found else f"the steps are {', '.join(steps)}"


def _unmade(graph: FlowGraph, sources: Sources, filled: frozenset[str]) -> Iterator[Finding]:
    made = filled | {edge.target for edge in graph.edges if edge.kind in (*_MADE, EdgeKind.FAILS)}
    outside = (EventKind.START, EventKind.HUMAN_RESPONSE)
    named = sources.asked_for()
    for event in graph.events:
        takers = graph.outgoing[event.id] if event.id in named else ()
        if takers and event.id not in made and event.kind not in outside:
            yield _at_edge(
                graph,
                sources,
                takers[0],
                "WF003",
                f"The following events are consumed but never produced: {event.name}",
                f"return or send {event.name} in a step, or let it derive from HumanResponseEvent when it comes from "
                "outside",
            )


def _unused(graph: FlowGraph, sources: Sources) -> Iterator[Finding]:
    for event in graph.events:
        makers = [edge for edge in graph.incoming[event.id] if edge.kind in _MADE and _is_sure(graph, sources, edge)]
        leaves = event.kind in (EventKind.STOP, EventKind.INPUT_REQUIRED)
        if makers and not leaves and not _taken(graph, event):
            yield _at_edge(
                graph,
                sources,
                makers[0],
                "WF004",
                f"The following events are produced but never consumed: {event.name}",
                f"add a step that takes {event.name}, or write it to the stream",
            )


def _is_sure(graph: FlowGraph, sources: Sources, edge: Edge) -> bool:
    """Whether an event is made for this flow, and not sent by an object that may belong to another."""
    call = sources.call(_step(graph, edge).name, edge.target, "send_event")
    return edge.kind is EdgeKind.RETURNS or call is None or call.sure


def _unreachable(graph: FlowGraph) -> Iterator[Finding]:
    for step in graph.steps:
        if step.id in graph.unreachable:
            yield _at_step(
                step,
                "WF005",
                f"step {step.name!r} can never run: no way leads to it from the start event",
                "let a reachable step return or send what it takes, or remove it",
            )


def _dead_ends(graph: FlowGraph) -> Iterator[Finding]:
    """Steps that make events, none of which can lead to a stop event or to a human."""
    ends = (EventKind.STOP, EventKind.INPUT_REQUIRED)
    alive = {event.id for event in graph.events if event.kind in ends}
    todo = list(alive)
    while todo:
        for edge in graph.incoming[todo.pop()]:
            if edge.kind in (*_MADE, *_TAKEN) and edge.source not in alive:
                alive.add(edge.source)
                todo.append(edge.source)
    for step in graph.steps:
        makes = [edge for edge in graph.outgoing[step.id] if edge.kind in _MADE]
        if makes and step.id not in alive and not any(_silent(graph, edge.target) for edge in makes):
            yield _at_step(
                step,
                "WF006",
                f"nothing that step {step.name!r} makes can lead to a stop event",
                "let one of the steps behind it return a StopEvent",
            )


def _silent(graph: FlowGraph, event: str) -> bool:
    """Whether the event ends in a step that makes nothing on purpose (``-> None``), or nobody takes it."""
    takers = [edge.target for edge in graph.outgoing[event]]
    return any(not [e for e in graph.outgoing[step] if e.kind in _MADE] for step in takers) or not takers


def _joins(graph: FlowGraph, sources: Sources) -> Iterator[Finding]:
    """Joins that can never fill."""
    capacity = Capacity(sources.steps, sources.read) if sources.complete else None
    for spec in sources.steps:
        step = graph.step[spec.name]
        for join in sources.read[spec.name].collects:
            for cls, count in join.items if join.exact else ():
                start = f"step {spec.name!r} joins {cls.__name__}"
                if not _can_come(cls, spec, sources):
                    cure = f"let it take {cls.__name__} as well, or leave that out of collect_events"
                    yield _at(join, step, "WF009", f"{start}, which it does not take: the join can never fill", cure)
                    continue
                most = float("inf") if capacity is None else capacity.of(cls)
                if most == 0 and cls not in spec.accepts:
                    cure = f"return or send {cls.__name__} in a step, or leave it out of collect_events"
                    yield _at(join, step, "WF009", f"{start}, which no step makes: the join can never fill", cure)
                elif 0 < most < (count or 0):
                    cure = f"ask for {most:g}, or send more; what comes from outside is not counted here"
                    message = f"{start} × {count}, but the steps make {most:g} at most: the join can never fill"
                    yield replace(_at(join, step, "WF010", message, cure), fatal=False)


def _can_come(cls: type[Event], spec: StepSpec, sources: Sources) -> bool:
    """Whether an event of this class can get to a step."""
    related = any(issubclass(cls, taken) or issubclass(taken, cls) for taken in spec.accepts)
    return related or any(issubclass(known, cls) and issubclass(known, spec.accepts) for known in sources.types)


def _taken(graph: FlowGraph, event: EventNode) -> bool:
    return any(edge.kind in _TAKEN for edge in graph.outgoing[event.id]) or any(
        join.event == event.id for step in graph.steps for join in step.joins
    )


def _steps(graph: FlowGraph, ids: Iterable[str]) -> list[StepNode]:
    nodes = (graph.nodes[each] for each in ids)
    return [node for node in nodes if isinstance(node, StepNode)]


def _step(graph: FlowGraph, edge: Edge) -> StepNode:
    return _steps(graph, edge.key)[0]


def _at_step(step: StepNode, code: str, message: str, cure: str) -> Finding:
    return Finding(code, message, node=step.id, file=step.file, line=step.line, cure=cure)


def _at(place: Call | Join, step: StepNode, code: str, message: str, cure: str) -> Finding:
    file = short_path(place.file, place.module)
    return Finding(code, message, node=step.id, file=file, line=place.line, cure=cure)


def _at_edge(graph: FlowGraph, sources: Sources, edge: Edge, code: str, message: str, cure: str) -> Finding:
    """A finding about the event of an edge: at the call that the edge was read from, else at the step."""
    step = _step(graph, edge)
    event = edge.target if edge.source == step.id else edge.source
    declared = edge.kind in (EdgeKind.RETURNS, EdgeKind.ACCEPTS)
    call = None if declared else sources.call(step.name, event, "send_event", "wait_for_event")
    found = _at_step(step, code, message, cure) if call is None else _at(call, step, code, message, cure)
    return replace(found, node=event)
