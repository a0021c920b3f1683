"""What a step's source says beyond its signature: which events it sends, streams, joins and waits for, and where.

The source is parsed, never run. Functions that are handed the context, methods of ``self`` and functions of the same
module are followed. What cannot be read is left out, and ``complete`` and ``waits_complete`` say so.
"""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from .events import Event
from .names import Names, argument, is_event_class
from .source import tree_of
from .steps import StepSpec

_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Call:
    """A call of ``send_event``, ``write_event_to_stream`` or ``wait_for_event`` in a source, and its place.

    ``file`` is the path as the interpreter knows it. ``step`` is the name written in ``send_event(..., step="name")``.
    ``once`` says that an execution of the step cannot make the call twice: it stands in the step itself, in no loop.
    ``sure`` says that it is a call of the step's own context.
    """

    method: str
    classes: tuple[type[Event], ...]
    file: str
    module: str
    line: int
    step: str | None = None
    once: bool = False
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Join:
    """A call of ``collect_events`` and its place. ``items`` pairs each event class with how many are asked for, None
    where that is computed. ``exact`` says that the whole list is written in the call, and that what it is handed is the
    event of the step.
    """

    items: tuple[tuple[type[Event], int | None], ...]
    file: str
    module: str
    line: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Inferred:
    """What was read. ``returned`` are the classes that a ``return`` was seen to make. ``complete`` says that nothing
    that the step makes can be missing here, ``waits_complete`` that nothing that it waits for can.
    """

    calls: tuple[Call, ...] = ()
    collects: tuple[Join, ...] = ()
    returned: tuple[type[Event], ...] = ()
    complete: bool = True
    waits_complete: bool = True

    @property
    def sends(self) -> tuple[type[Event], ...]:
        """The classes of the events that it sends."""
        return self._classes("send_event")

    @property
    def streams(self) -> tuple[type[Event], ...]:
        """The classes of the events that it writes to the stream."""
        return self._classes("write_event_to_stream")

    @property
    def waits(self) -> tuple[type[Event], ...]:
        """The classes of the events that it waits for."""
        return self._classes("wait_for_event")

    @property
    def joins(self) -> tuple[tuple[type[Event], int | None], ...]:
        """The classes that it joins, each with how many, None where that is computed."""
        return tuple(dict(item for join in self.collects for item in join.items).items())

    def _classes(self, method: str) -> tuple[type[Event], ...]:
        return tuple(dict.fromkeys(cls for call in self.calls if call.method == method for cls in call.classes))


def infer(spec: StepSpec, owner: type | None) -> Inferred:
    """Read a step's source. ``owner`` is the class whose methods ``self.…`` means."""
    if spec.context_parameter is None:
        return Inferred()
    reader = _Reader(spec, owner)
    reader.read(spec.function, spec.namespace, _DEPTH, frozenset({spec.context_parameter}))
    return Inferred(
        calls=tuple(reader.calls),
        collects=tuple(reader.collects),
        returned=tuple(dict.fromkeys(reader.returned)),
        complete=reader.complete,
        waits_complete=reader.waits_complete,
    )


