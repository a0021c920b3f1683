"""TRACE: which spans a command reads, and which run in them is meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wftrace.engine.errors import TraceError
from wftrace.exporters.file import read_trace
from wftrace.trace import Run
from wftrace.trace_reader import read_runs

from .errors import UnreadableTrace, closest
from .speech import Speech

MAKE_ONE = "wftrace run path/file.py:Workflow --trace run.otlp.jsonl"


def load_runs(trace: str, speech: Speech) -> list[Run]:
    """All runs of a TRACE, which is a file or ``-`` for standard input.

    Raises ``UnreadableTrace`` when it cannot be read or holds no run of a workflow.
    """
    name = "standard input" if trace == "-" else trace
    problems: list[str] = []
    try:
        spans = read_trace(trace, problems)
    except TraceError as error:
        raise _unreadable(str(error), trace) from error
    for problem in problems:
        speech.warn(problem)
    runs = read_runs(spans)
    if not runs:
        what = f"{len(spans)} spans, but none of a workflow run" if spans else "no spans"
        raise UnreadableTrace(f"{name} holds {what}", cure=MAKE_ONE)
    return runs


def _unreadable(what: str, trace: str) -> UnreadableTrace:
    """The error for a trace that cannot be read, with the name of the file that may be meant."""
    path = Path(trace)
    if trace == "-" or path.exists() or not path.parent.is_dir():
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
