"""``WorkflowCheckpointer``: runs that leave a checkpoint after each step, and runs that go on from one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .codec import JsonSerializer
from .context import Context
from .errors import CheckpointError, ContextSerdeError, WorkflowRuntimeError, WorkflowStepDoesNotExistError
from .events import Event, StartEvent, StopEvent, qualified_name
from .flow import Flow, flow_of
from .handler import WorkflowHandler
from .keepers import CheckpointFilter, CheckpointKeeper, CheckpointRecord, MemoryKeeper
from .paths import set_at
from .workflow import Workflow

FORMAT = "wftrace/checkpoint@1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run as it was when a step had completed.

    ``number`` counts the checkpoints of the run from 1. ``input_event`` is what the step took, ``output_event`` what
    it returned, None if nothing. ``ctx_state`` is JSON data, as ``Context.to_dict`` makes it; ``saved_at`` is in UTC.
    """

    id_: str
    run_id: str
    number: int
    last_completed_step: str
    input_event: Event | None
    output_event: Event | None
    ctx_state: dict[str, Any]
    saved_at: datetime


class WorkflowCheckpointer:
    """Runs a workflow with a checkpoint after each completed step, and starts runs from checkpoints.

    ``keeper`` is where they are kept: in memory, or in a file with ``SqliteKeeper(path)``. ``checkpoint_serializer``
    knows the types in state and events that the workflow does not declare. ``disabled_steps`` leave no checkpoint.
    A run fails when a checkpoint cannot be saved: with ``ContextSerdeError`` for a value of an unknown type, with
    ``CheckpointError`` when the keeper cannot keep it. One that fails behind the stop event is logged: the result
    stands.
    """

    def __init__(
        self,
        workflow: Workflow,
        keeper: CheckpointKeeper | None = None,
        *,
        checkpoint_serializer: JsonSerializer | None = None,
        disabled_steps: Iterable[str] = (),
    ) -> None:
        self.workflow = workflow
        self.keeper: CheckpointKeeper = MemoryKeeper() if keeper is None else keeper
        self._serializer = checkpoint_serializer or JsonSerializer()
        self._disabled: set[str] = set()
        for step in disabled_steps:
            self.disable_checkpoint(step)

    @property
    def workflow_name(self) -> str:
        """The name under which the keeper has this workflow's checkpoints."""
        return self._flow.name

    @property
    def checkpoints(self) -> Mapping[str, list[Checkpoint]]:
        """The checkpoints of each run of this workflow, by run id, read from the keeper when they are asked for.

        Runs stand in the order in which they began, checkpoints in the order in which they were made.
        """
        return _Checkpoints(self)

    @property
    def enabled_checkpoints(self) -> frozenset[str]:
        """The steps after which a checkpoint is made."""
        return frozenset(self._flow.steps) - self._disabled

    def enable_checkpoint(self, step: str) -> None:
        """Make checkpoints after this step. Raises ``WorkflowStepDoesNotExistError`` when there is none of the name."""
        self._check_step(step)
        self._disabled.discard(step)

    def disable_checkpoint(self, step: str) -> None:
        """Make none after this step. Raises ``WorkflowStepDoesNotExistError`` when there is none of the name."""
        self._check_step(step)
        self._disabled.add(step)

    def run(
        self,
        ctx: Context[Any] | None = None,
        stepwise: bool = False,
        start_event: StartEvent | None = None,
        run_id: str | None = None,
        **fields: Any,
    ) -> WorkflowHandler:
        """Start a run with checkpoints; everything else is as in ``Workflow.run``."""
        return self.workflow.run(
            ctx=ctx,
            stepwise=stepwise,
            checkpoint_callback=self._save,
            start_event=start_event,
            run_id=run_id,
            **fields,
        )

    def run_from(
        self, checkpoint: Checkpoint, *, stepwise: bool = False, run_id: str | None = None, **fields: Any
    ) -> WorkflowHandler:
        """Start a new run that goes on where the checkpoint was made, with checkpoints of its own.

        ``fields`` are set in the run's state first: its start event has been taken already. Raises
        ``WorkflowRuntimeError`` when they do not fit the state, or the checkpoint is the end of its run, and
        ``ContextSerdeError`` when it belongs to another workflow or is damaged.
        """
        ctx = Context.from_dict(self.workflow, checkpoint.ctx_state, self._serializer)
        if isinstance(checkpoint.output_event, StopEvent) or checkpoint.ctx_state.get("run") is None:
            raise WorkflowRuntimeError(
                f"{_named(checkpoint)} is the end of its run: there is nothing to go on with. What its last step "
                "returned is checkpoint.output_event; go on from an earlier one, or start anew with run(...)"
            )
        for name, value in fields.items():
            self._set(ctx, name, value, checkpoint)
        return self.workflow.run(
            ctx=ctx, stepwise=stepwise, checkpoint_callback=self._save, run_id=run_id or uuid.uuid4().hex[:12]
        )

    def filter_checkpoints(
        self,
        run_id: str | None = None,
        last_completed_step: str | None = None,
        input_event_type: type[Event] | None = None,
        output_event_type: type[Event] | None = None,
    ) -> list[Checkpoint]:
        """The checkpoints of this workflow that agree with all that is given; event classes are meant exactly.

        Raises ``ValueError`` when nothing is given, ``WorkflowStepDoesNotExistError`` for a step that is not there.
        """
        if all(each is None for each in (run_id, last_completed_step, input_event_type, output_event_type)):
            raise ValueError(
                "Please specify a filter: run_id, last_completed_step, input_event_type or output_event_type; "
                "checkpoints has them all"
            )
        if last_completed_step is not None:
            self._check_step(last_completed_step)
        return self.find(
            CheckpointFilter(
                workflow=self.workflow_name,
                run_id=run_id,
                last_completed_step=last_completed_step,
                input_event_type=None if input_event_type is None else qualified_name(input_event_type),
                output_event_type=None if output_event_type is None else qualified_name(output_event_type),
            )
        )

    def find(self, wanted: CheckpointFilter) -> list[Checkpoint]:
        """The checkpoints that the keeper finds. Raises ``CheckpointError`` when one is damaged or not known here."""
        codec = self._codec()
        return [_checkpoint(record, codec) for record in self.keeper.find(wanted)]

    def _save(
        self,
        *,
        run_id: str,
        last_completed_step: str,
        input_event: Event | None,
        output_event: Event | None,
        ctx: Context[Any],
    ) -> None:
        if last_completed_step in self._disabled:
            return
        codec = self._codec()
        body = {
            "format": FORMAT,
            "input_event": codec.encode(input_event, "input_event"),
            "output_event": codec.encode(output_event, "output_event"),
            "ctx_state": ctx.to_dict(codec),
        }
        record = CheckpointRecord(
            id_=str(uuid.uuid4()),
            run_id=run_id,
            number=0,
            workflow=self.workflow_name,
            last_completed_step=last_completed_step,
            input_event_type=_type_name(input_event),
            output_event_type=_type_name(output_event),
            saved_at=datetime.now(UTC),
            body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        )
        self.keeper.save(record)

    def _set(self, ctx: Context[Any], name: str, value: Any, checkpoint: Checkpoint) -> None:
        if name in ("ctx", "start_event", "checkpoint_callback"):
            raise WorkflowRuntimeError(
                f"run_from goes on from {_named(checkpoint)} and takes no {name!r}: "
                f"leave it out, or use run({name}=...)"
            )
        try:
            set_at(ctx.store.state, (name,), value)
        except ValueError as error:
            raise WorkflowRuntimeError(f"{name!r} cannot be given to run_from: {error}") from error

    def _codec(self) -> JsonSerializer:
        """The serializer that knows what the workflow declares; a workflow may get further steps."""
        self._serializer = self._serializer.knowing(self._flow.saved_types)
        return self._serializer

    @property
    def _flow(self) -> Flow:
        return flow_of(self.workflow)

    def _check_step(self, step: str) -> None:
        flow = self._flow
        if step not in flow.steps:
            raise WorkflowStepDoesNotExistError(
                f"workflow {flow.name!r} has no step {step!r}; it has {', '.join(map(repr, flow.steps))}"
            )