class _Reader:
    """Walks one step's function and the helpers that it calls, and collects what they say."""

    def __init__(self, spec: StepSpec, owner: type | None) -> None:
        self.spec = spec
        self.owner = owner
        self.calls: list[Call] = []
        self.collects: list[Join] = []
        self.returned: list[type[Event]] = []
        self.complete = True
        self.waits_complete = True
        self._seen: set[tuple[Callable[..., Any], frozenset[str]]] = set()

    def read(
        self, function: Callable[..., Any], namespace: Mapping[str, Any], depth: int, contexts: frozenset[str]
    ) -> None:
        """Read a function; ``contexts`` are the names of its parameters that hold the context."""
        function = inspect.unwrap(function)
        if (function, contexts) in self._seen:
            return
        self._seen.add((function, contexts))
        tree = tree_of(function) if isinstance(function, FunctionType) else None
        if tree is None or not isinstance(function, FunctionType):
            self._lose()
            return
        own = inspect.unwrap(self.spec.function) is function
        scope = _Scope(function, namespace, tree, contexts, own)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                self._read_call(node, scope, depth)
            elif isinstance(node, ast.Return):
                self.returned.extend(scope.names.made_by(node.value))
        if scope.loses_context():
            self._lose()

    def _lose(self) -> None:
        """Somebody whom we cannot read may speak for the step."""
        self.complete = self.waits_complete = False

    def _read_call(self, call: ast.Call, scope: _Scope, depth: int) -> None:
        if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
            if scope.is_foreign(call.func.value):
                return
            self.complete = self.complete and scope.is_own_call(call)
            _METHODS[call.func.attr](self, call, scope)
            return
        for helper, bound in self._helpers(call, scope):
            handed = scope.handed(call, helper, bound)
            if handed is None:
                continue
            if depth:
                self.read(helper, scope.namespace, depth - 1, handed)
            else:
                self._lose()

    def _helpers(self, call: ast.Call, scope: _Scope) -> Iterator[tuple[FunctionType, bool]]:
        """The functions that a call may mean, each with whether its first parameter is given by Python."""
        found: Any = None
        if isinstance(call.func, ast.Attribute) and self.owner is not None:
            receiver = call.func.value
            if isinstance(receiver, ast.Name) and receiver.id == "self":
                found = inspect.getattr_static(self.owner, call.func.attr, None)
            elif isinstance(receiver, ast.Call) and isinstance(receiver.func, ast.Name) and receiver.func.id == "super":
                found = scope.names.inherited(self.owner, call.func.attr)
        if found is not None:
            function = getattr(found, "__func__", found)
            if isinstance(function, FunctionType):
                yield function, not isinstance(found, staticmethod)
            return
        found = scope.names.value(call.func)
        if isinstance(found, FunctionType):
            near = found.__module__ == scope.function.__module__ and isinstance(call.func, ast.Name)
            if near or scope.handed(call, found, False):
                yield found, False

    def _note(
        self, call: ast.Call, scope: _Scope, classes: list[type[Event]], method: str, step: object = None
    ) -> None:
        assert isinstance(call.func, ast.Attribute)
        self.calls.append(
            Call(
                method,
                tuple(dict.fromkeys(classes)),
                *scope.place(call),
                step=step if isinstance(step, str) else None,
                once=scope.own and not scope.repeats(call),
                sure=scope.is_context(call.func.value),
            )
        )

    def _sends(self, call: ast.Call, scope: _Scope) -> None:
        event = argument(call, 0, "event", "ev", "message")
        classes = scope.names.made_by(event)
        self.complete = self.complete and scope.names.knows_all_made_by(event)
        step = argument(call, 1, "step")
        self._note(call, scope, classes, "send_event", step.value if isinstance(step, ast.Constant) else None)

    def _streams(self, call: ast.Call, scope: _Scope) -> None:
        self._note(call, scope, scope.names.made_by(argument(call, 0, "event", "ev")), "write_event_to_stream")

    def _waits(self, call: ast.Call, scope: _Scope) -> None:
        awaited = scope.names.value(argument(call, 0, "event_type"))
        self.waits_complete = self.waits_complete and is_event_class(awaited)
        self._note(call, scope, [awaited] if is_event_class(awaited) else [], "wait_for_event")
        question = argument(call, 1, "waiter_event")
        if question is not None:
            self._note(call, scope, scope.names.made_by(question), "write_event_to_stream")

    def _joins(self, call: ast.Call, scope: _Scope) -> None:
        asked = argument(call, 1, "expected")
        listed = scope.names.listed(asked) if scope.is_event(argument(call, 0, "ev"), self.spec) else None
        exact = listed is not None and scope.is_own_call(call)
        items = Counter(listed).items() if listed is not None else scope.names.expected(asked)
        self.collects.append(Join(tuple(items), *scope.place(call), exact=exact))


_METHODS: dict[str, Callable[[_Reader, ast.Call, _Scope], None]] = {
    "send_event": _Reader._sends,
    "write_event_to_stream": _Reader._streams,
    "wait_for_event": _Reader._waits,
    "collect_events": _Reader._joins,
}


