"""A file is parsed and becomes a module of stand-ins."""

from __future__ import annotations

import ast
import typing
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

from wftrace.engine.errors import WorkflowValidationError
from wftrace.engine.events import Event
from wftrace.engine.steps import SPEC_ATTRIBUTE, read_spec, spec_of, step
from wftrace.engine.workflow import Workflow

from .errors import StaticReadError
from .standins import (
    KNOWN,
    STANDARD,
    FlowBase,
    Instance,
    Unseen,
    event_class,
    function_of,
    is_event,
    is_flow,
    owned_by,
    plain_class,
    unseen_class,
)
from .syntax import (
    absolute,
    codes,
    decorated,
    is_ours,
    is_special,
    is_unseen,
    may_be_event,
    members,
    statements,
)
from .values import MISSING, Values

LARGEST = 2_000_000
MOST_MODULES = 100

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class StaticModule:
    """What was read of a file: its names, where its classes stand, and sentences about what could not be seen."""

    name: str
    path: Path
    names: dict[str, Any] = field(default_factory=dict)
    places: dict[type, tuple[str, int]] = field(default_factory=dict)
    attached: dict[type, list[Any]] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)


class Library:
    """The files that belong to one reading: the first one and those of its folder and the current one that it names."""

    def __init__(self, *roots: Path) -> None:
        self.roots = tuple(dict.fromkeys(root.resolve() for root in roots))
        self.modules: dict[str, StaticModule | None] = {}
        self.places: dict[type, tuple[str, int]] = {}
        self.attached: dict[type, list[Any]] = {}
        self.plain: set[type] = set()
        self.unseen: list[str] = []
        self._outside: dict[tuple[str, str], type] = {}

    def read(self, name: str, path: Path) -> StaticModule:
        """The module in a file.

        Raises ``StaticReadError`` when it cannot be read or is not valid Python.
        """
        module = StaticModule(name, path, {"__name__": name}, self.places, self.attached, self.unseen)
        self.modules[name] = module
        text = _text(path)
        tree, code = _parsed(text, path)
        _Builder(module, self).build(tree, code)
        return module

    def find(self, name: str) -> StaticModule | None:
        """A module by its dotted name, among the files of this reading; None when it is not one of them."""
        if name in self.modules:
            return self.modules[name]
        if len(self.modules) >= MOST_MODULES:
            return None
        self.modules[name] = None
        for root in self.roots:
            stem = root.joinpath(*name.split("."))
            for path in (stem.with_suffix(".py"), stem / "__init__.py"):
                if path.is_file():
                    try:
                        return self.read(name, path)
                    except StaticReadError as error:
                        self.unseen.append(str(error))
                        return None
        return None

    def outside(self, name: str, module: str) -> type:
        """The stand-in for a name from a module that is not read; the same one each time."""
        return self._outside.setdefault((module, name), unseen_class(name, module))

    def as_event(self, found: type) -> type[Event]:
        """The event class that a name from elsewhere must be, by the place where it stands."""
        key = ("event of " + found.__module__, found.__name__)
        if key not in self._outside:
            self._outside[key] = event_class(found.__name__, (Event,), found.__module__, found.__qualname__, None, {})
            self.unseen.append(
                f"{found.__name__} comes from {found.__module__}, which was not read: taken for an event"
            )
        made: type[Event] = self._outside[key]
        return made


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StaticReadError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise StaticReadError(f"{path} is larger than {LARGEST // 1_000_000} MB: name a smaller file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StaticReadError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error


def _parsed(text: str, path: Path) -> tuple[ast.Module, CodeType]:
    """The tree and the code of a file; the code is looked at and never run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, str(path))
            return tree, compile(text, str(path.resolve()), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise StaticReadError(f"{path}, line {error.lineno}: {error.msg}; correct that line") from error
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise StaticReadError(f"{path} cannot be parsed ({type(error).__name__}); it is no ordinary source") from error


class _Builder:
    """Builds one module, statement by statement, as an import would."""

    def __init__(self, module: StaticModule, library: Library) -> None:
        self.module = module
        self.library = library
        self.codes: dict[tuple[str, int], CodeType] = {}

    def build(self, tree: ast.Module, code: CodeType) -> None:
        self.codes = {(each.co_name, each.co_firstlineno): each for each in codes(code)}
        for node in statements(tree.body):
            self._take(node, self.module.names, "")

    def _take(self, node: ast.stmt, names: dict[str, Any], prefix: str) -> None:
        if isinstance(node, ast.Import):
            self._import(node, names)
        elif isinstance(node, ast.ImportFrom):
            self._import_from(node, names)
        elif isinstance(node, ast.ClassDef):
            names[node.name] = self._class(node, names, prefix)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            made = self._function(node, names, prefix)
            if made is not None:
                names[node.name] = made
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            self._assign(node, names)

    def _assign(self, node: ast.Assign | ast.AnnAssign, names: dict[str, Any]) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        value = self._values(names).of(node.value) if node.value is not None else MISSING
        for target in targets:
            if isinstance(target, ast.Name) and not is_special(target.id):
                if value is MISSING:
                    names.pop(target.id, None)
                else:
                    names[target.id] = value

    def _values(self, names: dict[str, Any]) -> Values:
        return Values(self.module.name, self.library.plain, names, self.module.names)

    def _import(self, node: ast.Import, names: dict[str, Any]) -> None:
        for each in node.names:
            wanted = each.name if each.asname else each.name.partition(".")[0]
            names[each.asname or wanted] = self._module(wanted)

    def _module(self, name: str) -> ModuleType:
        if name in STANDARD:
            return STANDARD[name]
        shown = ModuleType(name)
        found = None if is_ours(name) else self.library.find(name)
        vars(shown).update(KNOWN if is_ours(name) else found.names if found else {})
        return shown

    def _import_from(self, node: ast.ImportFrom, names: dict[str, Any]) -> None:
        name = absolute(node, self.module.name, self.module.path)
        if name == "__future__":
            return
        for each in node.names:
            if each.name == "*":
                self._import_all(name, names, node.lineno)
            else:
                names[each.asname or each.name] = self._imported(name, each.name)

    def _imported(self, module: str, name: str) -> Any:
        if is_ours(module):
            return KNOWN.get(name, self.library.outside(name, module))
        if module in STANDARD:
            return vars(STANDARD[module]).get(name, self.library.outside(name, module))
        found = self.library.find(module)
        if found is not None and name in found.names:
            return found.names[name]
        if self.library.find(f"{module}.{name}") is not None:
            return self._module(f"{module}.{name}")
        return self.library.outside(name, module)

    def _import_all(self, module: str, names: dict[str, Any], line: int) -> None:
        found = self.library.find(module)
        if is_ours(module):
            names.update(KNOWN)
        elif found is None:
            self._miss(line, f"all names of {module}, which was not read")
        else:
            names.update({name: value for name, value in found.names.items() if name[0] != "_"})

    def _miss(self, line: int, what: str) -> None:
        self.library.unseen.append(f"{self.module.path.name}:{line}: {what}")

    def _class(self, node: ast.ClassDef, names: dict[str, Any], prefix: str) -> type:
        values = self._values(names)
        bases = [values.of(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases]
        qualname = f"{prefix}{node.name}"
        doc = ast.get_docstring(node, clean=False)
        if any(is_event(base) or may_be_event(base) for base in bases):
            events = tuple(self.library.as_event(base) if may_be_event(base) else base for base in bases)
            events = tuple(dict.fromkeys(base for base in events if is_event(base)))
            made: type = event_class(node.name, events, self.module.name, qualname, doc, self._fields(node, names))
        else:
            made = self._plain_class(node, names, bases, qualname, doc)
        self.library.places[made] = (str(self.module.path.resolve()), node.lineno - decorated(node))
        return made

    def _plain_class(
        self, node: ast.ClassDef, names: dict[str, Any], bases: list[Any], qualname: str, doc: str | None
    ) -> type:
        known = [FlowBase if base is Workflow else base for base in bases]
        known = [base for base in known if isinstance(base, type) and not issubclass(base, Unseen)]
        known = [
            base
            for base in known
            if base.__module__ == self.module.name or base in self.library.places or base is FlowBase
        ]
        inner: dict[str, Any] = {}
        for statement in statements(node.body):
            self._take(statement, inner, f"{qualname}.")
        steps = any(spec_of(value) is not None for value in inner.values())
        if steps and not any(is_flow(base) or base is FlowBase for base in known) and len(known) < len(bases):
            self._miss(node.lineno, f"the base of {node.name} was not read: {node.name} is taken for a workflow")
            known.append(FlowBase)
        made = plain_class(node.name, tuple(dict.fromkeys(known)), self.module.name, qualname, doc)
        for name, value in inner.items():
            if not is_special(name) and isinstance(value, FunctionType | staticmethod | classmethod | type | int | str):
                setattr(made, name, value)
                function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
                if isinstance(function, FunctionType):
                    owned_by(function, made)
        if not is_flow(made):
            self.library.plain.add(made)
        return made

    def _fields(self, node: ast.ClassDef, names: dict[str, Any]) -> dict[str, Any]:
        values = self._values(names)
        return {
            each.target.id: values.annotation(each.annotation)
            for each in statements(node.body)
            if isinstance(each, ast.AnnAssign)
            and isinstance(each.target, ast.Name)
            and each.target.id[0] != "_"
            and each.target.id != "model_config"
        }

    def _function(self, node: Function, names: dict[str, Any], prefix: str) -> Any:
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        code = self.codes.get((node.name, first))
        if code is None or is_special(node.name):
            return None
        values = self._values(names)
        call, settings = self._step_call(node, values)
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        hints = {each.arg: values.annotation(each.annotation) for each in arguments if each.annotation is not None}
        if node.returns is not None:
            hints["return"] = values.annotation(node.returns)
        if call:
            hints = self._event_hints(hints)
        made = function_of(node, code, self.module.names, f"{prefix}{node.name}", hints)
        made.__module__ = self.module.name
        if call:
            self._make_step(made, settings, values, names, prefix)
        return self._wrapped(made, node)

    def _wrapped(self, made: FunctionType, node: Function) -> Any:
        kinds = {each.id for each in node.decorator_list if isinstance(each, ast.Name)}
        if "staticmethod" in kinds:
            return staticmethod(made)
        if "property" in kinds or "cached_property" in kinds:
            return None
        return classmethod(made) if "classmethod" in kinds else made

    def _step_call(self, node: Function, values: Values) -> tuple[bool, dict[str, ast.expr]]:
        """Whether a function is a step, and what its decorator was given."""
        for each in node.decorator_list:
            function = each.func if isinstance(each, ast.Call) else each
            if values.of(function) is step:
                given = each.keywords if isinstance(each, ast.Call) else []
                return True, {keyword.arg: keyword.value for keyword in given if keyword.arg}
        return False, {}

    def _event_hints(self, hints: dict[str, Any]) -> dict[str, Any]:
        """The hints of a step, with names from elsewhere taken for events where an event has to be."""
        others = {name: hint for name, hint in hints.items() if name != "return"}
        if not any(is_event(member) for hint in others.values() for member in members(hint)):
            unseen = [name for name, hint in others.items() if any(is_unseen(each) for each in members(hint))]
            for name in unseen[-1:]:
                hints = {**hints, name: self._as_events(hints[name])}
        return {**hints, "return": self._as_events(hints["return"])} if "return" in hints else hints

    def _as_events(self, hint: Any) -> Any:
        found = tuple(self.library.as_event(each) if is_unseen(each) else each for each in members(hint))
        return typing.Union[found]  # noqa: UP007

    def _make_step(
        self,
        function: FunctionType,
        settings: dict[str, ast.expr],
        values: Values,
        names: dict[str, Any],
        prefix: str,
    ) -> None:
        workflow = values.of(settings.get("workflow"))
        workers, timeout = values.of(settings.get("num_workers")), values.of(settings.get("timeout"))
        policy = self._policy(settings.get("retry_policy"), values)
        kind = values.of(settings.get("span_kind"))
        line = function.__code__.co_firstlineno
        for name, value in (("num_workers", workers), ("timeout", timeout), ("span_kind", kind)):
            if name in settings and value is MISSING:
                self._miss(line, f"{name} of step {function.__name__} is computed and was not read")
        inside = (
            {name: value for name, value in names.items() if isinstance(value, type | FunctionType)} if prefix else {}
        )
        try:
            spec = read_spec(
                function,
                inside,
                workers if type(workers) is int and workers > 0 else 4,
                policy,
                timeout if type(timeout) in (int, float) and timeout > 0 else None,
                kind if isinstance(kind, str) else "CHAIN",
                attached="workflow" in settings,
            )
        except WorkflowValidationError as error:
            raise StaticReadError(str(error)) from error
        setattr(function, SPEC_ATTRIBUTE, spec)
        if isinstance(workflow, Instance):
            workflow.steps.append(spec)
        elif is_flow(workflow):
            self.library.attached.setdefault(workflow, []).append(spec)
        elif "workflow" in settings:
            self._miss(line, f"the workflow of step {function.__name__} was not found")

    def _policy(self, node: ast.expr | None, values: Values) -> Any:
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            return None
        found = values.of(node)
        if found is not MISSING and callable(getattr(found, "next", None)):
            return found
        named = node.func if isinstance(node, ast.Call) else node
        name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "policy")
        self._miss(node.lineno, f"the retry policy {name} is computed and was not read")
        return type(name, (), {"next": lambda *_: None})()
