"""``wftrace run``: a workflow is run, traced, and summed up."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import click

from wftrace.engine.errors import WorkflowError, WorkflowRuntimeError, WorkflowValidationError
from wftrace.engine.graph import EventKind
from wftrace.engine.workflow import Workflow, graph_of
from wftrace.overlays import overlay_run
from wftrace.recorder import recording
from wftrace.telemetry import Capture
from wftrace.trace import Run, Span
from wftrace.units import count_of

from .answers import Answers, answer_kinds, parse_replies
from .arrival import count_attempts, shortfall, whole_runs
from .audience import Audience
from .conversation import Conversation, Ending
from .errors import INTERRUPTED, OK, CommandError, RunError, StepExit
from .exporting import check_export, exporting
from .frames import own_frames
from .output import check_output
from .page import check_report, write_report
from .speech import Speech, speech_options
from .target import Finder, Target
from .values import parse_fields
from .watched import watched


def _seconds(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise CommandError(f"--timeout {value} is no time to wait", cure="--timeout 60, or --timeout 0 for ever")
    return value


@click.command()
@click.argument("target")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--trace", type=click.Path(path_type=Path), help="Add the trace to this file of OTLP-JSON lines.")
@click.option("--report", type=click.Path(path_type=Path), help="Write an HTML page about the run.")
@click.option("--export", metavar="jaeger|phoenix|URL", help="Send the trace to a tracing backend.")
@click.option("--reply", multiple=True, metavar="EVENT=JSON", help="Answer a question; repeat it for more than one.")
@click.option("--timeout", type=float, callback=_seconds, metavar="SECONDS", help="Give the run this long; 0 for ever.")
@click.option(
    "--capture",
    type=click.Choice(["none", "types", "summary", "full"]),
    help="How much of inputs and outputs the trace holds; types, unless the environment says otherwise.",
)
@click.option("--live", is_flag=True, help="Show the run in the terminal as it happens.")
@click.option("--watch", is_flag=True, help="Show the run on a page in the browser as it happens.")
@click.option("--force", is_flag=True, help="Replace whatever is there.")
@speech_options
@click.pass_obj
def run(
    speech: Speech,
    target: str,
    pairs: tuple[str, ...],
    trace: Path | None,
    report: Path | None,
    export: str | None,
    reply: tuple[str, ...],
    timeout: float | None,
    capture: Capture | None,
    live: bool,
    watch: bool,
    force: bool,
) -> int:
    """Run the workflow TARGET and sum up what happened.

    KEY=VALUE are the fields of its start event; a value is read as JSON when it is JSON. When the workflow asks a
    human, you are asked here, unless --reply answers.

    \b
    wftrace run flow.py topic=pirates
    wftrace run flow.py:Audit path=. --trace run.otlp.jsonl --report run.html
    wftrace run flow.py --reply 'Approval={"approved": true}' --export jaeger
    wftrace run flow.py --live
    """
    fields = parse_fields(pairs)
    _check_places(trace, report, export, force=force)
    if capture is not None:
        os.environ["WFTRACE_CAPTURE"] = capture
    found = Finder(speech, "wftrace run").find(target)
    workflow = found.instance(**({} if timeout is None else {"timeout": timeout or None}))
    kinds = answer_kinds(workflow)
    answers = Answers(kinds, parse_replies(reply, kinds))
    with watched(watch, speech) as page:
        with recording() as recorder, exporting(trace, export) as exports:
            audience = _audience(workflow, recorder.spans, speech, asks=not reply) if live else Audience()
            ending = Conversation(workflow, fields, answers, speech, audience).hold()
        ran, arrived = recorder.runs(), exports.runs()
        runs = whole_runs(ran, arrived) if exports.places else ran
        if isinstance(ending.error, WorkflowRuntimeError) and not runs:
            raise _no_start(ending.error, workflow, target)
        _tell(runs, ending, speech)
        if runs:
            _tell_places(runs, arrived, trace, report, exports.links(), speech)
            lack = shortfall(ran, arrived, os.environ) if exports.places else ""
            if lack:
                speech.warn(lack)
        if not isinstance(ending.error, KeyboardInterrupt):
            page.linger()
    code = _judge(ending, found, speech)
    exports.check()
    return code


def _audience(workflow: Workflow, spans: Sequence[Span], speech: Speech, *, asks: bool) -> Audience:
    from .live import live_audience

    return live_audience(graph_of(workflow), spans, speech, asks=asks)


def _check_places(trace: Path | None, report: Path | None, export: str | None, *, force: bool) -> None:
    """Refuse what cannot be written or sent before anything runs. A trace of ours is added to, any other replaced."""
    if report is not None:
        check_report(report, force=force, option="--report")
    if export is not None:
        check_export(export)
    if trace is not None:
        check_output(trace, force=force, option="--trace", example="run.otlp.jsonl")
        if force and trace.is_file():
            trace.unlink()


def _tell_places(
    runs: list[Run], arrived: list[Run], trace: Path | None, report: Path | None, links: dict[str, str], speech: Speech
) -> None:
    if trace is not None and arrived:
        speech.note(f"wrote {trace} ({count_of(count_attempts(arrived), 'attempt')})")
    if report is not None:
        write_report(report, runs, speech, links if arrived else None)
    for name, pattern in links.items() if arrived else ():
        speech.note(f"{name}: {pattern.replace('{trace_id}', arrived[0].trace_id)}")


def _tell(runs: list[Run], ending: Ending, speech: Speech) -> None:
    """Print the summary of the run that was asked for; the runs that it started are parts of it."""
    from .summary import print_summary  # rich, which takes as long to load as a small flow takes to run
    from .tables import make_console

    for each in runs:
        if not each.parent_run_id:
            print_summary(overlay_run(each), ending.result, make_console(), whole=speech.verbose)


def _no_start(error: WorkflowError, workflow: Workflow, target: str) -> CommandError:
    """The run could not even begin: the fields do not fit its start event."""
    starts = [event for event in graph_of(workflow).events if event.kind is EventKind.START]
    fields = [field for event in starts for field in event.fields]
    takes = f"it takes: {', '.join(f'{field.name} ({field.type})' for field in fields)}" if fields else ""
    example = " ".join(f"{field.name}=…" for field in fields)
    return CommandError(str(error), takes, cure=f"wftrace run {target} {example}")


def _judge(ending: Ending, target: Target, speech: Speech) -> int:
    """The exit code. Raises the error that the user is to see."""
    error = ending.error
    if error is None:
        return OK
    if isinstance(error, KeyboardInterrupt | SystemExit) and _is_from_step(error):
        raise StepExit(error, f"{target.name} failed", own_frames(error, everything=speech.verbose)) from error
    if isinstance(error, KeyboardInterrupt):
        speech.note("\ninterrupted; the run is cancelled")
        return INTERRUPTED
    if isinstance(error, CommandError):
        raise error
    if isinstance(error, WorkflowValidationError):
        raise RunError(f"{target.name} cannot run: {error}", cure="wftrace draw, which shows its shape") from error
    if isinstance(error, WorkflowError):
        raise RunError(f"{target.name} failed: {error}") from error
    raise RunError(f"{target.name} failed", own_frames(error, everything=speech.verbose)) from error


def _is_from_step(error: BaseException) -> bool:
    """Whether a step raised it, and not the keyboard: the engine notes the step on each error."""
    return bool(getattr(error, "__notes__", ()))
