"""The workflows of a module of stand-ins, each with the graph that the engine builds of it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType, ModuleType

from wftrace.engine.errors import WorkflowValidationError
from wftrace.engine.events import Event
from wftrace.engine.flow import Flow
from wftrace.engine.graph import EventNode, FlowGraph
from wftrace.engine.names import Names
from wftrace.engine.source import short_path, tree_of
from wftrace.engine.steps import StepSpec, spec_of

from .errors import StaticReadError
from .modules import Library, StaticModule
from .standins import Instance, is_flow


@dataclass(frozen=True, slots=True)
class StaticFlow:
    """A workflow as its source tells it, and what of the source could not be seen."""

    name: str
    line: int
    graph: FlowGraph
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StaticFlows:
    """The workflows of a file. ``own`` are the names of those that are defined in it."""

    module: StaticModule
    library: Library

    @property
    def own(self) -> tuple[str, ...]:
        """The names of the workflows that are defined here and have a step, and of those that are made here."""
        return tuple(
            name
            for name, value in self.module.names.items()
            if isinstance(value, Instance)
            or (
                is_flow(value)
                and value.__module__ == self.module.name
                and value.__name__ == name
                and self._steps(value)
            )
        )

    def flow(self, name: str) -> StaticFlow | None:
        """The workflow of a name: a class, one that is made of it, or a function that returns either; else None.

        Raises ``StaticReadError`` when the engine would refuse the workflow.
        """
        first, *rest = name.split(".")
        found: object = self.module.names.get(first)
        for part in rest:
            found = vars(found).get(part) if isinstance(found, type | ModuleType) else None
        if isinstance(found, FunctionType):
            found = _made_by(found)
        if isinstance(found, Instance):
            return self._flow(name, found.flow, found.steps)
        return self._flow(name, found, []) if isinstance(found, type) and is_flow(found) else None

    def _flow(self, name: str, cls: type, more: list[StepSpec]) -> StaticFlow:
        try:
            flow = Flow(cls.__name__, [*self._steps(cls), *more], cls)
        except WorkflowValidationError as error:
            raise StaticReadError(str(error)) from error
        path, line = self.library.places.get(cls, ("", 0))
        file = short_path(path, cls.__module__) if path else ""
        findings = (
            replace(each, file=file, line=line) if file and not each.node else each for each in flow.graph.findings
        )
        graph = replace(flow.graph, file=file, line=line, findings=tuple(findings))
        classes = {flow.type_name(each): each for each in _known(flow)}
        events = tuple(self._placed(event, classes) for event in graph.events)
        return StaticFlow(name, line, replace(graph, events=events), tuple(dict.fromkeys(self.library.unseen)))

    def _placed(self, event: EventNode, classes: Mapping[str, type[Event]]) -> EventNode:
        cls = classes.get(event.type, Event)
        path, line = self.library.places.get(cls, ("", 0))
        return replace(event, file=short_path(path, cls.__module__) if path else "", line=line)

    def _steps(self, cls: type) -> list[StepSpec]:
        """The steps of a class in order of declaration, base classes first, then those attached to it."""
        found: dict[str, StepSpec] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                spec = spec_of(value)
                if spec is not None:
                    found[name] = spec
                else:
                    found.pop(name, None)
            for spec in self.library.attached.get(base, ()):
                found[spec.name] = spec
        return list(found.values())


def read_flows(path: Path, name: str = "") -> StaticFlows:
    """The workflows in a file, whose module has the file's name unless ``name`` gives it another.

    Raises ``StaticReadError`` when the file cannot be read.
    """
    library = Library(path.parent, Path.cwd())
    return StaticFlows(library.read(name or path.stem, path), library)


def _known(flow: Flow) -> list[type[Event]]:
    return [cls for cls in flow.saved_types if isinstance(cls, type) and issubclass(cls, Event)]


def _made_by(function: FunctionType) -> object:
    """What a function returns, where it is a workflow that is made in the ``return`` itself."""
    tree = tree_of(function)
    if tree is None:
        return None
    names = Names(function, {}, tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Call):
            made = names.value(node.value.func)
            if is_flow(made):
                return made
    return None
