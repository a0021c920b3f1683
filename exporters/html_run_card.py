"""The cards about a whole run: its figures, its segments, the runs inside it, its critical path."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wftrace.analysis import PathPart, path_ms, short_type
from wftrace.trace import ErrorFacts, Run
from wftrace.units import count_of, format_count

from .html_cut import FIRST, is_large
from .html_links import links_html
from .html_run import RunView, run_ref
from .html_words import block, card, clock, clock_head, esc, facts, line, link, ms, row, section, small_table, table

INNER_CAP = 60

_CARETS = re.compile(r"^[ ~^]+\n", re.MULTILINE)
"""The marks below a line of source: they stand askew where lines are broken."""


def run_card(view: RunView) -> str:
    """The overview, which is shown first."""
    run, summary = view.run, view.summary
    failed = view.causes.attempts.get(run.failed_execution, ())
    times = facts(
        [
            ("lasted", ms(summary.duration_ms)),
            ("busy", ms(summary.busy_ms)),
            ("human", ms(summary.human_ms) if summary.human_ms else ""),
            ("attempts", f"{format_count(summary.attempts)} ({count_of(summary.retries, 'retry', 'retries')})"),
            ("failed in", link(view.attempt_ref(*failed[-1].key), run.failed_execution) if failed else ""),
            ("inside", _parent(view)),
        ]
    )
    return card(
        view.ref,
        f"{esc(summary.verdict)} · {line(run.workflow)}",
        _notes(view),
        section("Error", error_html(run.error)),
        section("Time", times),
        section("Segments", _segments(view)),
        section("Runs inside", inner_runs_html(view, view.nest.children(run))),
        section("Where the time went", _split(view)),
        section("Busiest steps", _busiest(view)),
        section("Input", block(run.input_value) if run.input_value else ""),
        section("Result", block(run.output_value) if run.output_value else ""),
        section("Ids", _ids(run) + (links_html(view.pages, run.trace_id) if len(run.segments) < 2 else "")),
    )


def path_card(view: RunView) -> str:
    """The parts of the critical path; of a very long one the longest parts."""
    parts = list(view.path)
    if is_large(view.run) and len(parts) > FIRST:
        parts = sorted(sorted(parts, key=lambda part: -part.duration_ms)[:FIRST], key=lambda part: part.start_ns)
    left = len(view.path) - len(parts)
    note = f'<p class="note">the {len(parts)} longest parts of {format_count(len(view.path))}</p>' if left else ""
    intro = "<p>The run's end, walked back through its causes to its start. Work beside this path did not delay it.</p>"
    heads = (clock_head(view.run.duration_ms).replace("time", "from"), "kind", "what", "took")
    rows = [_path_row(view, part) for part in parts]
    body = intro + note + table("Critical path", heads, rows, css="log") if rows else "<p>There is none.</p>"
    return card(view.path_ref, "Critical path", body)


def inner_runs_html(view: RunView, places: Iterable[int]) -> str:
    """Runs that were started inside this one, each a link to its overview."""
    places = list(places)
    rows = []
    for place in places[:INNER_CAP]:
        run = view.nest.runs[place]
        sign = "✓" if run.outcome == "completed" else "✗" if run.error else "…"
        name = f"{run.workflow} {run.run_id[:8]}"
        what = f"{esc(sign)} {ms(run.duration_ms)}"
        rows.append(row(link(run_ref(place), name), what, line(run.parent_execution)))
    more = len(places) - len(rows)
    note = f'<p class="note">and {format_count(more)} more</p>' if more else ""
    return small_table(*rows) + note


def error_html(error: ErrorFacts | None) -> str:
    """An exception with its stack trace."""
    if error is None:
        return ""
    text = _CARETS.sub("", error.stacktrace).strip() or f"{error.type}: {error.message}"
    head = f"<p class='bad'>✗ <b>{line(short_type(error.type))}</b> {line(error.message, 600)}</p>"
    return head + block(text, css="trouble")


def _parent(view: RunView) -> str:
    run = view.run
    if not run.parent_run_id:
        return ""
    place = view.nest.parent(run)
    name = view.nest.runs[place].workflow if place is not None else f"run {run.parent_run_id}"
    return f"{link(view.parent_ref, run.parent_execution or 'a step')} of {line(name)}"


def _segments(view: RunView) -> str:
    """The stretches of a run that was paused, each with a link to its own trace."""
    run = view.run
    if len(run.segments) < 2:
        return ""
    items = []
    for segment in run.segments:
        since = clock((segment.start_ns - run.start_ns) / 1e6, run.duration_ms)
        lasted = ms((segment.end_ns - segment.start_ns) / 1e6)
        ended = esc(segment.outcome.replace("_", " "))
        pages = links_html(view.pages, segment.trace_id, segment.span_id)
        items.append(
            f"<li>from {esc(since)}, {lasted}, {ended}; trace <code>{line(segment.trace_id)}</code>{pages}</li>"
        )
    return f"<ol class='segments'>{''.join(items)}</ol>"


def _split(view: RunView) -> str:
    whole = view.summary.duration_ms
    rows = [
        row(f'<i class="swatch {kind.value}"></i>{esc(kind.value)}', ms(total), f"{total / whole:.0%}" if whole else "")
        for kind, total in path_ms(view.path).items()
    ]
    return f"{small_table(*rows)}<p>{link(view.path_ref, 'the critical path')}, part by part</p>" if rows else ""


def _ids(run: Run) -> str:
    return facts(
        [
            ("run", line(run.run_id)),
            ("trace", line(run.trace_id)),
            ("flow", line(run.graph_hash)),
            ("session", line(run.session_id) if run.session_id != run.run_id else ""),
            ("user", line(run.user_id)),
            ("tags", line(", ".join(run.tags))),
            ("metadata", line(run.metadata, 600)),
            ("service", line(run.service)),
            ("version", line(run.version)),
        ]
    )


def _notes(view: RunView) -> str:
    notes = [*view.overlay.notes]
    if view.run.dropped:
        notes.append(f"{count_of(len(view.run.dropped), 'event')} dropped when the run stopped")
    return "".join(f'<p class="note">⚠ {line(note, 400)}</p>' for note in notes)


def _busiest(view: RunView) -> str:
    steps = sorted(view.overlay.steps.items(), key=lambda item: -item[1].total_ms)[:5]
    rows = [
        row(
            link(view.node_refs.get(node, ""), view.graph.nodes[node].name),
            ms(step.total_ms),
            f"{step.share:.0%}",
            count_of(step.calls, "call"),
        )
        for node, step in steps
    ]
    return small_table(*rows)


def _path_row(view: RunView, part: PathPart) -> str:
    ref = view.attempt_ref(part.execution_id, part.number)
    return row(
        esc(clock((part.start_ns - view.run.start_ns) / 1e6, view.run.duration_ms)),
        f'<i class="swatch {part.kind.value}"></i>{esc(part.kind.value)}',
        link(ref, part.text),
        ms(part.duration_ms),
        attributes=f' data-ref="{esc(ref)}"',
    )
