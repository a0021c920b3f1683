"""One run as the report sees it: its overlay, figures and path, and the anchors of everything that has a card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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

ROWS_CAP = 2_000
"""How many attempts and how many log rows are written out; errors and the critical path always are."""

_PLAIN = re.compile(r"[A-Za-z0-9_]+\Z")


@dataclass(frozen=True)
class RunView:
    """A run, the graph to draw it on, and its place in the report (from 1)."""

    run: Run
    number: int
    given: FlowGraph | None = None

    @property
    def ref(self) -> str:
        """The anchor of the run's section and of its overview."""
        return f"r{self.number}"

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
    def shown(self) -> dict[tuple[str, int], Attempt]:
        """The attempts that are written out: the first ones, all that failed, all on the critical path."""
        kept = {(part.execution_id, part.number) for part in self.path}
        return {
            attempt.key: attempt
            for index, attempt in enumerate(self.run.attempts)
            if index < ROWS_CAP or attempt.error is not None or attempt.key in kept
        }

    @cached_property
    def log(self) -> tuple[LogRow, ...]:
        """Every row of the log."""
        return log_rows(self.run, self.graph)

    @cached_property
    def shown_log(self) -> tuple[LogRow, ...]:
        """The log rows that are written out."""
        return tuple(row for index, row in enumerate(self.log) if index < ROWS_CAP or row.status != "ok")

    @cached_property
    def _refs(self) -> dict[tuple[str, int], str]:
        return {
            attempt.key: f"{self.ref}.{_name(attempt, index)}.{attempt.number}"
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


def _name(attempt: Attempt, index: int) -> str:
    """The part of an anchor that names an execution: ``fetch.4``, or a number for names that an anchor can't hold."""
    step, _, number = attempt.execution_id.rpartition("#")
    return f"{step}.{number}" if _PLAIN.match(step) and number.isdigit() else f"a-{index}"