class _Scope:
    """One function while it is read: its names, which of them hold the context, and where it lets go of that."""

    def __init__(
        self,
        function: FunctionType,
        namespace: Mapping[str, Any],
        tree: ast.AST,
        contexts: frozenset[str],
        own: bool,
    ) -> None:
        self.function = function
        self.namespace = namespace
        self.own = own
        self.names = Names(function, namespace, tree)
        self._tree = tree
        self._contexts = contexts | self.names.aliases(contexts)
        self._kept = set(self._kept_at_home())
        self._repeated = _repeated(tree)

    def place(self, node: ast.expr) -> tuple[str, str, int]:
        """File, module and line of a node."""
        code = self.function.__code__
        return code.co_filename, self.function.__module__, code.co_firstlineno + node.lineno - 1

    def repeats(self, node: ast.AST) -> bool:
        """Whether a node may be reached more than once in one call of the function."""
        return id(node) in self._repeated

    def is_context(self, node: ast.AST | None) -> bool:
        """Whether an expression is a name that holds the context."""
        return isinstance(node, ast.Name) and node.id in self._contexts

    def is_own_call(self, call: ast.Call) -> bool:
        """Whether a call is one of a method of the context."""
        return isinstance(call.func, ast.Attribute) and self.is_context(call.func.value)

    def is_event(self, node: ast.expr | None, spec: StepSpec) -> bool:
        """Whether an expression is the event that the step was given."""
        if not self.own or not isinstance(node, ast.Name) or node.id != spec.event_parameter:
            return False
        return not self.names.is_stored(node.id)

    def is_foreign(self, node: ast.expr) -> bool:
        """Whether an expression is the context of a run that this function has started: ``handler.ctx``."""
        if not (isinstance(node, ast.Attribute) and node.attr == "ctx" and isinstance(node.value, ast.Name)):
            return False
        given = self.names.assigned(node.value.id)
        return bool(given) and all(isinstance(value, ast.Call) for value in given)

    def handed(self, call: ast.Call, helper: FunctionType, bound: bool) -> frozenset[str] | None:
        """The parameters of a helper that get the context; None when that cannot be told."""
        parameters = inspect.signature(helper).parameters
        places = [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        places = places[1:] if bound else places
        handed: set[str] = set()
        given: list[ast.expr] = []
        for place, value in enumerate(call.args):
            if isinstance(value, ast.Starred):
                return frozenset() if not self._mentions(call) else None
            if self.is_context(value):
                if place >= len(places):
                    return None
                handed.add(places[place])
                given.append(value)
        for keyword in call.keywords:
            if self.is_context(keyword.value):
                if keyword.arg is None or keyword.arg not in parameters:
                    return None
                handed.add(keyword.arg)
                given.append(keyword.value)
        self._kept.update(id(value) for value in given)
        return frozenset(handed)

    def loses_context(self) -> bool:
        """Whether the context goes somewhere where it is not read."""
        return any(
            self.is_context(node) and isinstance(node.ctx, ast.Load) and id(node) not in self._kept
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Name)
        )

    def _mentions(self, call: ast.Call) -> bool:
        return any(self.is_context(node) for node in ast.walk(call))

    def _kept_at_home(self) -> Iterator[int]:
        """The mentions of the context that hand it to nobody: ``ctx.method(...)``, ``ctx.store``, ``other = ctx``."""
        nodes = list(ast.walk(self._tree))
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        for node in nodes:
            if isinstance(node, ast.Attribute):
                kept = node.attr not in _METHODS or id(node) in called
            else:
                kept = isinstance(node, ast.Assign) and all(self.is_context(target) for target in node.targets)
            if kept and isinstance(node, ast.Attribute | ast.Assign):
                yield id(node.value)


_LOOPS = (
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
)


def _repeated(tree: ast.AST) -> set[int]:
    """The nodes inside loops and inner functions."""
    inner = [node for node in ast.walk(tree) if isinstance(node, _LOOPS)]
    outermost = tree.body[0] if isinstance(tree, ast.Module) else None
    return {id(below) for node in inner if node is not outermost for below in ast.walk(node)}
