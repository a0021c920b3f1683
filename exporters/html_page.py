"""The whole page: head with its security policy, a section per run, the data, the script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from wftrace.analysis import critical_edges
from wftrace.units import format_ms

from .html_axis import Axis, axis_of
from .html_details import cards
from .html_graph import graph_html
from .html_log import attempts_html, edges_html, log_facets, log_html
from .html_run import RunView
from .html_timeline import legend_html, timeline_html
from .html_words import esc, line

SCHEMA = "wftrace/report@1"

_KEYS = (
    ("/", "search"),
    ("j  k", "next, previous attempt"),
    ("e  E", "next, previous error"),
    ("c", "critical path only"),
    ("b", "broken or even time axis"),
    ("+  -  0", "larger, smaller, fitting graph"),
    ("[  ]", "previous, next run"),
    ("Esc", "clear what is selected"),
    ("?", "this help"),
)
_SEARCHES = (
    ("step:fetch", "of one step"),
    ("status:error", "failed; also retry, cancelled, timed_out"),
    ("event:QueryEvent", "takes or makes such an event"),
    ("dur>50ms", "took longer; also <, and s, min"),
    ("some text", "the line contains it"),
)


def page(views: Sequence[RunView], links: Mapping[str, str]) -> str:
    """The report as one HTML document."""
    script, css = asset("report.js"), asset("report.css")
    title = " · ".join(dict.fromkeys(view.run.workflow for view in views))
    axes = [axis_of(view.run) for view in views]
    sections = "".join(_section(view, axis, links) for view, axis in zip(views, axes, strict=True))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{line(title)} · wftrace</title><style>{css}</style></head><body>"
        f"{_picker(views)}<main>{sections}</main>{_help()}"
        f'<script type="application/json" id="data">{_json(_data(views, axes))}</script>'
        f"<script>{script}</script></body></html>\n"
    )


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


def _picker(views: Sequence[RunView]) -> str:
    if len(views) < 2:
        return ""
    items = "".join(
        f'<li><a href="#{view.ref}" data-run="{view.ref}">{line(view.run.workflow)} {line(view.run.run_id[:8])}'
        f"<small>{esc(view.summary.verdict)} · {esc(format_ms(view.summary.duration_ms))}</small></a></li>"
        for view in views
    )
    return f'<nav class="picker" aria-label="Runs"><ul>{items}</ul></nav>'


def _section(view: RunView, axis: Axis, links: Mapping[str, str]) -> str:
    graph = view.run.workflow
    hatching = f"--hatching:url(#{view.ref}-hatch)"
    return (
        f'<section class="run" data-run="{view.ref}" style="{hatching}" aria-label="Run {line(view.run.run_id)}">'
        f"{_head(view)}"
        f'<div class="panes"><section class="pane graph" aria-label="Graph"><h2>Graph</h2>'
        f'<div class="picture" tabindex="0" role="region" aria-label="Graph of {esc(graph)}">{graph_html(view)}</div>'
        f'<details class="table"><summary>the graph as a table</summary>{edges_html(view)}</details></section>'
        f'<section class="pane time" aria-label="Timeline"><h2>Timeline</h2>{timeline_html(view, axis)}{legend_html()}'
        f'<details class="table"><summary>the timeline as a table</summary>{attempts_html(view)}</details></section>'
        f'<section class="pane events" aria-label="Event log" tabindex="0"><h2>Event log</h2>{log_html(view)}</section>'
        f'<section class="pane cards" aria-label="Details" aria-live="polite"><h2>Details</h2>'
        f"{''.join(cards(view, links))}</section></div></section>"
    )


def _head(view: RunView) -> str:
    summary = view.summary
    state = "good" if view.run.outcome == "completed" else "other" if summary.good else "bad"
    rest = summary.sentence.removeprefix(summary.verdict).removeprefix(" · ")
    errors = f'<button type="button" data-do="error">Errors <b>{summary.failed}</b></button>' if summary.failed else ""
    broken = '<button type="button" data-do="axis" aria-pressed="true">Broken axis</button>'
    return (
        f'<header><h1>{line(view.run.workflow)}</h1><span class="id">run {line(view.run.run_id[:12])}</span>'
        f'<p class="verdict"><b class="{state}">{esc(summary.verdict)}</b> {esc(rest)}</p>'
        '<div class="tools" hidden><button type="button" data-do="critical" aria-pressed="false">Critical path</button>'
        f'{broken}{errors}<label>search <kbd>/</kbd> <input type="search" placeholder="step:… status:error dur>50ms" '
        'aria-label="Search the log" autocomplete="off" spellcheck="false"></label><output></output>'
        '<button type="button" data-do="help" aria-label="Help">?</button></div></header>'
    )


def _help() -> str:
    keys = "".join(f"<tr><th><kbd>{esc(key)}</kbd></th><td>{esc(text)}</td></tr>" for key, text in _KEYS)
    words = "".join(f"<tr><th><code>{esc(word)}</code></th><td>{esc(text)}</td></tr>" for word, text in _SEARCHES)
    return (
        '<dialog aria-label="Help"><h2>Keys</h2><table class="small">'
        f'{keys}</table><h2>Search</h2><table class="small">{words}</table>'
        '<form method="dialog"><button>close</button></form></dialog>'
    )


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
