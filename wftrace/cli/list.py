"""``wftrace list``: the runs that a backend has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from wftrace.trace import Run

from .errors import CommandError, UnreadableTrace
from .speech import Speech, speech_options
from .tables import cell, columns, duration, make_console, show_on
from .traces import told


@click.command("list")
@click.argument("source", metavar="BACKEND")
@click.option("--workflow", metavar="NAME", help="Runs of this workflow only.")
@click.option("--since", metavar="TIME", help="How far back: 90s, 30m, 12h, 7d; two days otherwise.")
@click.option("--errors", is_flag=True, help="Failed runs only.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many runs.")
@speech_options
@click.pass_obj
def list(speech: Speech, source: str, workflow: str | None, since: str | None, errors: bool, limit: int) -> None:
    """List the runs that BACKEND has, the newest first: jaeger, phoenix, phoenix:PROJECT, or an address.

    \b
    wftrace list phoenix
    wftrace list jaeger --workflow ReportFlow --since 1h --errors
    """
    from wftrace.exporters.sources import BackendError, names_backend, open_source
    from wftrace.exporters.wanted import seconds

    if not names_backend(source):
        raise CommandError(f"{source!r} is no backend", cure=f"wftrace list phoenix; wftrace show {source}")
    wanted: dict[str, Any] = {"limit": limit, "errors": errors}
    try:
        wanted |= {"workflow": workflow} if workflow else {}
        wanted |= {"since": seconds(since)} if since else {}
    except ValueError as error:
        raise CommandError(f"--since: {error}", cure="--since 12h") from error
    try:
        runs = open_source(source).recent(**wanted)
    except BackendError as error:
        raise told(error) from error
    if not runs:
        raise UnreadableTrace(f"{source} has no such run", cure=f"wftrace list {source} --since 7d")
    _print(runs)
    speech.detail(f"wftrace show {source.partition(':')[0]}:run={runs[0].run_id}")


def _print(runs: Sequence[Run]) -> None:
    table = columns("run", "workflow", "began", "took", "outcome", "trace", right=("took",))
    for run in runs:
        began = datetime.fromtimestamp(run.start_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        style = "red" if run.outcome in ("failed", "timed_out") else ""
        outcome = cell(run.outcome.replace("_", " "), style)
        segments = f" ({len(run.segments)} segments)" if len(run.segments) > 1 else ""
        trace = cell(f"{run.trace_id}{segments}")
        table.add_row(cell(run.run_id), cell(run.workflow), cell(began), duration(run.duration_ms), outcome, trace)
    show_on(make_console(), table)
