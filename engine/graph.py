"""The shape of a flow: which step takes and makes which event.

One value, read by three: the runtime routes by it, validation judges it, drawings show it. It is built once from the
steps (``wftrace.engine.assembly``) and can be written to JSON and read back without any of the user's code, so a trace
can carry the graph it ran on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache, cached_property
from typing import Any

from pydantic import TypeAdapter, ValidationError

from .errors import GraphFormatError

FORMAT = "wftrace/graph@1"

START_PRODUCER = ""
"""The producer of the events that no step made: the start event and what comes from outside."""


class EventKind(StrEnum):
    """What an event is to the flow."""

    START = "start"
    STOP = "stop"
    INPUT_REQUIRED = "input_required"
    HUMAN_RESPONSE = "human_response"
    EVENT = "event"


class EdgeKind(StrEnum):
    """What an edge says. The first four run from a step to an event, the last two from an event to a step.

    ``fails`` leads from a step to the ``StepFailedEvent`` that is made when it fails for good.
    """

    RETURNS = "returns"
    SENDS = "sends"
    STREAMS = "streams"
    FAILS = "fails"
    ACCEPTS = "accepts"
    WAITS = "waits"


class Provenance(StrEnum):
    """How an edge is known: written in an annotation, read from a step's source, or seen in a trace."""

    DECLARED = "declared"
    INFERRED = "inferred"
    OBSERVED = "observed"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an event: its name and its type as text."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class EventNode:
    """An event type. ``id`` is ``event:`` and the qualified name, so two ``Done`` of two modules are two nodes."""

    id: str
    name: str
    kind: EventKind = EventKind.EVENT
    doc: str = ""
    fields: tuple[Field, ...] = ()
    file: str = ""
    line: int = 0

    @property
    def type(self) -> str:
        """The qualified name of the event class, as traces write it."""
        return self.id.removeprefix("event:")


@dataclass(frozen=True, slots=True)
class JoinItem:
    """One kind of event that a join waits for; ``count`` is None where the source does not say how many."""

    event: str
    count: int | None


@dataclass(frozen=True, slots=True)
class ResourceItem:
    """Something a step is handed besides its event: the parameter and its type as text."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class StepNode:
    """A step. ``retry`` is the policy as a short text such as ``3× · 10 ms``; ``timeout`` is in seconds."""

    id: str
    name: str
    doc: str = ""
    file: str = ""
    line: int = 0
    function: str = ""
    num_workers: int = 4
    retry: str = ""
    timeout: float | None = None
    joins: tuple[JoinItem, ...] = ()
    resources: tuple[ResourceItem, ...] = ()
    sync: bool = False
    span_kind: str = "CHAIN"


@dataclass(frozen=True, slots=True)
class Edge:
    """A way that an event can go. ``source`` and ``target`` are node ids."""

    source: str
    target: str
    kind: EdgeKind
    provenance: Provenance = Provenance.DECLARED

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the edge in a drawing: where from, where to."""
        return (self.source, self.target)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a flow: a code, a sentence, the place, and the cure."""

    code: str
    message: str
    node: str = ""
    file: str = ""
    line: int = 0
    cure: str = ""
    fatal: bool = True


@dataclass(frozen=True)
class FlowGraph:
    """All possible flows of one workflow. Nodes and edges stand in the order in which they were declared."""

    name: str
    steps: tuple[StepNode, ...]
    events: tuple[EventNode, ...]
    edges: tuple[Edge, ...]
    doc: str = ""
    file: str = ""
    line: int = 0
    findings: tuple[Finding, ...] = ()

    @cached_property
    def nodes(self) -> dict[str, StepNode | EventNode]:
        """Every node by its id."""
        nodes: tuple[StepNode | EventNode, ...] = (*self.steps, *self.events)
        return {node.id: node for node in nodes}

    @cached_property
    def outgoing(self) -> dict[str, tuple[Edge, ...]]:
        """The edges that leave each node, by node id."""
        return _grouped(self.nodes, ((edge.source, edge) for edge in self.edges))

    @cached_property
    def incoming(self) -> dict[str, tuple[Edge, ...]]:
        """The edges that reach each node, by node id."""
        return _grouped(self.nodes, ((edge.target, edge) for edge in self.edges))

    @cached_property
    def step(self) -> dict[str, StepNode]:
        """Every step by its name."""
        return {step.name: step for step in self.steps}

    @cached_property
    def unreachable(self) -> frozenset[str]:
        """The ids of nodes that no run can reach from the start or from outside."""
        outside = {EventKind.START, EventKind.HUMAN_RESPONSE}
        seen: set[str] = set()
        todo = [event.id for event in self.events if event.kind in outside]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo.extend(edge.target for edge in self.outgoing[node] if edge.kind is not EdgeKind.STREAMS)
        seen.update(edge.target for edge in self.edges if edge.kind is EdgeKind.STREAMS and edge.source in seen)
        return frozenset(self.nodes) - seen

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits that differ when the structure differs; places in files and findings do not count."""
        steps = [(s.id, s.num_workers, s.retry, s.timeout, [(j.event, j.count) for j in s.joins]) for s in self.steps]
        shape = [
            self.name,
            sorted(steps, key=lambda step: step[0]),
            sorted((event.id, event.kind.value) for event in self.events),
            sorted((edge.source, edge.target, edge.kind.value) for edge in self.edges),
        ]
        return hashlib.sha256(json.dumps(shape, ensure_ascii=True).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """The graph as compact JSON with its format's name and version; the same graph gives the same text."""
        document = {"format": FORMAT, **_plain(self)}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> FlowGraph:
        """Read back what ``to_json`` wrote. The text may come from anywhere.

        Raises ``GraphFormatError`` when it is not a graph of a version that this code knows.
        """
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise GraphFormatError(f"it is not JSON ({error})") from error
        found = document.pop("format", None) if isinstance(document, dict) else type(document).__name__
        if found != FORMAT:
            raise GraphFormatError(f"its format is {found!r}, this version reads {FORMAT!r}")
        try:
            graph = _adapter().validate_python(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise GraphFormatError(f"{place}: {first['msg']}") from error
        _check_references(graph)
        return graph


def _grouped(nodes: Iterable[str], pairs: Iterable[tuple[str, Edge]]) -> dict[str, tuple[Edge, ...]]:
    groups: dict[str, list[Edge]] = {node: [] for node in nodes}
    for node, edge in pairs:
        groups[node].append(edge)
    return {node: tuple(edges) for node, edges in groups.items()}


def _plain(value: Any) -> Any:
    """A graph value as JSON data; fields that hold their default are left out."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    return {
        field.name: _plain(getattr(value, field.name))
        for field in fields(value)
        if getattr(value, field.name) != field.default
    }


@cache
def _adapter() -> TypeAdapter[FlowGraph]:
    return TypeAdapter(FlowGraph)


def _check_references(graph: FlowGraph) -> None:
    if len(graph.nodes) != len(graph.steps) + len(graph.events):
        raise GraphFormatError("two nodes share one id")
    for edge in graph.edges:
        for node in edge.key:
            if node not in graph.nodes:
                raise GraphFormatError(f"an edge names the node {node!r}, which is not there")
