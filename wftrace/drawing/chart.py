"""What a picture consists of before anything has a place: nodes and links, and the human between request and answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from wftrace.engine.graph import Edge, EdgeKind, EventKind, EventNode, FlowGraph, JoinItem, Provenance, StepNode
from wftrace.overlays import HUMAN, EdgeKey

from .names import clipped, one_line, short_names


class NodeKind(StrEnum):
    """What a node is in a picture."""

    STEP = "step"
    EVENT = "event"
    START = "start"
    STOP = "stop"
    REQUEST = "request"
    ANSWER = "answer"
    STREAM = "stream"
    HUMAN = "human"
    OUTSIDE = "outside"
    ANY = "any"
    FOLDED = "folded"
    NESTED = "nested"
    MORE = "more"


class LinkKind(StrEnum):
    """What a link says. ``asks``, ``answers`` and ``enters`` join the human or the outside to an event, ``runs`` a step
    to the workflow that it runs, ``retries`` an attempt to the next one, ``cut`` leads to what a picture leaves out.
    """

    RETURNS = "returns"
    SENDS = "sends"
    STREAMS = "streams"
    FAILS = "fails"
    ACCEPTS = "accepts"
    WAITS = "waits"
    ASKS = "asks"
    ANSWERS = "answers"
    ENTERS = "enters"
    RUNS = "runs"
    RETRIES = "retries"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class ChartNode:
    """A node: its short label, what it stands for, what it ``joins``, and ``note`` where no run can reach it.

    ``members`` are the ids of the nodes that it stands for besides itself, ``facts`` further rows of text, ``brief``
    says that it has room for one measure and no docstring.
    """

    id: str
    kind: NodeKind
    label: str
    step: StepNode | None = None
    event: EventNode | None = None
    joins: tuple[str, ...] = ()
    note: str = ""
    extra: bool = False
    members: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    brief: bool = False


Part = tuple[str, ...]
"""A way that an event goes: from node to node, with a folded event named between them."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link, one for each pair of nodes. ``joins``: its target waits for several such events.

    ``events`` are the labels of the events that are folded into it, ``ways`` the ways of the graph that it stands for
    where these are others than its own two ends.
    """

    source: str
    target: str
    kind: LinkKind
    provenance: Provenance = Provenance.DECLARED
    joins: bool = False
    unreachable: bool = False
    extra: bool = False
    events: tuple[str, ...] = ()
    ways: tuple[Part, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The ways of the graph that it stands for."""
        return self.ways or (self.key,)

    @property
    def key(self) -> EdgeKey:
        """Where from, where to."""
        return (self.source, self.target)

    @property
    def undeclared(self) -> bool:
        """Whether the flow does not say that this can happen. Callers may send any event, so not at the human."""
        return self.extra and HUMAN not in self.key


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that are drawn in one frame."""

    id: str
    label: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """All nodes and links in the order of declaration; ``extra`` ones are known from a trace only and come last."""

    nodes: tuple[ChartNode, ...]
    links: tuple[Link, ...]
    groups: tuple[Group, ...] = ()


_EVENT_KINDS = {
    EventKind.START: NodeKind.START,
    EventKind.STOP: NodeKind.STOP,
    EventKind.INPUT_REQUIRED: NodeKind.REQUEST,
    EventKind.HUMAN_RESPONSE: NodeKind.ANSWER,
}
_STRENGTH = tuple(EdgeKind)

MOST_FAILURES = 5
"""From more steps than this the failures are drawn as one link from *any step*."""


def chart_of(graph: FlowGraph, observed: Iterable[EdgeKey] = ()) -> Chart:
    """The chart of a graph. ``observed`` are edge keys of a run; those that the graph does not have become *extra*."""
    possible = declared_part(graph)
    labels = short_names(one_line(event.type) for event in graph.events)
    steps = tuple(_step_node(step, possible, labels) for step in graph.steps)
    events = tuple(_event_node(event, possible, labels) for event in graph.events)
    human, meetings = _human(events)
    entries = tuple(_entries(events, possible))
    gates = tuple(ChartNode(link.source, NodeKind.OUTSIDE, "") for link in entries)
    links, stubs = _failures(_links(possible), {event.id: event.label for event in events})
    links = (*links, *meetings, *entries)
    extra = _extra_links(graph, {part for link in links for part in link.parts}, observed)
    if not human and any(HUMAN in link.key for link in extra):
        human = (replace(_HUMAN_NODE, extra=True),)
    nodes = (*steps, *events, *human, *gates, *stubs)
    return Chart(tuple(sorted(nodes, key=lambda node: node.extra)), (*links, *extra))


_HUMAN_NODE = ChartNode(HUMAN, NodeKind.HUMAN, "human")


def declared_part(graph: FlowGraph) -> FlowGraph:
    """The graph without what only a trace knows."""
    edges = tuple(edge for edge in graph.edges if edge.provenance is not Provenance.OBSERVED)
    if len(edges) == len(graph.edges):
        return graph
    known = {node for edge in edges for node in edge.key}
    strange = {node for edge in graph.edges for node in edge.key} - known
    return replace(
        graph,
        steps=tuple(step for step in graph.steps if step.id not in strange),
        events=tuple(event for event in graph.events if event.id not in strange),
        edges=edges,
    )


def _step_node(step: StepNode, possible: FlowGraph, labels: dict[str, str]) -> ChartNode:
    extra = step.id not in possible.nodes
    note = "" if extra or step.id not in possible.unreachable else "not reachable"
    joins = tuple(_join_words(item, labels) for item in step.joins)
    return ChartNode(step.id, NodeKind.STEP, _label(one_line(step.name)), step, joins=joins, note=note, extra=extra)


def _join_words(item: JoinItem, labels: dict[str, str]) -> str:
    kind = one_line(item.event.removeprefix("event:"))
    return f"wait for {clipped(labels.get(kind, kind), 32)} × {'?' if item.count is None else item.count}"


def _event_node(event: EventNode, possible: FlowGraph, labels: dict[str, str]) -> ChartNode:
    label = _label(labels[one_line(event.type)])
    if event.id not in possible.nodes:
        return ChartNode(event.id, _EVENT_KINDS.get(event.kind, NodeKind.EVENT), label, event=event, extra=True)
    made, taken = possible.incoming[event.id], possible.outgoing[event.id]
    kind = _EVENT_KINDS.get(event.kind, NodeKind.EVENT)
    if kind is NodeKind.EVENT and made and not taken and all(edge.kind is EdgeKind.STREAMS for edge in made):
        kind = NodeKind.STREAM
    return ChartNode(event.id, kind, label, event=event, note=_event_note(event, kind, possible))


def _event_note(event: EventNode, kind: NodeKind, possible: FlowGraph) -> str:
    if event.id in possible.unreachable:
        return "not reachable" if possible.incoming[event.id] else "never produced"
    if kind in (NodeKind.EVENT, NodeKind.ANSWER) and not possible.outgoing[event.id]:
        return "never taken"
    return ""


def _label(name: str) -> str:
    return clipped(name) or "(no name)"


def _human(events: Iterable[ChartNode]) -> tuple[tuple[ChartNode, ...], tuple[Link, ...]]:
    """The human and the links to it, where a flow asks or can be answered."""
    meetings = [
        Link(event.id, HUMAN, LinkKind.ASKS)
        if event.kind is NodeKind.REQUEST
        else Link(HUMAN, event.id, LinkKind.ANSWERS)
        for event in events
        if event.kind in (NodeKind.REQUEST, NodeKind.ANSWER) and not event.extra
    ]
    return ((_HUMAN_NODE,) if meetings else (), tuple(meetings))


def _entries(events: Iterable[ChartNode], possible: FlowGraph) -> Iterator[Link]:
    """Links from the outside to the events that nobody inside makes although they can be reached."""
    for event in events:
        if event.kind is NodeKind.EVENT and not event.extra and not event.note and not possible.incoming[event.id]:
            yield Link(f"outside:{event.id}", event.id, LinkKind.ENTERS)


def _links(possible: FlowGraph) -> tuple[Link, ...]:
    """The edges as links: several edges between the same two nodes become the strongest of them."""
    strongest: dict[EdgeKey, Edge] = {}
    for edge in possible.edges:
        known = strongest.get(edge.key)
        if known is None or _STRENGTH.index(edge.kind) < _STRENGTH.index(known.kind):
            strongest[edge.key] = edge
    joins = {(item.event, step.id) for step in possible.steps for item in step.joins}
    return tuple(
        Link(
            edge.source,
            edge.target,
            LinkKind(edge.kind.value),
            edge.provenance,
            joins=edge.key in joins,
            unreachable=edge.source in possible.unreachable,
        )
        for edge in strongest.values()
    )


def _failures(links: tuple[Link, ...], labels: Mapping[str, str]) -> tuple[tuple[Link, ...], tuple[ChartNode, ...]]:
    """The links with those from many failing steps to one event folded into one, from a stub that means any of them."""
    failing = Counter(link.target for link in links if link.kind is LinkKind.FAILS)
    many = [event for event, count in failing.items() if count > MOST_FAILURES]
    if not many:
        return links, ()
    kept = [link for link in links if link.kind is not LinkKind.FAILS or link.target not in many]
    stubs = []
    for event in many:
        of_event = [link for link in links if link.kind is LinkKind.FAILS and link.target == event]
        words = f"{labels[event]} from each of {len(of_event)} steps"
        stub = ChartNode(
            f"any:{event}", NodeKind.ANY, "any step", members=tuple(link.source for link in of_event), facts=(words,)
        )
        stubs.append(stub)
        ways = tuple(link.key for link in of_event)
        kept.append(Link(stub.id, event, LinkKind.FAILS, of_event[0].provenance, ways=ways))
    return tuple(kept), tuple(stubs)


def _extra_links(graph: FlowGraph, known: set[Part], observed: Iterable[EdgeKey]) -> tuple[Link, ...]:
    seen = [edge.key for edge in graph.edges if edge.provenance is Provenance.OBSERVED]
    nodes = {*graph.nodes, HUMAN}
    keys = dict.fromkeys(key for key in (*seen, *sorted(observed)) if key not in known and nodes.issuperset(key))
    kinds = {event.id: LinkKind.ACCEPTS for event in graph.events} | {HUMAN: LinkKind.ENTERS}
    return tuple(
        Link(
            source,
            target,
            LinkKind.ASKS if target == HUMAN else kinds.get(source, LinkKind.SENDS),
            Provenance.OBSERVED,
            extra=True,
        )
        for source, target in keys
    )
