"""The tables of the report: the event log, the attempts, the edges."""

from __future__ import annotations

from wftrace.analysis import LogRow, critical_edges, queue_reason, short_type
from wftrace.overlays import HUMAN
from wftrace.units import count_of, format_count

from .html_run import ROWS_CAP, RunView
from .html_words import esc, line, link, ms, row, table


def log_html(view: RunView) -> str:
    """The event log, in the order in which things began."""
    rows = [_log_row(view, each) for each in view.shown_log]
    cut = len(view.log) - len(rows)
    note = _cut_note(count_of(cut, "row of the log is", "rows of the log are")) if cut else ""
    return note + table(f"Event log of {view.run.workflow}", ("time", "kind", "what happened", "took"), rows, css="log")


def attempts_html(view: RunView) -> str:
    """Every attempt: the timeline as a table."""
    rows = []
    for attempt in view.shown.values():
        ref = view.attempt_ref(*attempt.key)
        reason = queue_reason(attempt, view.workers, view.graph)
        queued = ms(attempt.queue_wait_ms) + (f" ({esc(reason)})" if reason else "")
        rows.append(
            row(
                link(ref, attempt.execution_id),
                esc(attempt.number),
                line(attempt.step),
                esc(attempt.worker),
                ms((attempt.start_ns - view.run.start_ns) / 1e6),
                queued,
                ms(attempt.duration_ms),
                esc(attempt.outcome.replace("_", " ")),
                attempt.cause and link(_cause_ref(view, attempt.cause), attempt.cause),
            )
        )
    cut = len(view.run.attempts) - len(rows)
    note = _cut_note(count_of(cut, "attempt is", "attempts are")) if cut else ""
    heads = ("execution", "attempt", "step", "worker", "start", "queued", "ran", "outcome", "caused by")
    return note + table(f"Attempts of {view.run.workflow}", heads, rows)


def edges_html(view: RunView) -> str:
    """Every edge of the graph with how often it was taken: the picture as a table."""
    critical = critical_edges(view.path)
    keys = dict.fromkeys([*(edge.key for edge in view.graph.edges), *view.overlay.edges])
    known = {edge.key: edge for edge in view.graph.edges}
    rows = []
    for key in keys:
        edge = known.get(key)
        how = "undeclared" if key in view.overlay.undeclared and HUMAN not in key else ""
        how = how or (f"{edge.kind.value}, {edge.provenance.value}" if edge else "through a human")
        taken = view.overlay.edges.get(key, 0)
        source, target = (link(view.node_refs.get(node, ""), _node_name(view, node)) for node in key)
        on_path = "yes" if key in critical else ""
        rows.append(row(source, target, f"{taken}×" if taken else "not taken", esc(how), on_path))
    heads = ("from", "to", "taken", "known from", "on the critical path")
    return table(f"Edges of {view.run.workflow}", heads, rows)


def log_facets(view: RunView) -> list[list[object]]:
    """What the search asks of each written log row: anchor, step, status, event types, milliseconds."""
    return [
        [
            view.attempt_ref(each.execution_id, each.number),
            each.step,
            each.status if each.kind != "retry" else f"{each.status} retry",
            [short_type(kind) for kind in each.events],
            each.took_ms,
        ]
        for each in view.shown_log
    ]


def _log_row(view: RunView, each: LogRow) -> str:
    ref = view.attempt_ref(each.execution_id, each.number)
    css = " ".join(filter(None, ("bad" if each.status == "error" else "", f"k-{each.kind}")))
    took = ms(each.took_ms) if each.took_ms is not None else ""
    kind = f"{'✗ ' if each.kind == 'error' else ''}{each.kind}"
    return row(
        f"{each.ms:.1f}", esc(kind), link(ref, each.text), took, attributes=f' class="{css}" data-ref="{esc(ref)}"'
    )


def _cut_note(what: str) -> str:
    return (
        f'<p class="note">{what} not in this page: it holds the first {format_count(ROWS_CAP)}, every error and the '
        "critical path. The trace file has them all.</p>"
    )


def _cause_ref(view: RunView, execution: str) -> str:
    attempts = view.causes.attempts.get(execution, ())
    return view.attempt_ref(*attempts[-1].key) if attempts else ""


def _node_name(view: RunView, node: str) -> str:
    if node == HUMAN:
        return "☺ human"
    found = view.graph.nodes.get(node)
    return found.name if found else node
