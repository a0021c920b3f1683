"""``wftrace report``: traces as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from .page import check_report, write_report
from .speech import Speech, speech_options
from .traces import load_runs


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The HTML file to write.")
@click.option("--force", is_flag=True, help="Overwrite whatever is there.")
@speech_options
@click.pass_obj
def report(speech: Speech, traces: tuple[str, ...], output: Path, force: bool) -> None:
    """Write one HTML page about the runs in one or more TRACEs. It opens from the file, without a network.

    \b
    wftrace report run.otlp.jsonl -o run.html
    """
    check_report(output, force=force)
    runs = [run for trace in traces for run in load_runs(trace, speech)]
    for run in runs:
        for missing in run.missing:
            speech.warn(f"run {run.run_id}: {missing}")
    write_report(output, runs, speech)
