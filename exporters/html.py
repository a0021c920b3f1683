"""The report: runs as one HTML file that needs no network, and no scripts to be complete."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wftrace.engine.graph import FlowGraph
from wftrace.gate import clean_text
from wftrace.render.files import write_whole
from wftrace.render.notebook import bundle
from wftrace.trace import Run
from wftrace.units import count_of, format_count

from .html_errors import LinkError, ReportError
from .html_links import LinkSource
from .html_nest import RUNS_CAP
from .html_page import page
from .html_run import views_of

__all__ = ["LinkError", "Report", "ReportError", "report"]

FRAME_HEIGHT = 760


@dataclass(frozen=True, slots=True)
class Report:
    """A report as a value: look at ``html``, or save it.

    ``cuts`` says in sentences what is not in it, ``summary`` how each run went, a line for each.
    """

    html: str = field(repr=False)
    cuts: tuple[str, ...] = ()
    summary: str = ""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report, whole or not at all, and give back its path.

        Raises ``PictureError`` when the folder is missing or the file cannot be written.
        """
        target = Path(path)
        write_whole(target, self.html.encode())
        return target

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the page in a frame of its own, which reaches nothing of the notebook."""
        frame = (
            f'<iframe title="wftrace report" sandbox="allow-scripts" srcdoc="{html.escape(self.html)}" '
            f'style="width:100%;height:{FRAME_HEIGHT}px;border:0"></iframe>'
        )
        return bundle({"text/html": frame, "text/plain": self.summary}, include, exclude)


def report(runs: Sequence[Run], *, graph: FlowGraph | None = None, links: LinkSource | None = None) -> Report:
    """Make the report of one or several runs; runs inside others are linked with the step that started them.

    ``graph`` is the flow to draw the runs on, instead of the one that each trace carries. ``links`` says where the
    traces are stored: a name and a web address in which ``{trace_id}`` and ``{span_id}`` are filled in, such as
    ``{"Jaeger": "http://localhost:16686/trace/{trace_id}"}``, or a function that says so for a run.

    Of more than 100 runs the last 100 are taken; of large runs the page holds 100 000 spans. ``Report.cuts`` says so.

    Raises ``ReportError`` without a run, ``LinkError`` with a link that is no web address.
    """
    if not runs:
        raise ReportError("there is no run to report; give at least one")
    cuts = []
    if len(runs) > RUNS_CAP:
        cuts.append(f"the page holds the last {RUNS_CAP} of {format_count(len(runs))} runs")
    views = views_of(runs[-RUNS_CAP:], graph, links or {})
    cuts += [
        f"run {view.run.run_id}: {count_of(view.left_out, 'span')} not in the page" for view in views if view.left_out
    ]
    lines = (f"{view.run.workflow} {view.run.run_id}: {view.summary.sentence}" for view in views)
    return Report(page(views, tuple(cuts)), tuple(cuts), "\n".join(map(clean_text, lines)))
