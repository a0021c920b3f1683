"""``@step``: a function becomes a step; its signature is read once into a ``StepSpec``."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, overload

from .errors import WorkflowValidationError
from .events import Event
from .resources import Resource, Wanted, resource_in

if typing.TYPE_CHECKING:
    from .retry import RetryPolicy

Function = TypeVar("Function", bound=Callable[..., Any])

SPEC_ATTRIBUTE = "__wftrace_step__"


class StepInput:
    """What a step may be handed besides its event derives from this, so that signatures can be read without knowing
    it.
    """

    __slots__ = ()


class NestedInput:
    """What a step may ask for by the name of a parameter, because it was added to its workflow, derives from this."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class StepSpec:
    """A step as its decorator and signature declare it.

    ``accepts`` and ``returns`` are event classes in the order of the annotation (``None`` is left out of ``returns``).
    ``parameters`` are the names of those behind ``self`` that are filled, in order; ``wants`` are those filled with
    resources and nested workflows; ``state`` is the class of the run's state when the context is annotated with one.
    ``by_keyword`` says that it must be called by keyword. ``wrapper`` is what other decorators made of the function,
    when they stand above ``@step``: it is what is called.
    """

    name: str
    function: Callable[..., Any] = field(repr=False)
    accepts: tuple[type[Event], ...]
    returns: tuple[type[Event], ...]
    event_parameter: str
    context_parameter: str | None
    parameters: tuple[str, ...]
    takes_self: bool
    by_keyword: bool
    is_async: bool
    num_workers: int = 4
    retry_policy: RetryPolicy | None = None
    timeout: float | None = None
    span_kind: str = "CHAIN"
    wants: tuple[Wanted, ...] = ()
    state: type | None = None
    wrapper: Callable[..., Any] | None = field(default=None, repr=False)
    namespace: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def bind(self, workflow: object) -> Callable[..., Any]:
        """The step as a call with context and event, in whatever order the function takes them.

        A step that wants more takes it by keyword behind them.
        """
        function: Any = self.wrapper or self.function
        call = function.__get__(workflow) if self.takes_self else function
        context_name, event_name = self.context_parameter, self.event_parameter
        if self.wants or self.by_keyword:
            named = (event_name,) if context_name is None else (event_name, context_name)
            return lambda context, event, **more: call(**dict(zip(named, (event, context), strict=False)), **more)
        if context_name is None:
            return lambda context, event: call(event)
        if self.parameters[0] == context_name:
            return typing.cast(Callable[..., Any], call)
        return lambda context, event: call(event, context)


@overload
def step(function: Function, /) -> Function: ...
@overload
def step(
    *,
    workflow: Any = None,
    num_workers: int = 4,
    retry_policy: RetryPolicy | None = None,
    timeout: float | None = None,
    span_kind: str = "CHAIN",
) -> Callable[[Function], Function]: ...
def step(
    function: Any = None,
    /,
    *,
    workflow: Any = None,
    num_workers: int = 4,
    retry_policy: RetryPolicy | None = None,
    timeout: float | None = None,
    span_kind: str = "CHAIN",
) -> Any:
    """Make a function a step of a workflow.

    Inside a workflow class it decorates methods; outside it needs ``workflow=``, a class or an instance. The event
    parameter's annotation (unions allowed) says which events start the step, the return annotation which it makes.
    ``num_workers`` is how many may run at once in one run, ``retry_policy`` what happens when it raises, ``timeout``
    the seconds that one attempt may take, ``span_kind`` the OpenInference kind shown by tracing backends (``CHAIN``,
    ``TOOL``, ``AGENT``, ``RETRIEVER``, ``LLM``, …).

    Raises ``WorkflowValidationError`` at once when the signature cannot work.
    """
    if isinstance(num_workers, bool) or not isinstance(num_workers, int) or num_workers < 1:
        raise WorkflowValidationError(f"num_workers must be an integer greater than 0, it is {num_workers!r}")
    if isinstance(retry_policy, type):
        raise WorkflowValidationError(
            f"retry_policy must be a policy, not its class: write {retry_policy.__name__}() with its brackets"
        )
    if retry_policy is not None and not callable(getattr(retry_policy, "next", None)):
        raise WorkflowValidationError(
            f"retry_policy must have a method next(elapsed_time, attempts, error); {retry_policy!r} has none"
        )

    if timeout is not None and (isinstance(timeout, bool) or not timeout > 0):
        raise WorkflowValidationError(f"timeout must be a number of seconds above 0, it is {timeout!r}")
    namespace = _caller_names()

    def decorate(target: Function) -> Function:
        spec = read_spec(
            target, namespace, num_workers, retry_policy, timeout, span_kind, attached=workflow is not None
        )
        setattr(target, SPEC_ATTRIBUTE, spec)
        if workflow is not None:
            workflow.add_step(target)
        return target

    return decorate if function is None else decorate(function)


