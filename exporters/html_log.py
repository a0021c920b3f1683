"""The tables of the report: the event log, the attempts, the edges."""

from __future__ import annotations

from collections.abc import Sequence

from wftrace.analysis import LogRow, critical_edges, queue_reason, short_type
from wftrace.analysis.log import CLOCK_WENT_BACK, WAIT_IS_OVER
from wftrace.overlays import HUMAN
from wftrace.units import count_of

from .html_cut import FIRST
from .html_run import RunView
from .html_words import clock, clock_head, esc, line, link, ms, row, table

_WHY_LATE = {
    WAIT_IS_OVER: "a wait is numbered when it is over",
    CLOCK_WENT_BACK: "the clock was set back, or differs between machines",
}


def log_html(view: RunView) -> str:
    """The event log, in the order in which things began."""
    rows = [_log_row(view, each) for each in view.shown_log]
    cut = len(view.log) - len(rows)
    note = _excerpt_note(count_of(cut, "row of the log is", "rows of the log are")) if cut else ""
    late = [each.late for each in view.log if each.late]
    if late:
        note += f'<p class="hint">{_late_note(late)}</p>'
    heads = (clock_head(view.run.duration_ms), "kind", "what happened", "took")
    return note + table(f"Event log of {view.run.workflow}", heads, rows, css="log")


def _late_note(late: Sequence[str]) -> str:
    why = ", or ".join(_WHY_LATE[each] for each in dict.fromkeys(late))
    return (
        f"⇅ marks {count_of(len(late), 'row')} with a later number in the trace than its place here: the log goes by "
        f"time, and {why}."
    )


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
                link(_cause_ref(view, attempt.cause), attempt.cause) if attempt.cause else "",
            )
        )
    cut = len(view.run.attempts) - len(rows)
    note = _excerpt_note(count_of(cut, "attempt is", "attempts are")) if cut else ""
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
    """What the search asks of each written log row, as ``assets/search.js`` names it."""
    return [
        [
            view.attempt_ref(each.execution_id, each.number),
            each.step,
            f"{each.status} {each.outcome}",
            each.kind,
            [short_type(kind) for kind in each.events],
            each.took_ms,
            round(each.ms, 3),
            each.queued_ms,
            each.number,
            each.worker,
        ]
        for each in view.shown_log
    ]


def _log_row(view: RunView, each: LogRow) -> str:
    ref = view.attempt_ref(each.execution_id, each.number)
    css = " ".join(filter(None, ("bad" if each.status == "error" else "", f"k-{each.kind}")))
    took = ms(each.took_ms) if each.took_ms is not None else ""
    kind = f"{'✗ ' if each.kind == 'error' else ''}{each.kind}"
    mark = f' <abbr class="late" title="number {each.seq} in the trace: {esc(each.late)}">⇅</abbr>' if each.late else ""
    time = clock(each.ms, view.run.duration_ms)
    return row(time, esc(kind), link(ref, each.text) + mark, took, attributes=f' class="{css}" data-ref="{esc(ref)}"')


def _excerpt_note(what: str) -> str:
    return (
        f'<p class="note excerpt">{what} not written out here: it has the first {FIRST}, and {FIRST} of those that '
        "failed or took the longest. With scripts on the page shows them all.</p>"
    )


def _cause_ref(view: RunView, execution: str) -> str:
    attempts = view.causes.attempts.get(execution, ())
    return view.attempt_ref(*attempts[-1].key) if attempts else ""


def _node_name(view: RunView, node: str) -> str:
    if node == HUMAN:
        return "☺ human"
    found = view.graph.nodes.get(node)
    return found.name if found else node
