"""The whole page: head with its security policy, a section per run, the data, the script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources

from wftrace.analysis import critical_edges

from .html_axis import Axis, axis_of
from .html_details import cards
from .html_frame import head_html, help_html, picker_html
from .html_graph import graph_html
from .html_links import span_page
from .html_log import attempts_html, edges_html, log_facets, log_html
from .html_overview import overview_html
from .html_pack import packed
from .html_run import RunView
from .html_timeline import legend_html, timeline_html
from .html_words import clock_head, esc, line

SCHEMA = "wftrace/report@2"

SCRIPTS = ("search.js", "axis.js", "report.js")
SCRIPTS_OF_LARGE = ("large.js", "canvas.js", "rows.js")


def page(views: Sequence[RunView], cuts: Sequence[str] = ()) -> str:
    """The report as one HTML document. ``cuts`` says what is not in it."""
    script, css = script_for(any(view.large for view in views)), asset("report.css")
    title = " · ".join(dict.fromkeys(view.run.workflow for view in views))
    axes = [axis_of(view.run) for view in views]
    sections = "".join(_section(view, axis) for view, axis in zip(views, axes, strict=True))
    said = "".join(f'<p class="note cut">✂ {line(cut, 400)}</p>' for cut in cuts)
    figures = "".join(_figures(view) for view in views if view.large)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        '<meta name="generator" content="wftrace">'
        f"<title>{line(title)} · wftrace</title><style>{css}</style></head><body>"
        f"{picker_html(views)}{said}<main>{sections}</main>{help_html()}"
        f'<script type="application/json" id="data">{_json(_data(views, axes))}</script>{figures}'
        f"<script>{script}</script></body></html>\n"
    )


def script_for(large: bool) -> str:
    """The script of a page: its parts as one function, those for large runs only where there is one."""
    names = (*SCRIPTS_OF_LARGE, *SCRIPTS) if large else SCRIPTS
    return '"use strict";\n(() => {\n' + "".join(asset(name) for name in names) + "})();\n"


@cache
def asset(name: str) -> str:
    """A file that ships with the report."""
    return (resources.files("wftrace.exporters") / "assets" / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _section(view: RunView, axis: Axis) -> str:
    graph = view.run.workflow
    hatching = f"--hatching:url(#{view.ref}-hatch)"
    css = "run large" if view.large else "run"
    drawn = overview_html(view, axis) if view.large else timeline_html(view, axis)
    return (
        f'<section class="{css}" data-run="{view.ref}" style="{hatching}" aria-label="Run {line(view.run.run_id)}">'
        f"{head_html(view)}"
        f'<div class="panes"><section class="pane graph" aria-label="Graph"><h2>Graph</h2>'
        f'<div class="picture" tabindex="0" role="region" aria-label="Graph of {esc(graph)}">{graph_html(view)}</div>'
        f'<details class="table"><summary>the graph as a table</summary>{edges_html(view)}</details></section>'
        f'<section class="pane time" aria-label="Timeline"><h2>Timeline</h2>{drawn}{legend_html(view.large)}'
        f'<details class="table"><summary>the timeline as a table</summary>{attempts_html(view)}</details></section>'
        f'<section class="pane events" aria-label="Event log" tabindex="0"><h2>Event log</h2>{log_html(view)}</section>'
        f'<section class="pane cards" aria-label="Details"><h2>Details</h2>'
        f'<p class="spoken" role="status"></p>{"".join(cards(view))}</section></div></section>'
    )


def _figures(view: RunView) -> str:
    return f'<script type="text/plain" id="{view.ref}-figures">{packed(view)}</script>'


def _data(views: Sequence[RunView], axes: Sequence[Axis]) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "runs": [
            {
                "ref": view.ref,
                "id": view.run.run_id,
                "ms": view.run.duration_ms,
                "axis": axis.points,
                "breaks": axis.breaks,
                "clock": clock_head(view.run.duration_ms),
                "large": view.large,
                "parent": view.parent_ref,
                "pages": [[name, pattern, span_page(pattern)] for name, pattern in view.pages.items()],
                "order": [view.attempt_ref(*key) for key in view.shown],
                "errors": [view.attempt_ref(*key) for key, attempt in view.shown.items() if attempt.error is not None],
                "steps": {view.attempt_ref(*key): view.step_ref(attempt.step) for key, attempt in view.shown.items()},
                "nodes": dict(view.node_refs),
                "edges": _taken_edges(view),
                "critical": sorted(critical_edges(view.path)),
                "log": log_facets(view),
            }
            for view, axis in zip(views, axes, strict=True)
        ],
    }


def _taken_edges(view: RunView) -> dict[str, list[tuple[str, str]]]:
    """The edges of the graph that each written attempt took part in, by its anchor."""
    taken: dict[str, list[tuple[str, str]]] = {}
    for key, attempt in view.shown.items():
        step = f"step:{attempt.step}"
        inputs = [(f"event:{kind}", step) for kind in attempt.input_types]
        outputs = [(step, f"event:{kind}") for kind in (*attempt.output_types, *attempt.streamed)]
        taken[view.attempt_ref(*key)] = list(dict.fromkeys((*inputs, *outputs)))
    return taken


def _json(value: object) -> str:
    """JSON that can stand inside a script element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
