"""The file that a report is written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wftrace.trace import Run
from wftrace.units import count_of

from .errors import CommandError
from .output import check_output
from .speech import Speech


def check_report(output: Path, *, force: bool = False, option: str = "-o") -> None:
    """Refuse a report file that is no HTML file, or that may not be written. ``option`` named it."""
    if output.suffix.lower() not in (".html", ".htm"):
        cure = f"{option} {output.with_suffix('.html')}"
        raise CommandError(f"a report is an HTML page, and {output.name} is not", cure=cure)
    check_output(output, force=force, option=option, example="report.html")


def write_report(output: Path, runs: Sequence[Run], speech: Speech, links: Mapping[str, str] | None = None) -> None:
    """Write the page about some runs, and say so. ``links`` are the backends that hold their traces."""
    from wftrace.exporters.html import report as page  # slow, and not needed for a trace that cannot be read

    page(runs, links=links).save(output)
    speech.note(f"wrote {output} ({count_of(len(runs), 'run')})")
