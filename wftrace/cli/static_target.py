"""TARGET read from its source, for ``--static``: nothing of it is imported."""

from __future__ import annotations

from pathlib import Path

from wftrace.engine.graph import FlowGraph
from wftrace.static_reader import StaticFlow, StaticFlows, StaticReadError, read_flows

from .errors import CommandError, TargetError, closest
from .speech import Speech
from .target import split_target


def static_graph(text: str, usage: str, speech: Speech) -> FlowGraph:
    """The graph of the workflow that a TARGET names, and a warning for each thing that its source does not show.

    Raises ``TargetError`` when its file cannot be read, ``CommandError`` when no workflow, or more than one, is meant.
    """
    place, attribute = split_target(text)
    path = _file_of(place, usage)
    name = path.stem if place.endswith(".py") or "/" in place else place
    try:
        flows = read_flows(path, name)
        flow = _named(flows, attribute, place, usage) if attribute else _only(flows, place, usage, speech)
    except StaticReadError as error:
        raise TargetError(str(error), cure=f"correct it, or draw without --static: {usage} {text}") from error
    for sentence in flow.unseen:
        speech.warn(f"not seen in the source: {sentence}")
    return flow.graph


def _file_of(place: str, usage: str) -> Path:
    if place.endswith(".py") or "/" in place:
        path = Path(place)
        if path.is_file():
            return path
        likely = closest(path.name, [each.name for each in path.parent.glob("*.py")]) if path.parent.is_dir() else ""
        raise TargetError(f"there is no file {path}", cure=f"{usage} {path.parent / (likely or 'file.py')} --static")
    stem = Path(*place.split(".")) if place.strip(".") else Path("flow")
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    raise TargetError(
        f"there is no module {place!r} in the current folder",
        "--static looks for files, not for installed packages",
        cure=f"{usage} path/to/file.py:Workflow --static",
    )


def _named(flows: StaticFlows, attribute: str, place: str, usage: str) -> StaticFlow:
    found = flows.flow(attribute)
    if found is not None:
        return found
    likely = closest(attribute, flows.own) or next(iter(flows.own), "Workflow")
    raise CommandError(
        f"no workflow {attribute!r} can be seen in {place}",
        f"found: {', '.join(flows.own) or 'no workflow'}",
        cure=f"{usage} {place}:{likely} --static, or without --static",
    )


def _only(flows: StaticFlows, place: str, usage: str, speech: Speech) -> StaticFlow:
    names = flows.own
    found = flows.flow(names[0]) if len(names) == 1 else None
    if found is not None:
        speech.note(f"using {place}:{found.name}")
        return found
    if names:
        cure = f"{usage} {place}:{names[0]} --static"
        raise CommandError(
            f"{place} has {len(names)} workflows; name the one you mean", f"found: {', '.join(names)}", cure=cure
        )
    raise CommandError(
        f"no workflow can be seen in {place}",
        "--static sees classes that derive from Workflow in the file itself",
        cure=f"{usage} {place} without --static",
    )