class _Checkpoints(Mapping[str, list[Checkpoint]]):
    """The checkpoints of one workflow as its keeper has them now."""

    __slots__ = ("_owner",)

    def __init__(self, owner: WorkflowCheckpointer) -> None:
        self._owner = owner

    def __getitem__(self, run_id: str) -> list[Checkpoint]:
        found = self._owner.find(CheckpointFilter(workflow=self._owner.workflow_name, run_id=run_id))
        if not found:
            raise KeyError(run_id)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs())

    def __len__(self) -> int:
        return len(self._runs())

    def __repr__(self) -> str:
        return f"<checkpoints of {', '.join(self._runs()) or 'no run'}>"

    def _runs(self) -> list[str]:
        return list(self._owner.keeper.runs(self._owner.workflow_name))


def _checkpoint(record: CheckpointRecord, codec: JsonSerializer) -> Checkpoint:
    """A kept record as a value. Raises ``CheckpointError`` that names it."""
    place = _named(record)
    try:
        body = json.loads(record.body)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{place} cannot be read: {error}; what was saved is damaged") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        found = body.get("format") if isinstance(body, dict) else type(body).__name__
        raise CheckpointError(f"{place} cannot be read: its format is {found!r}, this version reads {FORMAT!r}")
    try:
        input_event = _event(codec.decode(body.get("input_event"), "input_event"))
        output_event = _event(codec.decode(body.get("output_event"), "output_event"))
    except ContextSerdeError as error:
        raise CheckpointError(f"{place} cannot be read: {error}") from error
    return Checkpoint(
        id_=record.id_,
        run_id=record.run_id,
        number=record.number,
        last_completed_step=record.last_completed_step,
        input_event=input_event,
        output_event=output_event,
        ctx_state=body.get("ctx_state") or {},
        saved_at=record.saved_at,
    )


def _event(value: Any) -> Event | None:
    if value is None or isinstance(value, Event):
        return value
    raise CheckpointError(f"where an event must stand there is {type(value).__name__}")


def _type_name(event: Event | None) -> str:
    return "" if event is None else qualified_name(type(event))


def _named(checkpoint: Checkpoint | CheckpointRecord) -> str:
    return f"checkpoint {checkpoint.number} of run {checkpoint.run_id!r} (after {checkpoint.last_completed_step!r})"
