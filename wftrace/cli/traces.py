"""TRACE: which spans a command reads, from a file or from a backend, and which run in them is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wftrace.engine.errors import TraceError
from wftrace.exporters.wanted import BACKENDS, names_backend
from wftrace.trace import Run, Span
from wftrace.trace_reader import read_runs

from .errors import CommandError, ToolMissing, UnreadableTrace, closest
from .speech import Speech

MAKE_ONE = "wftrace run path/file.py:Workflow --trace run.otlp.jsonl"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The runs of a TRACE. ``links`` are the pages of its backend, by name, with ``{trace_id}`` to be filled in."""

    runs: Sequence[Run]
    links: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""

    def choose(self, wanted: str | None, speech: Speech) -> Run:
        """The run whose id begins with ``wanted``; else the one that the TRACE names, or the last top-level run."""
        return choose_run(self.runs, wanted or self.run_id or None, speech)

    def pages(self, run: Run) -> dict[str, str]:
        """Where people look at a run: the addresses of its page, by the name of the backend."""
        return {name: link.replace("{trace_id}", run.trace_id) for name, link in self.links.items() if run.trace_id}


def load_trace(trace: str, speech: Speech, wanted: str | None = None) -> Loaded:
    """The runs of a TRACE: a file, ``-`` for standard input, or a backend, which is asked for the run ``wanted``.

    Raises ``UnreadableTrace`` when it cannot be read or holds no run of a workflow, ``ToolMissing`` when the backend is
    not there, ``CommandError`` when it is written wrongly.
    """
    if names_backend(trace):
        return _from_backend(trace, wanted)
    problems: list[str] = []
    from wftrace.exporters.file import read_trace  # the OpenTelemetry SDK, which a backend does not need

    try:
        spans = read_trace(trace, problems)
    except TraceError as error:
        raise _unreadable(str(error), trace) from error
    for problem in problems:
        speech.warn(problem)
    return Loaded(_runs(spans, "standard input" if trace == "-" else trace))


def _from_backend(trace: str, wanted: str | None) -> Loaded:
    from wftrace.exporters.sources import BackendError, open_source

    try:
        source = open_source(trace, run_id=wanted or "")
        spans = source.spans()
    except BackendError as error:
        raise told(error) from error
    return Loaded(_runs(spans, trace), source.links, source.address.wanted.run_id)


def told(error: TraceError) -> CommandError:
    """An error of a backend as one of the command line, with the exit code that fits."""
    kind, what, cure = (str(getattr(error, name, "")) for name in ("kind", "what", "cure"))
    kinds: Mapping[str, type[CommandError]] = {"away": ToolMissing, "wrong": CommandError}
    return kinds.get(kind, UnreadableTrace)(what or str(error), cure=cure)


def _runs(spans: Sequence[Span], name: str) -> list[Run]:
    runs = read_runs(spans)
    if not runs:
        what = f"{len(spans)} spans, but none of a workflow run" if spans else "no spans"
        raise UnreadableTrace(f"{name} holds {what}", cure=MAKE_ONE)
    return runs


def _unreadable(what: str, trace: str) -> UnreadableTrace:
    """The error for a trace that cannot be read, with the name of the file or backend that may be meant."""
    path = Path(trace)
    if trace == "-" or path.exists():
        return UnreadableTrace(what, cure=MAKE_ONE)
    named, _, rest = trace.partition(":")
    backend = closest(named, BACKENDS)
    if backend and "/" not in named and "." not in named:
        return UnreadableTrace(what, cure=f"wftrace show {backend}{':' if rest else ''}{rest}")
    if not path.parent.is_dir():
        return UnreadableTrace(what, cure=MAKE_ONE)
    known = {each.stem: each for each in path.parent.glob("*.jsonl") if each.is_file()}
    likely = closest(path.stem, known)
    return UnreadableTrace(what, cure=f"wftrace show {known[likely]}" if likely else MAKE_ONE)


def choose_run(runs: Sequence[Run], wanted: str | None, speech: Speech) -> Run:
    """The run whose id begins with ``wanted``; else the last top-level run, and a note when there were several."""
    if wanted is None:
        tops = [run for run in runs if not run.parent_run_id] or list(runs)
        if len(tops) > 1:
            speech.note(f"{len(tops)} runs in the trace, taking the last ({tops[-1].run_id}); choose with --run ID")
        return tops[-1]
    found = [run for run in runs if run.run_id.startswith(wanted)]
    if len(found) == 1 or any(run.run_id == wanted for run in found):
        return next((run for run in found if run.run_id == wanted), found[0])
    ids = [run.run_id for run in runs]
    listing = f"runs: {', '.join(ids[-10:])}"
    if found:
        raise UnreadableTrace(f"{len(found)} runs begin with {wanted!r}", listing, cure=f"--run {found[0].run_id}")
    raise UnreadableTrace(f"no run {wanted!r} in the trace", listing, cure=f"--run {closest(wanted, ids) or ids[-1]}")
