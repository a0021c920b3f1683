"""Figures as JSON data: documents with the name and version of their schema, for other programs.

Times are milliseconds, shares 0 to 1, moments nanoseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from wftrace.gate import clean_text

from .aggregate import Aggregate
from .conformance import Conformance
from .coverage import Coverage
from .difference import Compared, Diff, Figure
from .variants import Variant

AGGREGATE = "wftrace/aggregate@1"
STATS = "wftrace/stats@1"
VARIANTS = "wftrace/variants@1"
COVERAGE = "wftrace/coverage@1"
CONFORM = "wftrace/conform@1"
DIFF = "wftrace/diff@1"

Document = dict[str, Any]


def aggregate_document(aggregate: Aggregate) -> Document:
    """All figures of many runs."""
    return _clean({"schema": AGGREGATE, **_figures(aggregate), "variants": variants_of(aggregate.variants)})


def stats_document(aggregates: Iterable[Aggregate]) -> Document:
    """The figures of several workflows, without their variants."""
    return _clean({"schema": STATS, "workflows": [_figures(each) for each in aggregates]})


def variants_document(aggregate: Aggregate, most: int | None = None) -> Document:
    """The ways that runs took, the most frequent first."""
    shown = variants_of(aggregate.variants[:most])
    whole = {"workflow": aggregate.workflow, "runs": aggregate.runs, "count": len(aggregate.variants)}
    return _clean({"schema": VARIANTS, **whole, "variants": shown})


def coverage_document(coverage: Coverage, least: float | None = None) -> Document:
    """What of a flow was done; ``least`` is the percentage of edges that was asked for."""
    parts = {
        name: {"taken": taken, "possible": possible}
        for name, (taken, possible) in (
            ("edges", coverage.edges),
            ("steps", coverage.steps),
            ("events", coverage.events),
        )
    }
    return _clean(
        {
            "schema": COVERAGE,
            "workflow": coverage.figures.workflow,
            "runs": coverage.figures.runs,
            "percent": round(coverage.percent, 3),
            "least": least,
            "ok": least is None or coverage.reaches(least),
            **parts,
            "holes": [asdict(hole) for hole in coverage.holes],
            "notes": list(coverage.figures.notes),
        }
    )


def conform_document(conformance: Conformance) -> Document:
    """Whether runs only did what a flow allows."""
    return _clean(
        {
            "schema": CONFORM,
            "workflow": conformance.graph.name,
            "version": conformance.graph.hash,
            "runs": conformance.runs,
            "deviating": conformance.deviating,
            "ok": conformance.conforms,
            "deviations": [{**asdict(each), "sentence": each.sentence} for each in conformance.deviations],
        }
    )


def diff_document(diff: Diff) -> Document:
    """What is different. Nodes and edges that did not change are left out."""
    return _clean(
        {
            "schema": DIFF,
            "kind": diff.kind,
            "workflow": diff.graph.name,
            "empty": diff.empty,
            "sentence": diff.sentence,
            "a": asdict(diff.a),
            "b": asdict(diff.b),
            "whole": [_figure(figure) for figure in diff.whole],
            "changes": [_compared(each) for each in diff.changes],
            "notes": list(diff.notes),
        }
    )


def variants_of(variants: Iterable[Variant]) -> list[Document]:
    """Variants as data."""
    return [{**asdict(variant), "way": list(variant.way), "text": variant.text} for variant in variants]


def _figures(aggregate: Aggregate) -> Document:
    return {
        "workflow": aggregate.workflow,
        "runs": aggregate.runs,
        "outcomes": dict(aggregate.outcomes),
        "first_ns": aggregate.first_ns,
        "last_ns": aggregate.last_ns,
        "time": asdict(aggregate.time),
        "busy": asdict(aggregate.busy),
        "human": {**asdict(aggregate.human), "share": aggregate.human_share, "unanswered": aggregate.unanswered},
        "edges_taken": aggregate.taken,
        "edges_possible": len(aggregate.possible),
        "steps": [{"id": name, **asdict(step)} for name, step in aggregate.steps.items()],
        "events": [{"id": name, "made": count} for name, count in aggregate.events.items()],
        "edges": [
            {**_ends(key), **asdict(edge), "undeclared": key in aggregate.undeclared}
            for key, edge in aggregate.edges.items()
        ],
        "versions": [asdict(version) for version in aggregate.versions],
        "notes": list(aggregate.notes),
    }


def _ends(key: tuple[str, str]) -> Document:
    return {"source": key[0], "target": key[1]}


def _compared(compared: Compared) -> Document:
    place = {"node": compared.key} if isinstance(compared.key, str) else _ends(compared.key)
    figures = [_figure(figure) for figure in compared.figures]
    return {**place, "change": compared.change.value, "sure": compared.sure, "figures": figures}


def _figure(figure: Figure) -> Document:
    return asdict(figure)


def _clean(document: Document) -> Document:
    """The document with every text as valid Unicode without control characters."""
    return {key: _cleaned(value) for key, value in document.items()}


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list | tuple) else value
