"""TRACE…: the runs that a command about many runs reads, one at a time, and of which workflow they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from wftrace.engine.errors import TraceError
from wftrace.engine.graph import FlowGraph
from wftrace.many import Aggregate, Tally, aggregate_of
from wftrace.trace import Run

from .errors import CommandError, UnreadableTrace, closest
from .filters import Filter
from .progress import counted
from .speech import Speech
from .traces import MAKE_ONE, load_trace

_CODE = re.compile(r"[^\s@]+\.py(?::[\w.]+)?(?:@.*)?|[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(?:@.*)?|[^\s@]+@.+")
_BACKENDS = ("jaeger", "phoenix", "http", "https")


def is_code(text: str) -> bool:
    """Whether an argument names a workflow and not a trace.

    >>> [is_code(text) for text in ("flow.py", "shop.flows:Checkout", "flow.py:Flow@v1", "a.jsonl", "jaeger:x")]
    [True, True, True, False, False]
    """
    if text.partition(":")[0] in _BACKENDS:
        return False
    if Path(text).exists() and not text.endswith(".py"):
        return False
    return _CODE.fullmatch(text) is not None


def read_many(traces: Sequence[str], speech: Speech, wanted: Filter | None = None) -> Iterator[Run]:
    """The runs of files, folders, patterns and backends that fit, one at a time, with progress on a terminal.

    Raises ``UnreadableTrace`` where a trace cannot be read.
    """
    yield from counted((wanted or Filter()).of(_runs(traces, speech)), "runs", speech)


def _runs(traces: Sequence[str], speech: Speech) -> Iterator[Run]:
    problems: list[str] = []
    files: list[str] = []
    for trace in traces:
        if _is_local(trace):
            files.append(trace)
        else:
            yield from load_trace(trace, speech).runs
    if files:
        from wftrace.exporters.run_files import iter_runs  # the OpenTelemetry SDK, which a backend does not need

        try:
            yield from iter_runs(*files, problems=problems)
        except TraceError as error:
            raise UnreadableTrace(str(error), cure=MAKE_ONE) from error
    for problem in problems:
        speech.warn(problem)


def _is_local(trace: str) -> bool:
    """Whether a TRACE is read from the disk here; all else is found, or missed with a cure, by ``load_trace``."""
    if trace == "-" or trace.partition(":")[0] in _BACKENDS:
        return False
    return Path(trace).exists() or any(sign in trace for sign in "*?[")


def tallied(runs: Iterable[Run], flow: FlowGraph | None = None) -> dict[str, Tally]:
    """A tally for each workflow; runs of workflows that others run are left out unless there is nothing else."""
    tops: dict[str, Tally] = {}
    nested: dict[str, Tally] = {}
    for run in runs:
        (nested if run.parent_run_id else tops).setdefault(run.workflow, Tally(flow)).add(run)
    for name, tally in nested.items():
        if name in tops:
            tops[name].merge(tally)
        else:
            tops[name] = tally
    return tops


def one_workflow(tallies: dict[str, Tally], flow: FlowGraph | None, traces: Sequence[str]) -> Aggregate:
    """The figures of the only workflow among some runs, or of the one that ``flow`` is.

    Raises ``UnreadableTrace`` when there is no run, ``CommandError`` when several workflows are there.
    """
    if not tallies:
        raise UnreadableTrace(f"no run fits in {' '.join(traces)}", cure=MAKE_ONE)
    listing = f"workflows: {', '.join(f'{name} ({tally.runs} runs)' for name, tally in tallies.items())}"
    if flow is not None:
        if flow.name in tallies:
            return aggregate_of(tallies[flow.name], flow)
        likely = closest(flow.name, tallies) or next(iter(tallies))
        raise UnreadableTrace(
            f"no run of {flow.name} in {' '.join(traces)}", listing, cure=f"name the flow of {likely}"
        )
    if len(tallies) > 1:
        cure = f"--only workflow={next(iter(tallies))}"
        raise CommandError(f"{len(tallies)} workflows are in {' '.join(traces)}; name one", listing, cure=cure)
    return aggregate_of(next(iter(tallies.values())))


def graph_named(target: str, usage: str, speech: Speech) -> FlowGraph:
    """The graph of the workflow that a TARGET names. Raises what ``Finder.find`` raises."""
    from wftrace.engine.workflow import graph_of  # the engine, which a trace alone does not need

    from .target import Finder

    return graph_of(Finder(speech, usage).find(target).flow)
