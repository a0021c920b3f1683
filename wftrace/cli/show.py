"""``wftrace show``: a trace in the terminal, as a tree, a timeline or a log."""

from __future__ import annotations

from dataclasses import replace

import click
from rich.console import Console

from wftrace.trace import Attempt, Run

from .errors import CommandError, closest
from .execution import execution
from .headline import headline
from .log import log
from .speech import Speech, speech_options
from .tables import cell, make_console, show_on
from .timeline import timeline
from .traces import load_trace
from .tree import tree


@click.command()
@click.argument("trace")
@click.argument("step", required=False)
@click.option("--run", "wanted", metavar="ID", help="Which run of the trace: the beginning of its id.")
@click.option("--tree", "view", flag_value="tree", default="tree", help="Executions, attempts and waits (the default).")
@click.option("--timeline", "view", flag_value="timeline", help="A row per step, a bar for every stretch of time.")
@click.option("--log", "view", flag_value="log", help="Everything that happened, a line each.")
@speech_options
@click.pass_obj
def show(speech: Speech, trace: str, step: str | None, wanted: str | None, view: str) -> None:
    """Show a run of TRACE in the terminal; or only one STEP, or one execution of it: STEP#3.

    TRACE is a file, - for standard input, or a backend: phoenix, jaeger, phoenix:run=ID, the address of a trace's
    page.

    \b
    wftrace show run.otlp.jsonl
    wftrace show run.otlp.jsonl fetch#3
    wftrace show jaeger --timeline
    """
    loaded = load_trace(trace, speech, wanted)
    run = loaded.choose(wanted, speech)
    chosen = _chosen(run, step, trace)
    for missing in run.missing:
        speech.warn(missing)
    console = make_console()
    for line in headline(run):
        show_on(console, line)
    for name, page in loaded.pages(run).items():
        show_on(console, cell(f"{name}: {page}"))
    show_on(console)
    if step and "#" in step:
        show_on(console, execution(run, chosen))
    elif view == "timeline":
        show_on(console, timeline(_narrowed(run, chosen), console))
    else:
        _print_lines(run, chosen, view, console)


def _chosen(run: Run, step: str | None, trace: str) -> list[Attempt]:
    """The attempts of a step or of one execution; all when none is named."""
    if step is None:
        return list(run.attempts)
    found = [attempt for attempt in run.attempts if step in (attempt.step, attempt.execution_id)]
    if found:
        return found
    ids = list(dict.fromkeys(attempt.execution_id for attempt in run.attempts))
    steps = list(dict.fromkeys(attempt.step for attempt in run.attempts))
    name = step.partition("#")[0]
    of_step = [each for each in ids if each.rpartition("#")[0] == name]
    if of_step:
        shown = f"executions: {', '.join(of_step[:10])}{' …' if len(of_step) > 10 else ''}"
        cure = f"wftrace show {trace} {of_step[-1]}"
        raise CommandError(f"step {name!r} has no execution {step!r}", shown, cure=cure)
    if run.graph is not None and name in run.graph.step:
        raise CommandError(f"step {name!r} did not run", f"ran: {', '.join(steps)}", cure=f"wftrace show {trace}")
    likely = closest(name, steps)
    cure = f"wftrace show {trace} {likely}" if likely else f"wftrace show {trace}"
    raise CommandError(f"there is no step {name!r} in run {run.run_id}", f"ran: {', '.join(steps)}", cure=cure)


def _narrowed(run: Run, chosen: list[Attempt]) -> Run:
    """The run with nothing but some attempts and their waits; its time stays whole."""
    ids = {attempt.execution_id for attempt in chosen}
    waits = tuple(wait for wait in run.waits if wait.execution_id in ids)
    return replace(run, attempts=tuple(chosen), waits=waits) if len(chosen) < len(run.attempts) else run


def _print_lines(run: Run, chosen: list[Attempt], view: str, console: Console) -> None:
    ids = {attempt.execution_id for attempt in chosen}
    whole = len(chosen) == len(run.attempts)
    if view == "log":
        show_on(console, log(run, lambda row: whole or row.execution_id in ids))
    else:
        show_on(console, tree(run, console, lambda attempt: attempt.execution_id in ids))
