"""Less to look at: events written on links, chains and groups of steps as one box each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from wftrace.engine.graph import Provenance
from wftrace.overlays import HUMAN
from wftrace.units import count_of

from .chart import Chart, ChartNode, Link, LinkKind, NodeKind, Part
from .names import clipped
from .seen import OUTSIDE, Seen

_FOLDABLE = (NodeKind.EVENT, NodeKind.REQUEST, NodeKind.ANSWER)
_LEAST_CHAIN = 3
_STRENGTH = tuple(LinkKind)


def folded_events(chart: Chart, seen: Seen) -> Chart:
    """The chart with each event that one node makes or one node takes written on a link from maker to taker.

    An event that many make and many take stays a node, and so does what enters, leaves or never comes.
    """
    makers, takers = _ends(chart)
    gone = {
        node.id: node
        for node in chart.nodes
        if node.kind in _FOLDABLE
        and not node.note
        and not node.extra
        and makers[node.id]
        and takers[node.id]
        and min(len(makers[node.id]), len(takers[node.id])) == 1
    }
    links = [link for link in chart.links if not link.extra and gone.keys().isdisjoint(link.key)]
    for node in gone.values():
        links += [_through(node, made, taken) for made in makers[node.id] for taken in takers[node.id]]
    links = _merged(links)
    extra = [link for link in chart.links if link.extra and gone.keys().isdisjoint(link.key)]
    extra += _undeclared(chart, gone, links, seen)
    kept = (replace(node, brief=True) for node in chart.nodes if node.id not in gone)
    return replace(chart, nodes=tuple(kept), links=(*links, *extra))


def _ends(chart: Chart) -> tuple[Mapping[str, list[Link]], Mapping[str, list[Link]]]:
    """The links into and out of each node, without those that only a trace knows."""
    into: defaultdict[str, list[Link]] = defaultdict(list)
    out: defaultdict[str, list[Link]] = defaultdict(list)
    for link in chart.links:
        if not link.extra:
            into[link.target].append(link)
            out[link.source].append(link)
    return into, out


def _through(event: ChartNode, made: Link, taken: Link) -> Link:
    """The link from the maker of an event to its taker."""
    kind = taken.kind if taken.kind in (LinkKind.WAITS, LinkKind.ASKS, LinkKind.CUT) else made.kind
    unsure = Provenance.INFERRED in (made.provenance, taken.provenance)
    return Link(
        made.source,
        taken.target,
        kind,
        Provenance.INFERRED if unsure else Provenance.DECLARED,
        joins=taken.joins,
        unreachable=made.unreachable or taken.unreachable,
        events=(event.label,),
        ways=tuple((first[0], event.id, last[-1]) for first in made.parts for last in taken.parts),
    )


def _merged(links: Iterable[Link]) -> list[Link]:
    """One link for each pair of nodes: the strongest kind, all events, all ways."""
    found: dict[tuple[str, str], Link] = {}
    for link in links:
        known = found.get(link.key)
        if known is None:
            found[link.key] = link
            continue
        first, second = sorted((known, link), key=lambda each: _STRENGTH.index(each.kind))
        found[link.key] = replace(
            first,
            joins=first.joins or second.joins,
            unreachable=first.unreachable and second.unreachable,
            events=tuple(dict.fromkeys((*known.events, *link.events))),
            ways=tuple(dict.fromkeys((*known.parts, *link.parts))),
        )
    return list(found.values())


def _undeclared(chart: Chart, gone: Mapping[str, ChartNode], links: Sequence[Link], seen: Seen) -> list[Link]:
    """The ways of a run through a folded event that no link stands for."""
    nodes = {node.id for node in chart.nodes}
    known = {part for link in links for part in link.parts}
    known |= {(OUTSIDE, *part[1:]) for part in known if part[0] == HUMAN or part[0].startswith("outside:")}
    ways = [way for way, count in sorted(seen.hops.items()) if count and way[1] in gone and way not in known]
    if not seen.hops:
        ways = [way for link in chart.links if link.extra for way in _guessed(link, gone, chart) if way not in known]
    return [
        Link(
            maker or HUMAN,
            taker,
            LinkKind.SENDS,
            Provenance.OBSERVED,
            extra=True,
            events=(gone[event].label,),
            ways=((maker or HUMAN, event, taker),),
        )
        for maker, event, taker in ways
        if {maker or HUMAN, taker} <= nodes
    ]


def _guessed(link: Link, gone: Mapping[str, ChartNode], chart: Chart) -> list[tuple[str, str, str]]:
    """The ways that an observed edge at a folded event belongs to, where whole ways are not known."""
    if link.target in gone:
        return [(link.source, link.target, each.target) for each in chart.links if each.source == link.target]
    if link.source in gone:
        return [(each.source, link.source, link.target) for each in chart.links if each.target == link.source]
    return []


def folded_groups(chart: Chart) -> Chart:
    """The chart with one box for each group."""
    boxes = {}
    for group in chart.groups:
        members = [node for node in chart.nodes if node.id in group.members]
        boxes[group.id] = (_box(group.id, group.label, members), group.members)
    return replace(_contracted(chart, boxes), groups=())


def folded_chains(chart: Chart) -> Chart:
    """The chart with one box for each chain of three steps and more: one way in, one way on, nothing else."""
    nodes = {node.id: node for node in chart.nodes}
    boxes = {}
    for chain in _chains(chart):
        members = [nodes[each] for each in chain]
        label = f"{clipped(members[0].label, 20)} … {clipped(members[-1].label, 20)}"
        boxes[f"chain:{chain[0]}"] = (_box(f"chain:{chain[0]}", label, members), tuple(chain))
    return _contracted(chart, boxes)


def _chains(chart: Chart) -> list[list[str]]:
    into, out = _ends(chart)
    frame = {member: group.id for group in chart.groups for member in group.members}
    plain = {
        node.id: node
        for node in chart.nodes
        if node.kind in (NodeKind.STEP, NodeKind.EVENT) and not node.note and not node.extra
    }

    def following(node: str) -> str | None:
        """The only node behind a node, when it is the only one before that."""
        if len(out[node]) != 1:
            return None
        other = out[node][0].target
        alone = other in plain and other != node and len(into[other]) == 1
        return other if alone and frame.get(other) == frame.get(node) else None

    followed = {other for node in plain if (other := following(node)) is not None}
    chains = []
    for node in plain:
        if node not in followed:
            chain = [node]
            while (other := following(chain[-1])) is not None and other not in chain:
                chain.append(other)
            chain = _from_step_to_step(chain, plain)
            if sum(plain[each].kind is NodeKind.STEP for each in chain) >= _LEAST_CHAIN:
                chains.append(chain)
    return chains


def _from_step_to_step(chain: list[str], nodes: Mapping[str, ChartNode]) -> list[str]:
    places = [place for place, node in enumerate(chain) if nodes[node].kind is NodeKind.STEP]
    return chain[places[0] : places[-1] + 1] if places else []


def _box(node: str, label: str, members: Sequence[ChartNode]) -> ChartNode:
    steps = [each for each in members if each.kind is NodeKind.STEP]
    return ChartNode(
        node,
        NodeKind.FOLDED,
        label,
        members=tuple(each.id for each in members),
        facts=(count_of(len(steps), "step"), *(each.label for each in steps)),
    )


def _contracted(chart: Chart, boxes: Mapping[str, tuple[ChartNode, tuple[str, ...]]]) -> Chart:
    """The chart with the members of each box inside it; what only goes on inside a box is not drawn."""
    home = {member: box for box, (_, members) in boxes.items() for member in members}
    firsts = {members[0]: boxes[box][0] for box, (_, members) in boxes.items()}
    nodes = [firsts.get(node.id, node) for node in chart.nodes if node.id not in home or node.id in firsts]
    moved = []
    for link in chart.links:
        source, target = home.get(link.source, link.source), home.get(link.target, link.target)
        if source != target or not _is_inside(link, boxes.get(source)):
            at_box = (source, target) != link.key
            moved.append(replace(link, source=source, target=target, ways=link.parts) if at_box else link)
    known = _merged(link for link in moved if not link.extra)
    pairs = {link.key for link in known}
    extra = [link for link in _merged(link for link in moved if link.extra) if link.key not in pairs]
    known = [_taking(link, [each for each in moved if each.extra and each.key == link.key]) for link in known]
    groups = tuple(
        replace(group, members=tuple(dict.fromkeys(home.get(each, each) for each in group.members)))
        for group in chart.groups
    )
    return Chart(tuple(nodes), (*known, *extra), groups)


def _is_inside(link: Link, box: tuple[ChartNode, tuple[str, ...]] | None) -> bool:
    """Whether a link within one box is no more than the way through it; a loop back to the front is more."""
    if box is None:
        return False
    node, members = box
    return not node.id.startswith("chain:") or members.index(link.target) == members.index(link.source) + 1


def _taking(link: Link, others: Sequence[Link]) -> Link:
    """A link that also stands for observed ones between the same boxes."""
    ways: tuple[Part, ...] = tuple(dict.fromkeys((*link.parts, *(way for each in others for way in each.parts))))
    return replace(link, ways=ways) if others else link
