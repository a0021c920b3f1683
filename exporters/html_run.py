"""One run as the report sees it: its overlay, figures and path, and the anchors of everything that has a card."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from wftrace.analysis import (
    Causes,
    LogRow,
    PathKind,
    PathPart,
    Summary,
    Workers,
    critical_path,
    log_rows,
    summarise,
)
from wftrace.engine.graph import FlowGraph
from wftrace.overlays import Overlay, overlay_run, step_id
from wftrace.trace import Attempt, Run

from .html_cut import FIRST, SPANS_CAP, Key, held, is_large, shares, spans_in, written
from .html_links import LinkSource, pages_of
from .html_nest import Nest

_PLAIN = re.compile(r"[A-Za-z0-9_]+\Z")


@dataclass(frozen=True)
class RunView:
    """A run, the graph to draw it on, its place in the report (from 1), and where its trace is stored.

    ``cap`` is how many of its spans the report may hold, ``views`` are all runs of the report in their order.
    """

    run: Run
    number: int = 1
    given: FlowGraph | None = None
    nest: Nest = field(default_factory=lambda: Nest(()))
    pages: Mapping[str, str] = field(default_factory=dict)
    cap: int = SPANS_CAP
    views: list[RunView] = field(default_factory=list, repr=False, compare=False)

    @property
    def ref(self) -> str:
        """The anchor of the run's section and of its overview."""
        return run_ref(self.number - 1)

    @cached_property
    def overlay(self) -> Overlay:
        """The run on its graph."""
        return overlay_run(self.run, self.given)

    @property
    def graph(self) -> FlowGraph:
        """The graph with what was observed."""
        return self.overlay.graph

    @cached_property
    def summary(self) -> Summary:
        """The run's figures."""
        return summarise(self.overlay)

    @cached_property
    def path(self) -> tuple[PathPart, ...]:
        """The critical path."""
        return critical_path(self.run)

    @cached_property
    def path_keys(self) -> frozenset[tuple[str, int, str]]:
        """Execution, attempt and kind of every part of the critical path; a human's part belongs to no attempt."""
        return frozenset(
            (part.execution_id, 0 if part.kind is PathKind.HUMAN else part.number, part.kind.value)
            for part in self.path
        )

    @cached_property
    def causes(self) -> Causes:
        """Who caused what."""
        return Causes(self.run)

    @cached_property
    def workers(self) -> Workers:
        """How busy the workers were."""
        return Workers(self.run)

    @cached_property
    def large(self) -> bool:
        """Whether the run is too large to be written out."""
        return is_large(self.run)

    @cached_property
    def shown(self) -> dict[Key, Attempt]:
        """The attempts that are written out, each with a card."""
        return written(self.run, self.path)

    @cached_property
    def held(self) -> Run:
        """The run with those spans that the report holds in figures; the run itself unless it is too large for that."""
        return held(self.run, self.path, self.cap)

    @cached_property
    def left_out(self) -> int:
        """How many spans are not in the report."""
        return spans_in(self.run) - spans_in(self.held)

    @cached_property
    def log(self) -> tuple[LogRow, ...]:
        """Every row of the log that the report holds."""
        return log_rows(self.held, self.graph)

    @cached_property
    def shown_log(self) -> tuple[LogRow, ...]:
        """The log rows that are written out: of a large run the first, and the first that tell of trouble."""
        if not self.large:
            return self.log
        trouble = [row for row in self.log if row.status != "ok"][:FIRST]
        kept = {id(row) for row in (*self.log[:FIRST], *trouble)}
        return tuple(row for row in self.log if id(row) in kept)

    @cached_property
    def _refs(self) -> dict[Key, str]:
        return {
            attempt.key: self._name(attempt, index)
            for index, attempt in enumerate(self.run.attempts)
            if attempt.key in self.shown
        }

    @cached_property
    def node_refs(self) -> Mapping[str, str]:
        """The anchors of the cards of steps and events, by node id."""
        steps = {
            step.id: f"{self.ref}.{step.name if _PLAIN.match(step.name) else f's-{index}'}"
            for index, step in enumerate(self.graph.steps)
        }
        events = {event.id: f"{self.ref}.event-{index}" for index, event in enumerate(self.graph.events)}
        return {**steps, **events}

    def inner_runs(self, execution_id: str, number: int) -> list[int]:
        """Where the runs stand that an attempt started: those of its execution which began in its time."""
        attempts = self.causes.attempts.get(execution_id, ())
        inner = []
        for place in self.nest.children(self.run, execution_id):
            began = self.nest.runs[place].start_ns
            at = [each for each in attempts if each.start_ns <= began <= each.end_ns] or list(attempts[-1:])
            if at and at[0].number == number:
                inner.append(place)
        return inner

    @cached_property
    def parent_ref(self) -> str:
        """The anchor of the attempt that started this run, or of the run around it; ``""`` when that is not here."""
        place = self.nest.parent(self.run)
        if place is None:
            return ""
        around = self.views[place]
        for attempt in around.causes.attempts.get(self.run.parent_execution, ())[::-1]:
            if attempt.start_ns <= self.run.start_ns and around.attempt_ref(*attempt.key):
                return around.attempt_ref(*attempt.key)
        return around.ref

    def attempt_ref(self, execution_id: str, number: int) -> str:
        """The anchor of an attempt's card, ``""`` when it has none."""
        return self._refs.get((execution_id, number), "")

    def step_ref(self, step: str) -> str:
        """The anchor of a step's card."""
        return self.node_refs.get(step_id(step), "")

    @property
    def path_ref(self) -> str:
        """The anchor of the card of the critical path."""
        return f"{self.ref}.critical-path"

    def name_of(self, attempt: Attempt) -> str | None:
        """The anchor of an attempt as its step and numbers make it; None when they make none."""
        step, _, number = attempt.execution_id.rpartition("#")
        plain = step == attempt.step and number.isascii() and number.isdigit() and not number.startswith("0")
        return f"{self.step_ref(step)}.{number}.{attempt.number}" if plain else None

    def _name(self, attempt: Attempt, index: int) -> str:
        return self.name_of(attempt) or f"{self.ref}.a-{index}.{attempt.number}"


def run_ref(place: int) -> str:
    """The anchor of the run at a place of the report (from 0)."""
    return f"r{place + 1}"


def views_of(runs: Sequence[Run], graph: FlowGraph | None, links: LinkSource) -> list[RunView]:
    """The runs of a report in their order, each with its share of what a report can hold."""
    nest = Nest(runs)
    large = [run for run in nest.runs if is_large(run)]
    caps = dict(zip(map(id, large), shares(large), strict=True))
    views: list[RunView] = []
    for number, run in enumerate(nest.runs, 1):
        views.append(RunView(run, number, graph, nest, pages_of(links, run), caps.get(id(run), SPANS_CAP), views))
    return views
