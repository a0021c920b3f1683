"""Which links of a chart run against the flow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from wftrace.overlays import EdgeKey


def back_links(nodes: Sequence[str], starts: Iterable[str], links: Sequence[EdgeKey]) -> frozenset[EdgeKey]:
    """The links that close a loop, found by a depth-first walk from ``starts``, then from what is left, in given order.

    Without these links the chart has no cycle.

    >>> sorted(back_links(["a", "b", "c"], ["a"], [("a", "b"), ("b", "c"), ("c", "a"), ("b", "b")]))
    [('b', 'b'), ('c', 'a')]
    """
    following: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in links:
        following[source].append(target)
    seen: set[str] = set()
    back: set[EdgeKey] = set()
    for root in (*starts, *nodes):
        if root not in seen:
            back |= _walk(root, following, seen)
    return frozenset(back)


def _walk(root: str, following: Mapping[str, Sequence[str]], seen: set[str]) -> set[EdgeKey]:
    back: set[EdgeKey] = set()
    path: list[tuple[str, Iterator[str]]] = [(root, iter(following[root]))]
    open_nodes = {root}
    seen.add(root)
    while path:
        node, targets = path[-1]
        target = next(targets, None)
        if target is None:
            open_nodes.discard(node)
            path.pop()
        elif target in open_nodes:
            back.add((node, target))
        elif target not in seen:
            seen.add(target)
            open_nodes.add(target)
            path.append((target, iter(following[target])))
    return back
