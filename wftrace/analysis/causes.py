"""Who caused what in a run: the lookups that every walk through causes needs, built once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from wftrace.engine.graph import EventKind
from wftrace.trace import Attempt, Emission, Run, Wait


@dataclass(frozen=True)
class Causes:
    """The causes in one run. Everything is found by id, nothing by time."""

    run: Run

    @cached_property
    def emission(self) -> dict[str, Emission]:
        """Every emission by its event id."""
        return {emission.event_id: emission for emission in self.run.emissions}

    @cached_property
    def attempts(self) -> dict[str, tuple[Attempt, ...]]:
        """The attempts of each execution, first to last."""
        groups: defaultdict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.run.attempts:
            groups[attempt.execution_id].append(attempt)
        return {key: tuple(sorted(group, key=lambda each: each.number)) for key, group in groups.items()}

    @cached_property
    def human(self) -> dict[str, Wait]:
        """The wait that each outside answer ended, by the id of the answer."""
        return {wait.events[-1]: wait for wait in self.run.waits if wait.kind == "human" and len(wait.events) > 1}

    @cached_property
    def waits(self) -> dict[str, tuple[Wait, ...]]:
        """The waits of each execution, in order."""
        groups: defaultdict[str, list[Wait]] = defaultdict(list)
        for wait in self.run.waits:
            groups[wait.execution_id].append(wait)
        return {key: tuple(group) for key, group in groups.items()}

    @cached_property
    def consumers(self) -> dict[str, tuple[Attempt, ...]]:
        """The first attempts that each event was dispatched to."""
        groups: defaultdict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.run.attempts:
            if attempt.number == 1:
                for event in attempt.inputs:
                    groups[event].append(attempt)
        return {key: tuple(group) for key, group in groups.items()}

    @cached_property
    def _emitters(self) -> dict[str, Attempt]:
        return {event: attempt for attempt in self.run.attempts for event in attempt.outputs}

    def emitter(self, event: str, execution: str = "") -> Attempt | None:
        """The attempt that made an event; None for the start event and for what came from outside.

        Output lists are capped in a trace: an event beyond the cap belongs to the last attempt of its execution.
        """
        if event in self._emitters:
            return self._emitters[event]
        made = self.emission.get(event)
        attempts = self.attempts.get(made.execution_id if made else execution, ())
        return attempts[-1] if attempts else None

    def previous(self, attempt: Attempt) -> Attempt | None:
        """The failed attempt that this one repeats."""
        earlier = [each for each in self.attempts[attempt.execution_id] if each.number < attempt.number]
        return earlier[-1] if earlier else None

    def next(self, attempt: Attempt) -> Attempt | None:
        """The attempt that repeats this one."""
        later = [each for each in self.attempts[attempt.execution_id] if each.number > attempt.number]
        return later[0] if later else None

    def last_input(self, attempt: Attempt) -> tuple[str, str]:
        """The event that set the attempt off, and the execution that made it.

        Of several dispatched events it is the one that was made last.
        """
        pairs = list(zip(attempt.inputs, attempt.input_executions, strict=False))
        if not pairs:
            return "", ""
        return max(pairs, key=lambda pair: self.emission[pair[0]].seq if pair[0] in self.emission else -1)

    @cached_property
    def stop(self) -> Emission | None:
        """The stop event that ended the run, when its trace tells."""
        if self.run.outcome != "completed":
            return None
        graph = self.run.graph
        stops = {event.type for event in graph.events if event.kind is EventKind.STOP} if graph else set()
        made = [emission for emission in self.run.emissions if emission.type in stops and emission.execution_id]
        return made[0] if made else None

    @cached_property
    def last(self) -> Attempt | None:
        """The attempt in which the run ended: it made the stop event, it failed, or it was the last of all."""
        if self.stop is not None:
            return self.emitter(self.stop.event_id)
        failed = self.attempts.get(self.run.failed_execution)
        if failed:
            return failed[-1]
        return self.run.attempts[-1] if self.run.attempts else None
