"""A run with a strange text in every name, key, value and message of it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from wftrace.engine.graph import FlowGraph
from wftrace.trace import Run

_WORDS = {"kind", "outcome", "mode", "delivered", "provenance"}
_IDS = {"trace_id", "span_id", "event_id", "inputs", "outputs", "joined", "events"}
_KEPT = _WORDS | _IDS


def poisoned(value: Any, poison: str, name: str = "") -> Any:
    """The value with every text in it made longer by ``poison``; words of our own vocabulary and ids of events stay."""
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return tuple(poisoned(each, poison) for each in value)
    if isinstance(value, Enum) or name in _KEPT:
        return value
    if isinstance(value, str) and value:
        head, sharp, number = value.rpartition("#")
        return f"{head}{poison}#{number}" if sharp and number.isdigit() else value + poison
    if isinstance(value, tuple):
        return tuple(poisoned(each, poison, name) for each in value)
    if isinstance(value, dict):
        return {poisoned(key, poison): each for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        texts = {each.name: poisoned(getattr(value, each.name), poison, each.name) for each in fields(value)}
        if isinstance(value, Run):
            graph = value.graph
            texts["graph_hash"] = texts["graph"].hash if isinstance(graph, FlowGraph) else ""
        return replace(value, **texts)
    return value
