"""What stands around a run: the choice of runs, its heading with the verdict and the tools, the help."""

from __future__ import annotations

from collections.abc import Sequence

from wftrace.units import format_ms

from .html_run import RunView
from .html_words import esc, line, link

KEYS = (
    ("/", "search"),
    ("j  k", "next, previous attempt"),
    ("e  E", "next, previous error"),
    ("c", "critical path only"),
    ("b", "broken or even time axis"),
    ("p", "to the step that started this run"),
    ("[  ]", "previous, next run"),
    ("+  -  0", "larger, smaller, fitting graph"),
    ("←  →  +  -  0", "with the timeline of a large run in focus: move and zoom"),
    ("Esc", "clear what is selected"),
    ("?", "this help"),
)
SEARCHES = (
    ("step:fetch", "of one step; fe* for all that begin so"),
    ("outcome:failed", "also retrying, completed, cancelled, timed_out, unhandled"),
    ("event:QueryEvent", "takes or makes such an event"),
    ("kind:human", "also event, send, step, error, retry, wait, segment, checkpoint"),
    ("dur>50ms", "took longer; also queued> and at> (since the start)"),
    ("attempt>1", "also worker:0; > >= < <= or :"),
    ("timed out", "the line contains both words"),
    ('"timed out"', "the line contains just this"),
    ("-step:fetch", "all but these"),
)


def picker_html(views: Sequence[RunView]) -> str:
    """The choice between several runs; a run inside another stands behind it."""
    if len(views) < 2:
        return ""
    return f'<nav class="picker" aria-label="Runs"><ul>{"".join(map(_choice, views))}</ul></nav>'


def head_html(view: RunView) -> str:
    """The verdict first, then what can be done."""
    run, summary = view.run, view.summary
    state = "good" if run.outcome == "completed" else "other" if summary.good else "bad"
    rest = summary.sentence.removeprefix(summary.verdict).removeprefix(" · ")
    inside = ""
    if view.nest.parent(run) is not None:
        around = view.nest.runs[view.nest.parent(run) or 0].workflow
        up = link(view.parent_ref, f"↑ {run.parent_execution or 'a step'} of {around}")
        inside = f'<span class="inside">{up}</span>'
    segments = f'<span class="id">{len(run.segments)} segments</span>' if len(run.segments) > 1 else ""
    return (
        f'<header><h1>{line(run.workflow)}</h1><span class="id">run {line(run.run_id[:12])}</span>{inside}'
        f'<p class="verdict"><b class="{state}">{esc(summary.verdict)}</b> {esc(rest)}</p>'
        f"{segments}{_tools(view)}</header>"
    )


def help_html() -> str:
    """The keys and the words of the search."""
    keys = "".join(f'<tr><th scope="row"><kbd>{esc(key)}</kbd></th><td>{esc(text)}</td></tr>' for key, text in KEYS)
    words = "".join(
        f'<tr><th scope="row"><code>{esc(word)}</code></th><td>{esc(text)}</td></tr>' for word, text in SEARCHES
    )
    return (
        '<dialog aria-label="Help"><h2>Keys</h2><table class="small"><tbody>'
        f'{keys}</tbody></table><h2>Search</h2><table class="small"><tbody>{words}</tbody></table>'
        '<form method="dialog"><button>close</button></form></dialog>'
    )


def _choice(view: RunView) -> str:
    run = view.run
    inner = "↳ " if view.nest.depth(run) else ""
    return (
        f'<li><a href="#{view.ref}" data-run="{view.ref}">{inner}{line(run.workflow)} {line(run.run_id[:8])}'
        f"<small>{esc(view.summary.verdict)} · {esc(format_ms(view.summary.duration_ms))}</small></a></li>"
    )


def _tools(view: RunView) -> str:
    failed = view.summary.failed
    errors = f'<button type="button" data-do="error">Errors <b>{failed}</b></button>' if failed else ""
    return (
        '<div class="tools" hidden><button type="button" data-do="critical" aria-pressed="false">Critical path</button>'
        f'<button type="button" data-do="axis" aria-pressed="true">Broken axis</button>{errors}'
        '<label>search <kbd>/</kbd> <input type="search" placeholder="step:… outcome:failed" '
        'aria-label="Search the log" autocomplete="off" spellcheck="false"></label><output></output>'
        '<button type="button" data-do="help" aria-label="Help">?</button></div>'
    )
