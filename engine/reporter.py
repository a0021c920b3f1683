"""What observers are told: facts are made from the state of a run and handed to the hooks.

The loop calls this only when somebody looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import Context

from . import reducer
from .events import Event
from .observers import AttemptEnded, AttemptStarted, Checkpointed, EventSent, Hooks, RunEnded, RunStarted, Waited, tell
from .state import Envelope, Execution, RunState


class Reporter:
    """Makes the facts of one run.

    Seconds of the run's clock become nanoseconds since the epoch, in whole microseconds: some backends keep no more,
    and a run should be the same wherever it is read back from.
    """

    __slots__ = ("_before", "_clock", "_epoch_us", "_hooks", "_run_id", "_state")

    def __init__(self, hooks: Hooks, state: RunState, run_id: str, clock: Callable[[], float]) -> None:
        self._hooks = hooks
        self._state = state
        self._run_id = run_id
        self._clock = clock
        self._before = (state.attempts, state.retries, state.events)
        self._epoch_us = time.time_ns() // 1000 - round(clock() * 1e6)

    def run_started(self, event: Event | None, context: Context, parent_run_id: str, parent_execution: str) -> None:
        """The run begins."""
        fact = RunStarted(
            run_id=self._run_id,
            workflow=self._state.flow.name,
            flow=self._state.flow,
            segment=self._state.segment,
            seq=self._next_seq(),
            time_ns=self._ns(self._clock()),
            context=context,
            start_event=event,
            parent_run_id=parent_run_id,
            parent_execution=parent_execution,
            headers=self._state.headers,
            previous=self._state.previous,
            queued=self._queued,
        )
        tell(self._hooks, self._hooks.run_started, fact)

    def event_sent(self, envelope: Envelope, attempt: int) -> None:
        """An event was made."""
        envelope.headers = {}
        fact = EventSent(
            envelope.event,
            envelope.id,
            envelope.type,
            envelope.producer,
            attempt,
            envelope.mode,
            envelope.target,
            reducer.destination(self._state, envelope),
            envelope.seq,
            self._ns(envelope.sent_at),
            envelope.headers,
        )
        tell(self._hooks, self._hooks.event_sent, fact)

    def attempt_started(self, execution: Execution, context: Context) -> None:
        """A worker begins."""
        envelope = execution.envelope
        fact = AttemptStarted(
            execution.step.name,
            execution.id,
            execution.attempt,
            execution.seq,
            self._ns(execution.started_at),
            self._ns(execution.queued_at),
            execution.worker,
            envelope.event,
            envelope.id,
            envelope.type,
            envelope.producer,
            envelope.headers,
            context,
        )
        tell(self._hooks, self._hooks.attempt_started, fact)

    def attempt_ended(
        self,
        execution: Execution,
        outcome: str,
        error: BaseException | None,
        delay: float | None,
        result: Event | None,
    ) -> None:
        """An attempt is over."""
        outputs = execution.outputs or ()
        joined, since = execution.joined or ((), 0.0)
        ids = tuple([each.id for each in joined]) if joined else ()
        if ids and self._hooks.waited:
            kinds = ", ".join(dict.fromkeys(each.type for each in joined))
            until = execution.started_at
            self.waited("join", kinds, execution.id, execution.attempt, since, "completed", ids, until)
        fact = AttemptEnded(
            execution.id,
            execution.attempt,
            self._ns(self._clock()),
            outcome,
            error,
            delay,
            result,
            tuple([(each.id, each.type) for each in outputs]),
            _mode(outputs),
            ids,
            self._ns(since) if ids else 0,
            execution.streamed or {},
        )
        tell(self._hooks, self._hooks.attempt_ended, fact)

    def waited(
        self,
        kind: str,
        waiting_for: str,
        execution: str,
        attempt: int,
        since: float,
        outcome: str,
        events: tuple[str, ...] = (),
        until: float | None = None,
    ) -> None:
        """A wait is over, now or at ``until``."""
        fact = Waited(
            kind=kind,
            waiting_for=waiting_for,
            execution=execution,
            attempt=attempt,
            seq=self._next_seq(),
            start_ns=self._ns(since),
            end_ns=self._ns(self._clock() if until is None else max(since, until)),
            outcome=outcome,
            events=events,
        )
        tell(self._hooks, self._hooks.waited, fact)

    def checkpointed(
        self, operation: str, since: float, execution: str = "", error: BaseException | None = None
    ) -> None:
        """The run was saved or loaded just now; that began at ``since``, in seconds of the run's clock."""
        fact = Checkpointed(operation, execution, self._next_seq(), self._ns(since), self._ns(self._clock()), error)
        tell(self._hooks, self._hooks.checkpointed, fact)

    def run_ended(self, end: reducer.End) -> None:
        """The run has ended; what still waited or was queued ends with it."""
        state = self._state
        outcome = "timed_out" if end.outcome == "timed_out" else "cancelled"
        if self._hooks.waited:
            for question, since in state.asked:
                self.waited("human", question.type, question.producer, 0, since, outcome, (question.id,))
            for execution in state.delayed:
                self.waited("retry", "retry", execution.id, execution.attempt - 1, execution.recall().ended_at, outcome)
        attempts, retries, events = self._before
        queued = [each for step in state.steps.values() for each in step.queue]
        fact = RunEnded(
            outcome=end.outcome,
            time_ns=self._ns(self._clock()),
            result=end.envelope.event if end.envelope is not None else None,
            error=end.error,
            failed_execution=end.execution.id if end.execution is not None else "",
            attempts=state.attempts - attempts,
            retries=state.retries - retries,
            events=state.events - events,
            dropped=tuple(each.envelope.id for each in (*queued, *state.delayed)),
        )
        tell(self._hooks, self._hooks.run_ended, fact)

    def _queued(self) -> dict[str, int]:
        return {name: len(step.queue) for name, step in list(self._state.steps.items())}

    def _next_seq(self) -> int:
        self._state.seq += 1
        return self._state.seq

    def _ns(self, seconds: float) -> int:
        return (self._epoch_us + round(seconds * 1e6)) * 1000


def _mode(outputs: list[Envelope] | tuple[()]) -> str:
    if not outputs:
        return "none"
    if len(outputs) == 1:
        return outputs[0].mode
    modes = {each.mode for each in outputs}
    return modes.pop() if len(modes) == 1 else "mixed"