def read_spec(
    function: Callable[..., Any],
    namespace: dict[str, Any],
    num_workers: int,
    retry_policy: RetryPolicy | None,
    timeout: float | None,
    span_kind: str,
    *,
    attached: bool,
) -> StepSpec:
    """The declaration of a step, read from its signature. ``attached`` says that it is no method."""
    if not inspect.isfunction(function):
        raise WorkflowValidationError(f"@step decorates functions, {function!r} is not one")
    takes_self = not attached and "." in function.__qualname__.rpartition("<locals>.")[2]
    if not attached and not takes_self:
        raise _bad(function, "it stands outside a class, so it needs a workflow: @step(workflow=MyWorkflow)")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise _bad(function, "it yields; a step returns one event, and sends more with ctx.send_event")
    hints = _hints(function, namespace)
    parameters = list(inspect.signature(function).parameters.values())[1 if takes_self else 0 :]
    events = [p.name for p in parameters if _event_classes(_bare(hints.get(p.name)))]
    contexts = [p.name for p in parameters if _is_kind(hints.get(p.name), StepInput)]
    if len(events) != 1:
        found = f", found {len(events)}: {', '.join(events)}" if events else ""
        raise _bad(
            function,
            f"Step signature must have exactly one parameter annotated as type Event{found}; "
            "to take several event types, annotate one parameter with a union (A | B)",
        )
    wants = tuple(_wanted(function, p, hints) for p in parameters if p.name not in (*events, *contexts))
    filled = {*events, *contexts, *(each.parameter for each in wants if each is not None)}
    return StepSpec(
        name=function.__name__,
        function=function,
        accepts=_event_classes(_bare(hints[events[0]])),
        returns=_returned(function, hints),
        event_parameter=events[0],
        context_parameter=contexts[0] if contexts else None,
        parameters=tuple(p.name for p in parameters if p.name in filled),
        takes_self=takes_self,
        by_keyword=any(p.kind is p.KEYWORD_ONLY for p in parameters if p.name in filled),
        is_async=inspect.iscoroutinefunction(function),
        num_workers=num_workers,
        retry_policy=retry_policy,
        timeout=timeout,
        span_kind=span_kind,
        wants=tuple(each for each in wants if each is not None),
        state=_state(function, hints[contexts[0]]) if contexts else None,
        namespace=namespace,
    )


def wrapped(spec: StepSpec, value: Any) -> StepSpec:
    """The declaration of a step that stands in its class as ``value``: other decorators may have wrapped it."""
    if value is spec.function:
        return spec
    return replace(spec, wrapper=value, is_async=spec.is_async or inspect.iscoroutinefunction(value))


def spec_of(function: object) -> StepSpec | None:
    """The declaration that ``@step`` left on a function, if there is one."""
    spec = getattr(function, SPEC_ATTRIBUTE, None)
    return spec if isinstance(spec, StepSpec) else None


