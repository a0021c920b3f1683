"""The report: runs as one HTML file that needs no network, and no scripts to be complete."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wftrace.engine.errors import WorkflowError
from wftrace.engine.graph import FlowGraph
from wftrace.render.files import write_whole
from wftrace.trace import Run

from .html_page import page
from .html_run import RunView


class ReportError(WorkflowError):
    """A report cannot be made of what was given."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report as a value: look at ``html``, or save it."""

    html: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report, whole or not at all, and give back its path.

        Raises ``PictureError`` when the folder is missing or the file cannot be written.
        """
        target = Path(path)
        write_whole(target, self.html.encode())
        return target


def report(
    runs: Sequence[Run],
    *,
    graph: FlowGraph | None = None,
    links: Mapping[str, str] | None = None,
) -> Report:
    """Make the report of one or several runs.

    ``graph`` is the flow to draw the runs on, instead of the one that each trace carries. ``links`` says where the
    traces are stored: a name and a web address in which ``{trace_id}`` and ``{span_id}`` are filled in, such as
    ``{"Jaeger": "http://localhost:16686/trace/{trace_id}"}``.

    Raises ``ReportError`` without a run or with a link that is no web address.
    """
    if not runs:
        raise ReportError("there is no run to report; give at least one")
    for name, pattern in (links or {}).items():
        if not pattern.startswith(("http://", "https://")):
            raise ReportError(f"the link {name!r} must begin with http:// or https://, it is {pattern!r}")
    views = [RunView(run, number, graph) for number, run in enumerate(runs, 1)]
    return Report(page(views, links or {}))
