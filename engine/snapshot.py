"""A run as JSON data, and back: queues, joins, waits, back-offs, and what was under way.

Moments are saved as seconds before the save, so that a run goes on as if no time had passed in between. What was under
way when the run was saved stands first in its queue and starts again; joins and waits answer it as before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .codec import JsonSerializer
from .errors import ContextSerdeError
from .events import Event
from .flow import Flow
from .saved import SavedRun
from .state import Buffer, Envelope, Execution, Past, RunState, StepState, Waiter

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e11)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class EnvelopeRecord(_Record):
    """An event on its way."""

    event: Any
    number: Count
    producer: str
    mode: str
    seq: Count
    ago: Seconds
    target: str = ""
    headers: dict[str, str] | None = None


class WaitRecord(_Record):
    """A wait of a step: what for, and what came."""

    type: str
    requirements: Any
    ago: Seconds
    arrived: EnvelopeRecord | None = None


class AnswersRecord(_Record):
    """What a join has answered to one execution."""

    join: Count
    given: list[list[EnvelopeRecord] | None]


class PastRecord(_Record):
    """What an execution remembers."""

    failures: Count
    failed_ago: Seconds
    ended_ago: Seconds
    error: Any = None
    answers: list[AnswersRecord] = []
    waits: list[WaitRecord] = []


class ExecutionRecord(_Record):
    """An event at a step."""

    id: str
    envelope: EnvelopeRecord
    attempt: Annotated[int, Field(ge=1)]
    queued_ago: Seconds
    past: PastRecord | None = None


class DelayedRecord(_Record):
    """An execution that is retried after some seconds."""

    execution: ExecutionRecord
    remaining: Seconds


class HeldRecord(_Record):
    """The events that a join holds of one class."""

    type: str
    events: list[EnvelopeRecord]


class JoinRecord(_Record):
    """What a join holds, by the class that it counts as."""

    name: str | None
    expected: list[str]
    held: list[HeldRecord]
    ago: Seconds


class StepRecord(_Record):
    """A step with its counters, its joins, and what is running or queued there."""

    executions: Count
    retries: Count
    failures: Count
    joins: list[JoinRecord] = []
    running: list[ExecutionRecord] = []
    queued: list[ExecutionRecord] = []
    delayed: list[DelayedRecord] = []


class AskedRecord(_Record):
    """A question that is not answered."""

    envelope: EnvelopeRecord
    ago: Seconds


class RunRecord(_Record):
    """A run under way."""

    run_id: str
    segment: Annotated[int, Field(ge=1)]
    seq: Count
    events: Count
    attempts: Count
    retries: Count
    headers: dict[str, str] = {}
    steps: dict[str, StepRecord]
    asked: list[AskedRecord] = []
    unhandled: list[str] = []
    questions: list[Any] = []
    held: list[EnvelopeRecord] = []


def save(
    run_id: str,
    state: RunState,
    questions: Iterable[Event],
    held: Iterable[Envelope],
    serializer: JsonSerializer,
    now: float,
) -> dict[str, Any]:
    """A run as JSON data. Raises ``ContextSerdeError`` for an event that cannot be saved."""
    writer = _Writer(state.flow, serializer, now)
    record = RunRecord(
        run_id=run_id,
        segment=state.segment,
        seq=state.seq,
        events=state.events,
        attempts=state.attempts,
        retries=state.retries,
        headers=state.headers,
        steps={step.name: writer.step(step, state) for step in state.steps.values()},
        asked=[AskedRecord(envelope=writer.envelope(each), ago=now - since) for each, since in state.asked],
        unhandled=state.unhandled,
        questions=[serializer.encode(event, type(event).__name__) for event in questions],
        held=[writer.envelope(each) for each in held],
    )
    return record.model_dump(exclude_defaults=True)


def restore(data: Any, flow: Flow, serializer: JsonSerializer, now: float) -> SavedRun:
    """The run that ``save`` wrote. The data may come from anywhere.

    Raises ``ContextSerdeError`` when it is damaged, or names steps and events that the flow does not have.
    """
    try:
        record = RunRecord.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ContextSerdeError(f"run.{place}: {first['msg']}; what was saved is damaged or foreign") from error
    return _Reader(flow, serializer, now).run(record)


class _Writer:
    """Engine values to records."""

    def __init__(self, flow: Flow, serializer: JsonSerializer, now: float) -> None:
        self._flow = flow
        self._serializer = serializer
        self._now = now

    def envelope(self, envelope: Envelope) -> EnvelopeRecord:
        return EnvelopeRecord(
            event=self._serializer.encode(envelope.event, envelope.id or envelope.route.name),
            number=envelope.number,
            producer=envelope.producer,
            mode=envelope.mode,
            seq=envelope.seq,
            ago=self._now - envelope.sent_at,
            target=envelope.target,
            headers=envelope.headers or None,
        )

    def step(self, step: StepState, state: RunState) -> StepRecord:
        delayed = [(each, due) for each, due in state.delayed.items() if each.step is step]
        waiting = [each for each in step.running if not each.entered]
        return StepRecord(
            executions=step.executions,
            retries=step.retries,
            failures=step.failures,
            joins=[self._join(buffer, step.name) for buffer in step.buffers or ()],
            running=[self._execution(each) for each in step.running if each.entered],
            queued=[self._execution(each) for each in (*waiting, *step.queue)],
            delayed=[
                DelayedRecord(execution=self._execution(each), remaining=max(0.0, due - self._now))
                for each, due in delayed
            ],
        )

    def _execution(self, execution: Execution) -> ExecutionRecord:
        return ExecutionRecord(
            id=execution.id,
            envelope=self.envelope(execution.envelope),
            attempt=execution.attempt,
            queued_ago=self._now - execution.queued_at,
            past=None if execution.past is None else self._past(execution, execution.past),
        )

    def _past(self, execution: Execution, past: Past) -> PastRecord:
        buffers = execution.step.buffers or []
        return PastRecord(
            failures=past.failures,
            failed_ago=self._now - past.failed_at if past.failures else 0.0,
            ended_ago=self._now - past.ended_at if past.failures else 0.0,
            error=None if past.last_error is None else self._serializer.encode(past.last_error, execution.id),
            answers=[
                AnswersRecord(
                    join=buffers.index(buffer),
                    given=[None if each is None else [self.envelope(one) for one in each] for each in answers],
                )
                for buffer, answers in past.answers.items()
            ],
            waits=[self._wait(each) for each in (*past.waits, *past.earlier)],
        )

    def _wait(self, waiter: Waiter) -> WaitRecord:
        return WaitRecord(
            type=self._class_name(waiter.type, waiter.execution.step.name),
            requirements=self._serializer.encode(waiter.requirements, f"requirements of {waiter.execution.id}"),
            ago=self._now - waiter.since,
            arrived=None if waiter.arrived is None else self.envelope(waiter.arrived),
        )

    def _class_name(self, cls: type[Event], where: str) -> str:
        """The name of a class that another process will know."""
        name = self._flow.type_name(cls)
        if self._flow.event_class(name) is not cls:
            raise ContextSerdeError(
                f"step {where!r} waits for {name}, which no step names: whoever reads the saved run would not know it; "
                "name it in a step's annotation"
            )
        return name

    def _join(self, buffer: Buffer, step: str) -> JoinRecord:
        return JoinRecord(
            name=buffer.name,
            expected=[self._class_name(cls, step) for cls in buffer.expected],
            held=[
                HeldRecord(type=self._class_name(cls, step), events=[self.envelope(each) for each in held])
                for cls, held in buffer.events.items()
                if held
            ],
            ago=self._now - buffer.since if buffer.count else 0.0,
        )


class _Reader:
    """Records to engine values."""

    def __init__(self, flow: Flow, serializer: JsonSerializer, now: float) -> None:
        self._flow = flow
        self._serializer = serializer
        self._now = now
        self._waiters: list[Waiter] = []

    def run(self, record: RunRecord) -> SavedRun:
        state = RunState(self._flow)
        state.segment = record.segment + 1
        state.previous = record.headers
        state.seq, state.events = record.seq, record.events
        state.attempts, state.retries = record.attempts, record.retries
        state.unhandled = record.unhandled
        for name, step in record.steps.items():
            self._step(name, step, state)
        state.waiters = self._waiters
        state.asked = [(self.envelope(each.envelope), self._now - each.ago) for each in record.asked]
        questions = tuple(self._event(each, "a question on the stream") for each in record.questions)
        return SavedRun(record.run_id, state, questions, tuple(self.envelope(each) for each in record.held))

    def envelope(self, record: EnvelopeRecord) -> Envelope:
        event = self._event(record.event, f"an event of {record.producer or 'the caller'}")
        envelope = Envelope(
            record.number,
            event,
            self._flow.route(type(event)),
            record.producer,
            record.mode,
            record.seq,
            self._now - record.ago,
            record.target,
        )
        if record.target:
            self._known_step(record.target)
        envelope.headers = record.headers
        return envelope

    def _event(self, data: Any, where: str) -> Event:
        event = self._serializer.decode(data, where)
        if not isinstance(event, Event):
            raise ContextSerdeError(f"{where}: it is {type(event).__name__} and no event; what was saved is damaged")
        return event

    def _class(self, name: str, where: str) -> type[Event]:
        cls = self._flow.event_class(name)
        if cls is None:
            raise ContextSerdeError(
                f"{where}: workflow {self._flow.name!r} knows no event {name!r}; run it with the code that saved it, "
                "or name the event in a step's annotation"
            )
        return cls

    def _known_step(self, name: str) -> None:
        if name not in self._flow.steps:
            raise ContextSerdeError(
                f"workflow {self._flow.name!r} has no step {name!r}; it was saved by another workflow, or by another "
                "version of this one"
            )

    def _step(self, name: str, record: StepRecord, state: RunState) -> None:
        self._known_step(name)
        step = state.step(name)
        step.executions, step.retries, step.failures = record.executions, record.retries, record.failures
        step.buffers = [self._join(each, name) for each in record.joins] or None
        for each in record.running:
            execution = self._execution(each, step)
            execution.attempt += 1
            step.queue.append(execution)
        step.queue.extend(self._execution(each, step) for each in record.queued)
        for late in record.delayed:
            state.delayed[self._execution(late.execution, step)] = self._now + late.remaining
        state.queued += len(step.queue)

    def _execution(self, record: ExecutionRecord, step: StepState) -> Execution:
        execution = Execution(record.id, step, self.envelope(record.envelope), self._now - record.queued_ago)
        execution.attempt = record.attempt
        if record.past is not None:
            self._past(record.past, execution)
        return execution

    def _past(self, record: PastRecord, execution: Execution) -> None:
        past = execution.recall()
        past.failures = record.failures
        past.failed_at, past.ended_at = self._now - record.failed_ago, self._now - record.ended_ago
        error = None if record.error is None else self._serializer.decode(record.error, execution.id)
        past.last_error = error if isinstance(error, BaseException) else None
        buffers = execution.step.buffers or []
        for each in record.answers:
            if each.join >= len(buffers):
                raise ContextSerdeError(f"{execution.id} names a join that is not there; what was saved is damaged")
            given = [None if one is None else list(map(self.envelope, one)) for one in each.given]
            past.answers[buffers[each.join]] = given
        past.earlier = tuple(self._wait(each, execution) for each in record.waits)

    def _wait(self, record: WaitRecord, execution: Execution) -> Waiter:
        requirements = self._serializer.decode(record.requirements, f"requirements of {execution.id}")
        if not isinstance(requirements, dict):
            raise ContextSerdeError(f"the requirements of {execution.id} are no names with values")
        cls = self._class(record.type, execution.id)
        waiter = Waiter(execution, cls, requirements, self._now - record.ago)
        if record.arrived is None:
            self._waiters.append(waiter)
        else:
            waiter.arrived = self.envelope(record.arrived)
        return waiter

    def _join(self, record: JoinRecord, step: str) -> Buffer:
        where = f"the join in {step}"
        buffer = Buffer(record.name, [self._class(name, where) for name in record.expected])
        buffer.since = self._now - record.ago
        for each in record.held:
            buffer.events[self._class(each.type, where)] = deque(map(self.envelope, each.events))
            buffer.count += len(each.events)
        return buffer