def _wanted(function: Callable[..., Any], parameter: inspect.Parameter, hints: dict[str, Any]) -> Wanted | None:
    """What a further parameter is filled with; None for one that keeps its default."""
    hint = hints.get(parameter.name)
    resource = resource_in(hint)
    required = parameter.default is parameter.empty
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return None
    if resource is not None or hint in (None, Any) or any(_is_kind(each, NestedInput) for each in _members(hint)):
        if resource is None and hint in (None, Any) and not required:
            return None
        return Wanted(parameter.name, _type_text(hint), resource, required)
    if required:
        raise _bad(
            function,
            f"nothing is known to hand over for its parameter {parameter.name!r}; annotate it with "
            "Annotated[..., Resource(factory)], or with the class of a workflow to be added with add_workflows",
        )
    return None


def _type_text(annotation: Any) -> str:
    bare = _bare(annotation)
    if annotation is None:
        return ""
    return bare.__name__ if isinstance(bare, type) else str(bare).replace("typing.", "")


def _state(function: Callable[..., Any], annotation: Any) -> type | None:
    """The class in ``Context[MyState]``."""
    arguments = typing.get_args(_bare(annotation))
    if not arguments or arguments[0] is Any or (typing.get_origin(arguments[0]) or arguments[0]) is dict:
        return None
    if typing.is_typeddict(arguments[0]):
        return None
    if not isinstance(arguments[0], type):
        raise _bad(function, f"the state in its context's annotation must be a class, it is {arguments[0]!r}")
    return arguments[0]


def _returned(function: Callable[..., Any], hints: dict[str, Any]) -> tuple[type[Event], ...]:
    if "return" not in hints:
        raise _bad(
            function,
            "Return types of workflows step functions must be annotated with their type; "
            "write -> SomeEvent, -> A | B, or -> None",
        )
    annotation = _bare(hints["return"])
    classes = _event_classes(annotation)
    members = [member for member in _members(annotation) if member not in (None, type(None))]
    if len(classes) != len(members):
        raise _bad(function, f"its return annotation {annotation!r} names something that is not an event")
    return classes


def _hints(function: Callable[..., Any], namespace: dict[str, Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, localns=namespace, include_extras=True)
    except NameError as error:
        raise _bad(
            function,
            f"its annotation names {error.name!r}, which is not defined there; define the event above the step",
        ) from error
    except Exception as error:  # annotations are strangers' code
        raise _bad(function, f"its annotations cannot be read: {error}") from error


def _members(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(member for each in typing.get_args(annotation) for member in _members(each))
    return (annotation,)


def _event_classes(annotation: Any) -> tuple[type[Event], ...]:
    members = [member for member in _members(annotation) if member not in (None, type(None))]
    if members and all(isinstance(member, type) and issubclass(member, Event) for member in members):
        return tuple(dict.fromkeys(members))
    return ()


def _bare(annotation: Any) -> Any:
    """An annotation without what ``Annotated`` adds."""
    if typing.get_origin(annotation) is typing.Annotated:
        return typing.get_args(annotation)[0]
    return annotation


def _is_kind(annotation: Any, marker: type) -> bool:
    bare = _bare(annotation)
    origin = typing.get_origin(bare) or bare
    return isinstance(origin, type) and issubclass(origin, marker)


def _caller_names() -> dict[str, Any]:
    """The local names around the decorated function that its annotations may use."""
    names: dict[str, Any] = {}
    frame: types.FrameType | None = sys._getframe(2)
    file = frame.f_code.co_filename if frame else ""
    while frame is not None and frame.f_code.co_filename == file and frame.f_code.co_name != "<module>":
        names = {**frame.f_locals, **names}
        frame = frame.f_back
    return {name: value for name, value in names.items() if isinstance(value, _NAMEABLE) or _is_alias(value)}


_NAMEABLE = (type, types.FunctionType, types.UnionType, types.GenericAlias, typing.TypeVar, Resource)


def _is_alias(value: object) -> bool:
    """Whether it is one of typing's own: ``Annotated[...]``, ``Optional[...]``, ``NewType``."""
    return type(value).__module__ == "typing"


def _bad(function: Callable[..., Any], reason: str) -> WorkflowValidationError:
    code = function.__code__
    return WorkflowValidationError(
        f"step {function.__qualname__!r} ({code.co_filename}:{code.co_firstlineno}): {reason}"
    )
