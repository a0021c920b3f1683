"""TARGET: how a workflow is named on the command line, and how it is found.

    module:Attr    path/file.py:Attr    path/file.py    module

``Attr`` may have dots and be a workflow class, a workflow, or a function without arguments that makes either.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from wftrace.engine.workflow import Workflow, graph_of

from .errors import CommandError, TargetError, closest
from .frames import own_frames
from .speech import Speech

Flow: TypeAlias = type[Workflow] | Workflow


@dataclass(frozen=True, slots=True)
class Target:
    """A workflow that was found: the class or the instance, and the name it has in its module."""

    flow: Flow
    name: str

    def instance(self, **settings: Any) -> Workflow:
        """The workflow itself; a class is called with ``settings``.

        Raises ``CommandError`` when the class wants other arguments, or when settings come too late for an instance.
        """
        if isinstance(self.flow, Workflow):
            if settings:
                raise CommandError(
                    f"{self.name} is made already, it takes no {', '.join(settings)}", cure="name its class instead"
                )
            return self.flow
        try:
            return self.flow(**settings)
        except Exception as error:  # the user's constructor
            raise CommandError(
                f"{self.name}() cannot be made: {type(error).__name__}: {error}",
                cure="name a function without arguments that returns the workflow: path/file.py:make_flow",
            ) from error


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds targets. ``usage`` is the command in which a target stands, for the hints: ``wftrace draw``."""

    speech: Speech
    usage: str

    def find(self, text: str) -> Target:
        """The workflow that a TARGET names.

        Raises ``TargetError`` when its module cannot be imported, ``CommandError`` when no workflow, or more than one,
        is meant.
        """
        place, attribute = split_target(text)
        if not place:
            raise CommandError("TARGET is empty", cure=f"{self.usage} path/to/file.py:Workflow")
        module = self._imported(place)
        if attribute:
            return self._named(module, place, attribute)
        return self._only(module, place)

    def find_all(self, text: str) -> list[Target]:
        """The workflow that a TARGET names; where it names a file or module, every workflow that is defined there.

        Left out are classes without a step, and base classes of others there that have no start or no end of their
        own. Raises what ``find`` raises.
        """
        place, attribute = split_target(text)
        if attribute or not place:
            return [self.find(text)]
        module = self._imported(place)
        flows = _flows_in(module)
        chosen = [Target(flow, name) for name, flow in flows.items() if not _is_unfinished(flow, flows.values())]
        return chosen or [self._only(module, place)]

    def _imported(self, place: str) -> ModuleType:
        if not _looks_like_file(place):
            return self._import_module(place)
        path = Path(place)
        if not path.is_file():
            raise _no_file(path, self.usage)
        return self._import_file(path)

    def _import_module(self, name: str) -> ModuleType:
        _put_first(str(Path.cwd()))
        self.speech.detail(f"importing {name}, with the current folder on sys.path")
        try:
            missing = importlib.util.find_spec(name.partition(".")[0]) is None
        except (ImportError, ValueError) as error:
            raise TargetError(f"there is no module {name!r} ({error})") from error
        if missing:
            raise self._no_module(name)
        with self._blaming(name):
            try:
                return importlib.import_module(name)
            except ModuleNotFoundError as error:
                if error.name and f"{name}.".startswith(f"{error.name}."):
                    raise self._no_module(name) from None
                raise

    def _no_module(self, name: str) -> TargetError:
        likely = closest(name, [path.stem for path in Path.cwd().glob("*.py")])
        cure = f"{self.usage} {likely}" if likely else f"{self.usage} path/to/file.py"
        return TargetError(f"there is no module {name!r}", "looked in: the current folder and sys.path", cure=cure)

    def _import_file(self, path: Path) -> ModuleType:
        path = path.resolve()
        loaded = sys.modules.get(path.stem)
        if loaded is not None and getattr(loaded, "__file__", None) == str(path):
            return loaded
        _put_first(str(path.parent))
        name = _free_name(path.stem)
        self.speech.detail(f"importing {path} as {name}, with its folder on sys.path")
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise TargetError(f"{path.name} is not a Python file", cure=f"{self.usage} path/to/file.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            with self._blaming(path.name, in_package=(path.parent / "__init__.py").exists()):
                spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module

    @contextmanager
    def _blaming(self, what: str, *, in_package: bool = False) -> Iterator[None]:
        """Turn what the user's module throws while it is imported into one message; its prints go to stderr."""
        try:
            with redirect_stdout(sys.stderr):
                yield
        except (TargetError, KeyboardInterrupt):
            raise
        except SyntaxError as error:
            raise _syntax_error(error, what) from error
        except SystemExit as error:
            cure = 'put what should only run as a script under: if __name__ == "__main__":'
            raise TargetError(f"{what} called sys.exit() while it was imported", cure=cure) from error
        except BaseException as error:  # the user's module
            frames = own_frames(error, everything=self.speech.verbose)
            cure = _import_cure(error, in_package, self.usage)
            raise TargetError(f"{what} cannot be imported", frames, cure=cure) from error

    def _named(self, module: ModuleType, place: str, attribute: str) -> Target:
        value: Any = module
        for part in attribute.split("."):
            try:
                value = getattr(value, part)
            except AttributeError:
                raise self._no_attribute(module, place, attribute) from None
        return Target(self._flow_of(value, place, attribute), attribute)

    def _no_attribute(self, module: ModuleType, place: str, attribute: str) -> CommandError:
        flows = _flows_in(module)
        likely = closest(attribute, flows) or closest(attribute, [name for name in vars(module) if name[0] != "_"])
        cure = f"{self.usage} {place}:{likely or next(iter(flows), 'Name')}"
        return CommandError(f"no workflow {attribute!r} in {place}", _found(module), cure=cure)

    def _flow_of(self, value: Any, place: str, attribute: str) -> Flow:
        if _is_flow(value):
            return value  # type: ignore[no-any-return]
        if inspect.iscoroutinefunction(value):
            raise CommandError(f"{place}:{attribute} is an async function", cure="make it a plain function")
        if inspect.isroutine(value):
            made = self._made(value, place, attribute)
            if _is_flow(made):
                return made  # type: ignore[no-any-return]
            raise CommandError(f"{place}:{attribute}() returned {type(made).__name__}, not a workflow")
        kind = f"the class {value.__name__}" if isinstance(value, type) else f"of type {type(value).__name__}"
        raise CommandError(
            f"{place}:{attribute} is {kind}, not a workflow",
            cure="name a Workflow class, a workflow, or a function that makes one",
        )

    def _made(self, factory: Callable[..., Any], place: str, attribute: str) -> Any:
        needed = [
            parameter.name
            for parameter in inspect.signature(factory).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
        if needed:
            raise CommandError(
                f"{place}:{attribute} wants arguments ({', '.join(needed)})",
                cure="name a function without arguments that makes the workflow",
            )
        with self._blaming(f"{place}:{attribute}()"):
            return factory()

    def _only(self, module: ModuleType, place: str) -> Target:
        flows = _flows_in(module)
        if len(flows) == 1:
            name, flow = next(iter(flows.items()))
            self.speech.note(f"using {place}:{name}")
            return Target(flow, name)
        if flows:
            cure = f"{self.usage} {place}:{next(iter(flows))}"
            raise CommandError(f"{place} has {len(flows)} workflows; name the one you mean", _found(module), cure=cure)
        raise CommandError(
            f"there is no workflow in {place}",
            _found(module),
            cure="define a subclass of wftrace.Workflow there, or name the file that has one",
        )


def split_target(text: str) -> tuple[str, str]:
    """A TARGET's place and attribute; the attribute may be missing.

    >>> split_target("flows.py:Joke"), split_target("pkg.mod"), split_target(r"C:/flows/joke.py")
    (('flows.py', 'Joke'), ('pkg.mod', ''), ('C:/flows/joke.py', ''))
    """
    place, colon, attribute = text.rpartition(":")
    if place and colon and all(part.isidentifier() for part in attribute.split(".")):
        return place, attribute
    return text.rstrip(":"), ""


def _looks_like_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or os.sep in place or not place.strip(".") or Path(place).is_file()


def _no_file(path: Path, usage: str) -> TargetError:
    if path.is_dir():
        files = sorted(each.name for each in path.glob("*.py"))
        shown = f"found: {', '.join(files[:10]) or 'no Python file'}"
        return TargetError(f"{path} is a folder", shown, cure=f"{usage} {path / (files[0] if files else 'file.py')}")
    if not path.parent.is_dir():
        return TargetError(f"there is no folder {path.parent}", cure=f"{usage} path/to/file.py:Workflow")
    likely = closest(path.name, [each.name for each in path.parent.glob("*.py")])
    cure = f"{usage} {path.parent / likely}" if likely else f"{usage} path/to/file.py:Workflow"
    return TargetError(f"there is no file {path}", cure=cure)


def _syntax_error(error: SyntaxError, what: str) -> TargetError:
    place = f"{error.filename or what}, line {error.lineno}" if error.lineno else f"{error.filename or what}"
    lines = []
    if error.text:
        text = error.text.rstrip("\n")
        column = (error.offset or 1) - 1 - (len(text) - len(text.lstrip()))
        lines = [text.strip(), " " * max(column, 0) + "^"]
    return TargetError(f"{place}: {error.msg}", *lines, cure="correct that line; the file is not valid Python")


def _import_cure(error: BaseException, in_package: bool, usage: str) -> str:
    if in_package and isinstance(error, ImportError):
        return f"the file is part of a package, name it as a module: {usage} package.module:Workflow"
    if isinstance(error, ModuleNotFoundError):
        return f"install {error.name} into the environment that wftrace runs in"
    return "correct the error above; python FILE shows it too"


def _put_first(folder: str) -> None:
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)


def _free_name(stem: str) -> str:
    """The stem, or the stem and a number where a module of that name is there already."""
    name, number = stem, 1
    while name in sys.modules or name in sys.stdlib_module_names:
        number += 1
        name = f"{stem}_{number}"
    return name


def _is_flow(value: Any) -> bool:
    return isinstance(value, Workflow) or (isinstance(value, type) and issubclass(value, Workflow))


def _flows_in(module: ModuleType) -> dict[str, Flow]:
    """The workflow classes defined in a module, and the instances there of other classes, by name."""
    named = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    classes = {
        name: value
        for name, value in named.items()
        if isinstance(value, type) and issubclass(value, Workflow) and value.__module__ == module.__name__
    }
    own = tuple(classes.values())
    others = {
        name: value for name, value in named.items() if isinstance(value, Workflow) and not isinstance(value, own)
    }
    flows: dict[str, Flow] = {}
    for name, flow in (classes | others).items():
        if not any(flow is known for known in flows.values()):
            flows[name] = flow
    return flows


def _is_unfinished(flow: Flow, others: Iterable[Flow]) -> bool:
    """Whether a class is only there for others to build on."""
    graph = graph_of(flow)
    if not isinstance(flow, type) or not graph.steps:
        return not graph.steps
    built_on = any(isinstance(other, type) and issubclass(other, flow) and other is not flow for other in others)
    return built_on and any(finding.fatal for finding in graph.findings)


def _found(module: ModuleType) -> str:
    """What a module holds, as one line: its workflows, or else its classes and functions."""
    flows = [f"{name}{_line_of(flow)}" for name, flow in _flows_in(module).items()]
    if flows:
        return f"found: {', '.join(flows)}"
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__ and callable(value)
    ]
    if not own:
        return "found: no class and no function"
    more = f" and {len(own) - 8} more" if len(own) > 8 else ""
    return f"found: {', '.join(own[:8])}{more}"


def _line_of(flow: Flow) -> str:
    if not isinstance(flow, type):
        return f" (a {type(flow).__name__})"
    try:
        return f" (line {inspect.getsourcelines(flow)[1]})"
    except (OSError, TypeError):
        return ""
