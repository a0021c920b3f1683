"""``Flow``: a workflow as the runtime needs it: its graph, its steps, and who takes which event."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .errors import WorkflowValidationError
from .events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
    qualified_name,
)
from .graph import (
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
from .inference import Inferred, infer
from .resources import cycle_in
from .source import place_of, short_path
from .steps import StepSpec
from .validation import Sources, findings_of

if TYPE_CHECKING:
    from .retry import RetryPolicy

_KINDS: tuple[tuple[type[Event], EventKind], ...] = (
    (StartEvent, EventKind.START),
    (StopEvent, EventKind.STOP),
    (InputRequiredEvent, EventKind.INPUT_REQUIRED),
    (HumanResponseEvent, EventKind.HUMAN_RESPONSE),
)


@dataclass(frozen=True, slots=True)
class Route:
    """All that a run asks of an event class, looked up once for each event.

    ``type`` is its qualified name, ``name`` its short one, ``targets`` the steps that take it in order of declaration;
    ``stops``, ``asks`` and ``answers`` say whether it ends the run, is a question or is an answer.
    """

    type: str
    name: str
    targets: tuple[str, ...]
    stops: bool
    asks: bool
    answers: bool


class Flow:
    """The steps of one workflow with everything that follows from their declarations.

    ``graph`` is their shape, ``start`` the class of the start event. Routing: an event goes to every step that accepts
    its exact class; where there is none, to those that accept its nearest base class. ``catches`` says whether a
    step takes the failures of the others. ``notes`` is for observers: what they work out once for each flow.
    """

    def __init__(self, name: str, steps: Sequence[StepSpec], owner: type | None) -> None:
        self.name = name
        self.steps: Mapping[str, StepSpec] = {spec.name: spec for spec in steps}
        inferred = {spec.name: infer(spec, owner) for spec in steps}
        self._types = _type_names(_classes(steps, inferred))
        self._declared = dict(self._types)
        self.graph = _build(name, steps, inferred, self._types, owner)
        starts = [cls for spec in steps for cls in spec.accepts if issubclass(cls, StartEvent)]
        self.start: type[StartEvent] = next(iter(starts), StartEvent)
        self._accepting = _accepting(steps)
        self.routes: dict[type[Event], Route] = {}
        self.open_to_outside = _open_to_outside(self.graph)
        self.catches = any(_catches(spec) for spec in steps)
        self.notes: dict[str, Any] = {}

    def route(self, event: type[Event]) -> Route:
        """Where an event of this class goes; worked out once and kept in ``routes``."""
        route = self.routes.get(event)
        if route is None:
            route = self.routes[event] = Route(
                type=self.type_name(event),
                name=event.__name__,
                targets=_takers(self._accepting, event),
                stops=issubclass(event, StopEvent),
                asks=issubclass(event, InputRequiredEvent),
                answers=issubclass(event, HumanResponseEvent),
            )
        return route

    def event_class(self, type_name: str) -> type[Event] | None:
        """The event class of a qualified name, among those that the steps name."""
        return next((cls for cls, name in self._declared.items() if name == type_name), None)

    @property
    def saved_types(self) -> tuple[type, ...]:
        """The classes whose values a saved run may hold: the events that the steps name, and the state."""
        declared = tuple(self._declared)
        return (*declared, self.state_class) if self.state_class is not None else declared

    @cached_property
    def state_class(self) -> type | None:
        """The class of the state that the steps declare: of several in one line of inheritance the most derived.

        Raises ``WorkflowValidationError`` when they do not stand in one line.
        """
        declared = list(dict.fromkeys(spec.state for spec in self.steps.values() if spec.state is not None))
        if not declared:
            return None
        derived = max(declared, key=lambda cls: len(cls.__mro__))
        for cls in declared:
            if not issubclass(derived, cls):
                raise WorkflowValidationError(
                    f"the steps of workflow {self.name!r} declare different states, {cls.__qualname__} and "
                    f"{derived.__qualname__}: use one class in Context[...], or let one derive from the other"
                )
        return derived

    @cached_property
    def wants_nested(self) -> tuple[tuple[str, str, bool], ...]:
        """Step, parameter, and whether it is required, for each nested workflow that a step asks for.

        Raises ``WorkflowValidationError`` when resources cannot be made because they need each other.
        """
        nested = []
        for spec in self.steps.values():
            for wanted in spec.wants:
                if wanted.resource is None:
                    nested.append((spec.name, wanted.parameter, wanted.required))
                elif cycle := cycle_in(wanted.resource):
                    raise WorkflowValidationError(
                        f"step {spec.name!r} of workflow {self.name!r} wants a resource that needs itself: "
                        f"{' → '.join(cycle)}; let one of the factories do without the other"
                    )
        return tuple(nested)

    def type_name(self, event: type[Event]) -> str:
        """The qualified name by which graph and traces know an event class."""
        name = self._types.get(event)
        if name is None:
            name = self._types[event] = qualified_name(event)
        return name


def flow_of(workflow: object) -> Flow:
    """The flow of a workflow instance. Raises ``TypeError`` for what is none."""
    make: Callable[[], Flow] | None = getattr(workflow, "_instance_flow", None)
    if make is None or isinstance(workflow, type):
        raise TypeError(f"this takes a workflow, MyWorkflow(), not {workflow!r}")
    return make()


def _catches(spec: StepSpec) -> bool:
    """Whether a step takes the failures of others."""
    return StepFailedEvent in spec.accepts


def _accepting(steps: Sequence[StepSpec]) -> dict[type, tuple[str, ...]]:
    accepting: dict[type, tuple[str, ...]] = {}
    for spec in steps:
        for cls in spec.accepts:
            accepting[cls] = (*accepting.get(cls, ()), spec.name)
    return accepting


def _classes(steps: Sequence[StepSpec], inferred: Mapping[str, Inferred]) -> list[type[Event]]:
    """All event classes that the steps name, the start events first, each once, in order of declaration."""
    named: list[type[Event]] = []
    for spec in steps:
        more = inferred[spec.name]
        named += [
            *spec.accepts,
            *spec.returns,
            *more.sends,
            *more.streams,
            *more.waits,
            *(cls for cls, _ in more.joins),
        ]
    return sorted(dict.fromkeys(named), key=lambda cls: not issubclass(cls, StartEvent))


def _type_names(classes: Iterable[type[Event]]) -> dict[type[Event], str]:
    names: dict[type[Event], str] = {}
    taken: dict[str, int] = {}
    for cls in classes:
        name = qualified_name(cls)
        taken[name] = taken.get(name, 0) + 1
        names[cls] = name if taken[name] == 1 else f"{name}~{taken[name]}"
    return names


def _build(
    name: str,
    steps: Sequence[StepSpec],
    inferred: Mapping[str, Inferred],
    types: Mapping[type[Event], str],
    owner: type | None,
) -> FlowGraph:
    edges: dict[tuple[str, str], Edge] = {}
    for edge in (
        *(edge for spec in steps for edge in _edges(spec, inferred[spec.name], types)),
        *_edges_by_base(steps, types),
        *_edges_of_failure(steps, types),
    ):
        edges.setdefault(edge.key, edge)
    file, line = _place(owner) if owner is not None and not _is_ours(owner) else ("", 0)
    graph = FlowGraph(
        name=name,
        steps=tuple(_step_node(spec, inferred[spec.name], types) for spec in steps),
        events=tuple(_event_node(cls, type_name) for cls, type_name in types.items()),
        edges=tuple(edges.values()),
        doc=_doc(owner),
        file=file,
        line=line,
    )
    return findings_of(graph, Sources(steps, inferred, types), filled=_filled(graph, types))


def _edges(spec: StepSpec, inferred: Inferred, types: Mapping[type[Event], str]) -> list[Edge]:
    step = f"step:{spec.name}"

    def made(classes: Iterable[type[Event]], kind: EdgeKind, provenance: Provenance) -> list[Edge]:
        return [Edge(step, f"event:{types[cls]}", kind, provenance) for cls in classes]

    def taken(classes: Iterable[type[Event]], kind: EdgeKind, provenance: Provenance) -> list[Edge]:
        return [Edge(f"event:{types[cls]}", step, kind, provenance) for cls in classes]

    return [
        *taken(spec.accepts, EdgeKind.ACCEPTS, Provenance.DECLARED),
        *taken(inferred.waits, EdgeKind.WAITS, Provenance.INFERRED),
        *made([cls for cls in spec.returns if not _is_sent(cls, inferred)], EdgeKind.RETURNS, Provenance.DECLARED),
        *made([cls for cls in spec.returns if _is_sent(cls, inferred)], EdgeKind.SENDS, Provenance.DECLARED),
        *made(inferred.sends, EdgeKind.SENDS, Provenance.INFERRED),
        *made(inferred.streams, EdgeKind.STREAMS, Provenance.INFERRED),
    ]


def _edges_by_base(steps: Sequence[StepSpec], types: Mapping[type[Event], str]) -> list[Edge]:
    """The ways of events that no step names: to those that name their nearest base."""
    accepting = _accepting(steps)
    return [
        Edge(f"event:{types[cls]}", f"step:{step}", EdgeKind.ACCEPTS, Provenance.DECLARED)
        for cls in types
        if cls not in accepting
        for step in _takers(accepting, cls)
    ]


def _edges_of_failure(steps: Sequence[StepSpec], types: Mapping[type[Event], str]) -> list[Edge]:
    """From each step whose failures another step takes."""
    catching = [spec for spec in steps if _catches(spec)]
    return [
        Edge(f"step:{spec.name}", f"event:{types[StepFailedEvent]}", EdgeKind.FAILS, Provenance.DECLARED)
        for spec in steps
        if catching and spec not in catching
    ]


def _filled(graph: FlowGraph, types: Mapping[type[Event], str]) -> frozenset[str]:
    """The events that nobody makes but a subclass of which is made and goes to the same steps."""
    made = {edge.target for edge in graph.edges if edge.kind in (EdgeKind.RETURNS, EdgeKind.SENDS)}
    ids = {cls: f"event:{name}" for cls, name in types.items()}
    return frozenset(
        ids[base]
        for base in types
        if ids[base] not in made
        for cls in types
        if cls is not base and issubclass(cls, base) and ids[cls] in made
        if {edge.target for edge in graph.outgoing[ids[cls]]} & {edge.target for edge in graph.outgoing[ids[base]]}
    )


def _takers(accepting: Mapping[type, tuple[str, ...]], cls: type[Event]) -> tuple[str, ...]:
    """The steps that take an event of this class: those that name it, else those that name its nearest base."""
    return next((accepting[base] for base in cls.__mro__ if base in accepting), ())


def _is_sent(cls: type[Event], inferred: Inferred) -> bool:
    """Whether a class of the return annotation is, by the source, sent and never returned."""
    return cls in inferred.sends and cls not in inferred.returned


def _step_node(spec: StepSpec, inferred: Inferred, types: Mapping[type[Event], str]) -> StepNode:
    function = spec.function
    return StepNode(
        id=f"step:{spec.name}",
        name=spec.name,
        doc=inspect.cleandoc(function.__doc__ or ""),
        file=short_path(function.__code__.co_filename, function.__module__),
        line=function.__code__.co_firstlineno,
        function=f"{function.__module__}.{function.__qualname__}",
        num_workers=spec.num_workers,
        retry=_policy_text(spec.retry_policy),
        timeout=spec.timeout,
        joins=tuple(JoinItem(f"event:{types[cls]}", count) for cls, count in inferred.joins),
        resources=tuple(ResourceItem(each.parameter, each.type) for each in spec.wants),
        sync=not spec.is_async,
        span_kind=spec.span_kind,
    )


def _event_node(cls: type[Event], type_name: str) -> EventNode:
    kind = next((kind for base, kind in _KINDS if issubclass(cls, base)), EventKind.EVENT)
    file, line = _place(cls) if not _is_ours(cls) else ("", 0)
    return EventNode(
        id=f"event:{type_name}",
        name=cls.__name__,
        kind=kind,
        doc=_doc(cls),
        fields=tuple(Field(name, _annotation(field.annotation)) for name, field in cls.model_fields.items()),
        file=file,
        line=line,
    )


def _policy_text(policy: RetryPolicy | None) -> str:
    if policy is None:
        return ""
    from .retry import describe_policy

    return describe_policy(policy)


def _doc(cls: type | None) -> str:
    """A class's own docstring, not an inherited one."""
    return inspect.cleandoc((cls.__dict__.get("__doc__") if cls else "") or "")


def _place(cls: type) -> tuple[str, int]:
    file, line = place_of(cls) or ("", 0)
    return short_path(file, cls.__module__) if file else "", line


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("wftrace.engine")


def _annotation(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def _open_to_outside(graph: FlowGraph) -> bool:
    """Whether an event that no step makes may still come and be taken."""
    made = {edge.target for edge in graph.edges if edge.kind in (EdgeKind.RETURNS, EdgeKind.SENDS, EdgeKind.FAILS)}
    kinds = {event.id: event.kind for event in graph.events}
    return any(
        kinds[edge.source] is EventKind.HUMAN_RESPONSE
        or (kinds[edge.source] is not EventKind.START and edge.source not in made)
        for edge in graph.edges
        if edge.kind in (EdgeKind.ACCEPTS, EdgeKind.WAITS)
    )
