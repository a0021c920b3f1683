"""``Resource``: what a step is handed besides its event: clients, models, connections.

A factory is called when a step first asks. With ``cache=True`` its value is shared: a plain value by all runs of the
workflow instance, a context manager by all steps of one run, which leaves it when it ends. With ``cache=False`` every
attempt gets its own, and leaves it at its end.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .errors import WorkflowValidationError


@dataclass(frozen=True, slots=True)
class Resource:
    """Says in a step's signature where a parameter comes from: ``Annotated[Client, Resource(make_client)]``.

    ``factory`` is a function, ``async`` or not, or a generator function that yields the value once and tidies up
    behind it. Its own parameters may be annotated in the same way. A value that is a context manager is entered, and
    left at its end; only locks (``acquire`` and ``release``) are handed over as they are.
    """

    factory: Callable[..., Any]
    cache: bool = True

    def __post_init__(self) -> None:
        if not callable(self.factory):
            raise WorkflowValidationError(
                f"Resource takes a function that makes the value, not {self.factory!r}; write Resource(make_it)"
            )

        try:
            hash(self.factory)
        except TypeError:
            raise WorkflowValidationError(
                f"Resource takes a factory that can be hashed, to know it again; {self.name} cannot: use a function, "
                "or @dataclass(frozen=True)"
            ) from None

    @property
    def name(self) -> str:
        """The factory's name."""
        return getattr(self.factory, "__qualname__", None) or type(self.factory).__qualname__


@dataclass(frozen=True, slots=True)
class Wanted:
    """A parameter to be filled. Without a ``resource`` it names a workflow that was added with ``add_workflows``.

    ``type`` is its annotation as text, ``required`` says that it has no default.
    """

    parameter: str
    type: str
    resource: Resource | None
    required: bool


def resource_in(annotation: Any) -> Resource | None:
    """The ``Resource`` of an ``Annotated[...]``, if there is one."""
    if typing.get_origin(annotation) is not typing.Annotated:
        return None
    return next((each for each in typing.get_args(annotation)[1:] if isinstance(each, Resource)), None)


@lru_cache(maxsize=4096)
def needs_of(factory: Callable[..., Any]) -> Mapping[str, Resource]:
    """The resources that a factory itself takes, by parameter. Raises ``WorkflowValidationError``."""
    needs: dict[str, Resource] = {}
    hints = _hints(factory)
    for parameter in _parameters(factory):
        resource = resource_in(hints.get(parameter.name))
        if resource is not None:
            needs[parameter.name] = resource
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            raise WorkflowValidationError(
                f"the factory {Resource(factory).name} of a resource has a parameter {parameter.name!r} that nobody "
                "fills: annotate it with Annotated[..., Resource(...)], or give it a default"
            )
    return needs


def cycle_in(resource: Resource, path: tuple[Resource, ...] = ()) -> tuple[str, ...]:
    """The names of factories that need each other, in order, or nothing."""
    if resource in path:
        return tuple(each.name for each in (*path[path.index(resource) :], resource))
    for need in needs_of(resource.factory).values():
        cycle = cycle_in(need, (*path, resource))
        if cycle:
            return cycle
    return ()


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a factory, nothing where it has none that can be read."""
    target: Any = factory
    if isinstance(factory, type):
        target = vars(factory).get("__init__")
    elif not (inspect.isfunction(factory) or inspect.ismethod(factory)):
        target = type(factory).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        raise WorkflowValidationError(
            f"the factory {Resource(factory).name} of a resource names {error.name!r} in its annotations, which is not "
            "defined in its module; define it there, above the factory"
        ) from error
    except (TypeError, ValueError):
        return {}


def _parameters(factory: Callable[..., Any]) -> Iterator[inspect.Parameter]:
    """The parameters as far as they can be seen: builtins often hide theirs."""
    try:
        yield from inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return
