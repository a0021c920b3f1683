"""A flow as span attributes, so that a reader needs no code: made once for each flow."""

from __future__ import annotations

import json
import os
from typing import Any

from wftrace.engine.flow import Flow
from wftrace.engine.graph import EdgeKind, FlowGraph

from . import semconv as words
from .span_names import SpanNames, safe_name
from .trace import AttributeValue

_PIECE = 8 * 1024


def graph_attributes(flow: Flow) -> dict[str, AttributeValue]:
    """The flow itself, its digest, and two cheap lists that other viewers draw."""
    cached: dict[str, AttributeValue] | None = flow.notes.get("graph attributes")
    if cached is None:
        graph = _clean_graph(flow.graph)
        text = graph.to_json()
        size = _piece_size()
        pieces = tuple(text[start : start + size] for start in range(0, len(text), size))
        cached = flow.notes["graph attributes"] = {
            words.GRAPH: text if len(pieces) == 1 else pieces,
            words.GRAPH_HASH: graph.hash,
            words.GEN_AI_WORKFLOW_NODES: tuple(safe_name(step.name) for step in flow.graph.steps),
            words.GEN_AI_WORKFLOW_EDGES: _step_edges(flow.graph),
        }
    return cached


def step_attributes(flow: Flow, name: str) -> dict[str, AttributeValue]:
    """What is the same for all attempts of a step in all runs."""
    node = flow.graph.step[name]
    step = safe_name(name)
    return {
        words.OPERATION_NAME: words.RUN_STEP,
        words.GEN_AI_WORKFLOW_NAME: safe_name(flow.name),
        words.SPAN_KIND: safe_name(node.span_kind),
        words.STEP_NAME: step,
        words.NODE_ID: step,
        words.NODE_NAME: step,
        words.CODE_FUNCTION: safe_name(node.function),
        words.CODE_FILE: safe_name(node.file),
        words.CODE_LINE: node.line,
    }


def names_of(flow: Flow) -> SpanNames:
    """The names of a flow, each looked at once for all of its runs."""
    names: SpanNames | None = flow.notes.get("span names")
    if names is None:
        names = flow.notes["span names"] = SpanNames()
    return names


def _clean_graph(graph: FlowGraph) -> FlowGraph:
    """The graph with every text in it as it may leave the process, so that its names are those of the spans."""
    document = json.loads(graph.to_json())
    clean = _clean_document(document)
    return graph if clean == document else FlowGraph.from_json(json.dumps(clean, ensure_ascii=False))


def _clean_document(value: Any) -> Any:
    if isinstance(value, str):
        return safe_name(value)
    if isinstance(value, list):
        return [_clean_document(item) for item in value]
    return {key: _clean_document(item) for key, item in value.items()} if isinstance(value, dict) else value


def _piece_size() -> int:
    """How long a text attribute may be: the SDK cuts longer ones where the environment says so."""
    limits = [
        int(text)
        for name in ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")
        if (text := os.environ.get(name, "").strip()).isdecimal()
    ]
    return max(1, min([*limits[:1], _PIECE]))


def _step_edges(graph: FlowGraph) -> tuple[str, ...]:
    """``"a -> b"`` for every step b that takes an event which step a makes."""
    pairs = (
        f"{safe_name(graph.nodes[made.source].name)} -> {safe_name(graph.nodes[taken.target].name)}"
        for made in graph.edges
        if made.kind in (EdgeKind.RETURNS, EdgeKind.SENDS)
        for taken in graph.outgoing[made.target]
    )
    return tuple(dict.fromkeys(pairs))
