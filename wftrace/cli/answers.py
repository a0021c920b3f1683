"""Answers to the questions of a run: prepared ones from ``--reply``, or typed by whoever sits at the terminal."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import click
from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from wftrace.engine.events import Event, HumanResponseEvent, InputRequiredEvent
from wftrace.engine.steps import spec_of
from wftrace.engine.workflow import Workflow, graph_of
from wftrace.gate import clean_text, cut_text

from .errors import CommandError, closest
from .keyboard import Keyboard
from .speech import is_terminal
from .values import parse_value

SHOWN = 500
"""How many characters of a question's field are shown."""


class Answers:
    """Gives an answer to every question. Prepared answers are used in their order; the last one is used again."""

    def __init__(self, kinds: Mapping[str, type[HumanResponseEvent]], prepared: Iterable[Event]) -> None:
        self._kinds = kinds
        self._prepared = deque(prepared)
        self._keyboard = Keyboard()

    async def answer(self, request: InputRequiredEvent) -> Event:
        """The answer to a question.

        Raises ``CommandError`` when none is prepared and nobody can be asked.
        """
        if self._prepared:
            return self._prepared.popleft() if len(self._prepared) > 1 else self._prepared[0]
        if not is_terminal(sys.stdin):
            raise self._nobody(request, "there is neither a terminal nor a reply")
        return await self._ask(request)

    async def _ask(self, request: InputRequiredEvent) -> Event:
        click.echo(question_text(request), err=True)
        while True:
            try:
                return await self._fill(await self._choose_kind())
            except ValidationError as error:
                for line in validation_lines(error):
                    click.echo(f"  {line}", err=True)
            except EOFError:
                raise self._nobody(request, "the input ended without an answer") from None

    async def _choose_kind(self) -> type[HumanResponseEvent]:
        if len(self._kinds) == 1:
            return next(iter(self._kinds.values()))
        names = list(self._kinds)
        while True:
            name = await self._keyboard.line(f"  answer with ({', '.join(names)}): ")
            found = self._kinds.get(name) or self._kinds.get(closest(name, names))
            if found:
                return found

    async def _fill(self, kind: type[HumanResponseEvent]) -> Event:
        """Ask for the fields of an answer one by one; JSON at the first of them fills all."""
        names = asked_fields(kind)
        values: dict[str, Any] = {}
        for name in names:
            field = kind.model_fields[name]
            line = await self._keyboard.line(f"  {name}{_kind_of(field.annotation)}: ")
            if name == names[0] and line.startswith("{"):
                return make_event(kind, line)
            if line or field.is_required():
                values[name] = typed_value(kind, name, line)
        return kind(**values)

    def _nobody(self, request: InputRequiredEvent, why: str) -> CommandError:
        name, kind = next(iter(self._kinds.items()))
        return CommandError(
            f"{type(request).__name__} asks a human, and {why}; the run is cancelled",
            f"it asks: {question_text(request)}",
            cure=f"--reply '{name}={example_json(kind)}'",
        )


def answer_kinds(workflow: Workflow) -> dict[str, type[HumanResponseEvent]]:
    """The classes of answers that a workflow takes, by name; ``HumanResponseEvent`` where it names none of its own."""
    graph = graph_of(workflow)
    specs = [spec_of(getattr(workflow, name, None)) for name in graph.step]
    accepted = [cls for spec in specs if spec is not None for cls in spec.accepts]
    waited = [_class_of(event.type) for event in graph.events]
    kinds = {cls.__name__: cls for cls in (*accepted, *waited) if cls and issubclass(cls, HumanResponseEvent)}
    return kinds or {HumanResponseEvent.__name__: HumanResponseEvent}


def parse_replies(texts: Iterable[str], kinds: Mapping[str, type[HumanResponseEvent]]) -> list[Event]:
    """The prepared answers from ``EVENT=JSON`` texts.

    Raises ``CommandError`` for an event that the flow does not take, and for fields that do not fit it.
    """
    return [_parse_reply(text, kinds) for text in texts]


def _parse_reply(text: str, kinds: Mapping[str, type[HumanResponseEvent]]) -> Event:
    name, equals, value = text.partition("=")
    likely = closest(name, kinds) or next(iter(kinds))
    if not equals:
        raise CommandError(f"--reply {text!r} is no EVENT=JSON", cure=f"--reply '{likely}={{}}'")
    kind = kinds.get(name)
    if kind is None:
        takes = f"it takes: {', '.join(kinds)}"
        raise CommandError(f"the flow takes no answer {name!r}", takes, cure=f"--reply '{likely}={value}'")
    try:
        return make_event(kind, value)
    except ValidationError as error:
        fields = ", ".join(asked_fields(kind))
        raise CommandError(
            f"--reply does not fit {name}", *validation_lines(error), cure=f"give {name} its fields: {fields}"
        ) from error


def make_event(kind: type[HumanResponseEvent], text: str) -> Event:
    """An event from text: a JSON object gives its fields, anything else its ``response``."""
    value = parse_value(text)
    return kind(**value) if isinstance(value, dict) else kind(response=value)


def asked_fields(kind: type[HumanResponseEvent]) -> list[str]:
    """The fields that an answer is asked for: those that its class declares itself, else ``response``."""
    own = [name for name in kind.model_fields if name not in HumanResponseEvent.model_fields]
    return own or ["response"]


def example_json(kind: type[HumanResponseEvent]) -> str:
    """What an answer may look like as JSON."""
    examples: dict[Any, Any] = {bool: True, int: 1, float: 1.0}
    fields = {name: examples.get(kind.model_fields[name].annotation, "…") for name in asked_fields(kind)}
    return json.dumps(fields, ensure_ascii=False)


def typed_value(kind: type[HumanResponseEvent], name: str, line: str) -> Any:
    """What was typed for a field: the text where the field takes it, else the text read as JSON."""
    annotation: Any = kind.model_fields[name].annotation
    value = parse_value(line)
    if annotation is Any:
        return value
    try:
        TypeAdapter(annotation).validate_python(line)
    except (ValidationError, PydanticSchemaGenerationError):
        return value
    return line


def validation_lines(error: ValidationError) -> list[str]:
    """What is wrong with each field, a line each."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [f"{'.'.join(map(str, each['loc'])) or 'event'}: {each['msg']}" for each in found]


def question_text(request: InputRequiredEvent) -> str:
    """What a human is asked: the prefix, and the question's other fields."""
    rest = [f"{name}={cut_text(str(value), SHOWN)}" for name, value in request.items() if name != "prefix"]
    return clean_text(" ".join([request.prefix or type(request).__name__, *rest]))


def _kind_of(annotation: object) -> str:
    return f" ({annotation.__name__})" if isinstance(annotation, type) else ""


def _class_of(qualified: str) -> type[HumanResponseEvent] | None:
    """The class of answers of a qualified name, if it is one, its module is loaded and it is no local class."""
    module = qualified
    parts: list[str] = []
    while module and module not in sys.modules:
        module, _, part = module.rpartition(".")
        parts.insert(0, part)
    value: Any = sys.modules.get(module)
    for part in parts:
        value = getattr(value, part, None)
    return value if isinstance(value, type) and issubclass(value, HumanResponseEvent) else None
