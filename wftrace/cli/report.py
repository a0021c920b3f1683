"""``wftrace report``: traces as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from wftrace.trace import Run
from wftrace.units import count_of

from .errors import CommandError
from .page import check_report
from .speech import Speech, speech_options
from .traces import load_trace


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The HTML file to write.")
@click.option(
    "--link", "links", multiple=True, metavar="LINK", help="Link to the trace: jaeger, phoenix=URL, NAME=URL."
)
@click.option("--force", is_flag=True, help="Overwrite whatever is there.")
@speech_options
@click.pass_obj
def report(speech: Speech, traces: tuple[str, ...], output: Path, links: tuple[str, ...], force: bool) -> None:
    """Write one HTML page about the runs in one or more TRACEs. It opens from the file, without a network.

    A TRACE is a file, - for standard input, or a backend: phoenix, jaeger, phoenix:run=ID, the address of a trace's
    page. A run that was started inside another is linked with the step that started it.

    \b
    wftrace report run.otlp.jsonl -o run.html
    wftrace report monday.jsonl tuesday.jsonl -o both.html
    wftrace report run.otlp.jsonl --link jaeger -o run.html
    wftrace report phoenix -o run.html
    """
    check_report(output, force=force)
    asked = _links(links)
    runs: list[Run] = []
    pages: dict[int, Mapping[str, str]] = {}
    for trace in traces:
        loaded = load_trace(trace, speech)
        pages.update((id(run), {**loaded.links, **asked}) for run in loaded.runs)
        runs.extend(loaded.runs)
    for run in runs:
        for missing in run.missing:
            speech.warn(f"run {run.run_id}: {missing}")
    _write(output, runs, pages, speech)


def _write(output: Path, runs: list[Run], pages: Mapping[int, Mapping[str, str]], speech: Speech) -> None:
    from wftrace.exporters.html import report as page  # slow, and not needed for a trace that cannot be read

    made = page(runs, links=lambda run: pages[id(run)])
    made.save(output)
    for cut in made.cuts:
        speech.warn(cut)
    speech.note(f"wrote {output} ({count_of(len(runs), 'run')})")


def _links(texts: tuple[str, ...]) -> dict[str, str]:
    if not texts:
        return {}
    from wftrace.exporters.html_errors import LinkError
    from wftrace.exporters.html_links import named_link

    try:
        return dict(map(named_link, texts))
    except LinkError as error:
        raise CommandError(str(error), cure="--link jaeger=http://localhost:16686") from error
