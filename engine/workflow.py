"""``Workflow``: steps gathered, the graph checked, runs started."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from pydantic import ValidationError

from .context import Context
from .errors import ServiceNotFoundError, WorkflowRuntimeError, WorkflowValidationError
from .events import Event, StartEvent
from .flow import Flow
from .graph import FlowGraph
from .handler import WorkflowHandler
from .loop import CheckpointCallback, RunLoop
from .narrator import Narrator
from .observers import hooks_for_run
from .steps import NestedInput, StepSpec, spec_of, wrapped
from .supplies import Supplies
from .turnstile import Turnstile, Turnstiles
from .validation import raise_findings

RESERVED = ("add_step", "run")
"""Names that no step may have."""


class _GraphOfFlow:
    """``Workflow.graph``: on a class the flow of its steps, on an instance with those attached to it."""

    def __get__(self, instance: Workflow | None, owner: type[Workflow]) -> FlowGraph:
        return graph_of(owner if instance is None else instance)


class _AddStep:
    """``add_step`` on a class attaches to the class, on an instance to the instance."""

    def __get__(self, instance: Workflow | None, owner: type[Workflow]) -> Callable[[Callable[..., Any]], None]:
        def add_step(function: Callable[..., Any]) -> None:
            """Attach a function that ``@step`` has decorated."""
            spec = spec_of(function)
            if spec is None:
                name = getattr(function, "__name__", repr(function))
                raise WorkflowValidationError(f"Step function {name} is missing the @step decorator.")
            if instance is None:
                owner._attach_to_class(spec)
            else:
                instance._attach_to_instance(spec)

        return add_step


class Workflow(NestedInput):
    """An event-driven workflow: subclass it and write steps, or attach functions with ``@step(workflow=...)``.

    ``timeout`` is the seconds that a run may take (None: no limit), ``disable_validation`` runs a flow in spite of what
    its checks find, ``verbose`` logs each step, ``num_concurrent_runs`` lets further runs of the same event loop wait
    for a free place; their timeout begins when they get it.
    """

    graph: ClassVar[_GraphOfFlow] = _GraphOfFlow()
    add_step: ClassVar[_AddStep] = _AddStep()

    _timeout: float | None = 45.0
    _disable_validation: bool = False
    _verbose: bool = False
    _num_concurrent_runs: int | None = None
    _attached: ClassVar[dict[str, StepSpec]] = {}
    _cached_flow: ClassVar[tuple[tuple[StepSpec, ...], Flow] | None] = None

    def __init__(
        self,
        timeout: float | None = 45.0,
        disable_validation: bool = False,
        verbose: bool = False,
        num_concurrent_runs: int | None = None,
    ) -> None:
        if timeout is not None and not _is_seconds(timeout):
            raise WorkflowValidationError(f"timeout must be a number of seconds above 0, or None, it is {timeout!r}")
        if num_concurrent_runs is not None and (type(num_concurrent_runs) is not int or num_concurrent_runs < 1):
            raise WorkflowValidationError(f"num_concurrent_runs must be 1 or more, it is {num_concurrent_runs!r}")
        self._timeout = timeout
        self._disable_validation = disable_validation
        self._verbose = verbose
        self._num_concurrent_runs = num_concurrent_runs

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, value in vars(cls).items():
            if name in RESERVED and spec_of(value) is not None:
                raise WorkflowValidationError(
                    f"step {cls.__qualname__}.{name} has the name of a part of Workflow ({', '.join(RESERVED)}): "
                    "give it another name"
                )
        cls._attached = {}
        cls._cached_flow = None

    @classmethod
    def _attach_to_class(cls, spec: StepSpec) -> None:
        if cls is Workflow:
            raise WorkflowValidationError(
                f"step {spec.name!r} cannot be attached to Workflow itself: every workflow would get it; "
                "attach it to a subclass or to an instance"
            )
        _add(cls._attached, {each.name for each in cls._class_specs()}, spec, cls.__name__)

    def _attach_to_instance(self, spec: StepSpec) -> None:
        _add(_mine(self).steps, {each.name for each in self._specs()}, spec, f"this {type(self).__name__}")

    @classmethod
    def _class_specs(cls) -> tuple[StepSpec, ...]:
        """The steps of the class in order of declaration, base classes first."""
        found: dict[str, StepSpec] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                spec = spec_of(value)
                if spec is not None:
                    found[name] = wrapped(spec, value)
                elif name in found:
                    del found[name]
            found.update(vars(base).get("_attached", {}))
        return tuple(found.values())

    @classmethod
    def _class_flow(cls) -> Flow:
        specs = cls._class_specs()
        cached = cls.__dict__.get("_cached_flow")
        if cached is None or cached[0] != specs:
            cached = cls._cached_flow = (specs, Flow(cls.__name__, specs, cls))
        return cached[1]

    def _specs(self) -> tuple[StepSpec, ...]:
        return (*self._class_specs(), *_mine(self).steps.values())

    def _instance_flow(self) -> Flow:
        mine = _mine(self)
        if not mine.steps:
            return self._class_flow()
        specs = self._specs()
        if mine.flow is None or mine.flow[0] != specs:
            mine.flow = (specs, Flow(type(self).__name__, specs, type(self)))
        return mine.flow[1]

    def add_workflows(self, **workflows: Workflow) -> None:
        """Give workflows to the steps that have a parameter of the same name, to run them inside."""
        for name, workflow in workflows.items():
            if not isinstance(workflow, Workflow):
                raise WorkflowValidationError(
                    f"add_workflows takes workflows by name; {name} is a {type(workflow).__name__}"
                )
        _mine(self).supplies.nested.update(workflows)

    @property
    def last_run_id(self) -> str | None:
        """The id of the run that was started last."""
        return _mine(self).last_run_id

    def validate(self) -> None:
        """Check the flow's shape. Raises ``WorkflowConfigurationError`` or ``WorkflowValidationError`` with the
        cures.
        """
        raise_findings(self._instance_flow().graph)

    def run(
        self,
        ctx: Context[Any] | None = None,
        stepwise: bool = False,
        checkpoint_callback: CheckpointCallback | None = None,
        start_event: StartEvent | None = None,
        run_id: str | None = None,
        **fields: Any,
    ) -> WorkflowHandler:
        """Start a run; ``fields`` become the fields of its start event, unless ``start_event`` is given.

        Must be called where an event loop runs. ``stepwise`` holds back what steps make, see ``handler.run_step``.
        ``ctx`` carries over the state of an earlier run; one that was saved while its run was under way goes on there,
        without a start event. ``checkpoint_callback`` is called after each step that completed, with ``run_id``,
        ``last_completed_step``, ``input_event``, ``output_event`` and ``ctx``; when it fails, the run fails.

        Raises ``WorkflowValidationError`` when the flow cannot work, ``ValueError`` when ``start_event`` is no
        StartEvent, and ``WorkflowRuntimeError`` when ``fields`` do not fit the start event, or there is none.
        """
        flow = self._ready_flow()
        _check_arguments(ctx, run_id)
        context: Context[Any] = Context() if ctx is None else ctx
        saved = context.saved_run(flow) if ctx is not None else None
        event = _start_event(flow, start_event, fields) if saved is None else None
        if saved is not None and (fields or start_event is not None):
            raise WorkflowRuntimeError(
                f"the context goes on with run {saved.run_id}, which has no start event any more: "
                f"{', '.join(fields) or 'start_event'} would be lost; set it in the state instead: "
                "await ctx.store.set(name, value)"
            )
        if flow.state_class is not None:
            context.fit(flow.state_class)
        turnstile = self._turnstile()
        run = RunLoop(
            flow,
            self,
            context,
            run_id or (saved.run_id if saved is not None else uuid.uuid4().hex[:12]),
            hooks_for_run(Narrator) if self._verbose else hooks_for_run(),
            _mine(self).supplies,
            entry=event,
            saved=saved,
            stepwise=stepwise,
            checkpoint=checkpoint_callback,
            on_closed=None if turnstile is None else turnstile.leave,
        )
        _mine(self).last_run_id = run.run_id

        if turnstile is None:
            run.start(self._timeout)
        else:
            turnstile.enter(run, lambda: run.start(self._timeout))
        return WorkflowHandler(run)

    def _turnstile(self) -> Turnstile | None:
        if self._num_concurrent_runs is None:
            return None
        mine = _mine(self)
        if mine.turnstiles is None:
            mine.turnstiles = Turnstiles(self._num_concurrent_runs)
        return mine.turnstiles.here()

    def _ready_flow(self) -> Flow:
        flow = self._instance_flow()
        if not self._disable_validation:
            raise_findings(flow.graph)
        self._check_nested(flow)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise WorkflowRuntimeError(
                f"{flow.name}.run() needs a running event loop: call it inside 'async def main()' and start that with "
                "asyncio.run(main())"
            ) from None
        return flow

    def _check_nested(self, flow: Flow) -> None:
        """The nested workflows that steps cannot do without are there."""
        for step, parameter, required in flow.wants_nested:
            if required and parameter not in _mine(self).supplies.nested:
                raise ServiceNotFoundError(
                    f"The following services are not available: {parameter} (step {step!r} of {flow.name} asks for "
                    f"it); give it with workflow.add_workflows({parameter}=...)"
                )


@dataclass(slots=True)
class _Mine:
    """What the engine keeps on an instance, under one name that no user takes."""

    steps: dict[str, StepSpec] = field(default_factory=dict)
    flow: tuple[tuple[StepSpec, ...], Flow] | None = None
    turnstiles: Turnstiles | None = None
    supplies: Supplies = field(default_factory=Supplies)
    last_run_id: str | None = None


def _mine(workflow: Workflow) -> _Mine:
    """Made when first needed: a subclass may forget ``super().__init__()``."""
    mine = workflow.__dict__.get("_wftrace_mine")
    if mine is None:
        mine = workflow.__dict__["_wftrace_mine"] = _Mine()
    return cast(_Mine, mine)


def graph_of(flow: Workflow | type[Workflow]) -> FlowGraph:
    """The graph of a workflow or a workflow class, also of one whose own attribute hides ``graph``."""
    return flow._class_flow().graph if isinstance(flow, type) else flow._instance_flow().graph


def _add(steps: dict[str, StepSpec], taken: set[str], spec: StepSpec, where: str) -> None:
    if spec.name in RESERVED:
        raise WorkflowValidationError(f"a step cannot be called {spec.name!r}: Workflow has a part of that name")
    if spec.name in taken:
        raise WorkflowValidationError(
            f"A step {spec.name} is already part of this workflow ({where}), please choose another name."
        )
    steps[spec.name] = spec


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _check_arguments(ctx: object, run_id: object) -> None:
    if ctx is not None and not isinstance(ctx, Context):
        raise WorkflowRuntimeError(
            f"run(ctx=...) takes a Context, not {type(ctx).__name__}; fields of the start event "
            "that have the names of its own parameters go into start_event=..."
        )
    if run_id is not None and (not isinstance(run_id, str) or not run_id):
        raise WorkflowRuntimeError(f"run(run_id=...) takes a text that is not empty, not {run_id!r}")


def _start_event(flow: Flow, given: StartEvent | None, fields: dict[str, Any]) -> Event:
    if given is not None:
        if not isinstance(given, StartEvent):
            raise ValueError(
                f"The 'start_event' argument must be an instance of 'StartEvent', it is {type(given).__name__}."
            )
        if fields:
            raise WorkflowRuntimeError(
                f"a start event was given: {', '.join(fields)} beside it would be lost; make them fields of the event"
            )
        return given
    try:
        return flow.start(**fields)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise WorkflowRuntimeError(
            f"Failed creating a start event of type {flow.start.__name__!r} with the keyword arguments "
            f"{', '.join(fields) or '(none)'}: {problems}"
        ) from error
