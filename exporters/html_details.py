"""The cards of the report: the run and its critical path, each step, each event, each attempt."""

from __future__ import annotations

from collections.abc import Iterator

from wftrace.analysis import queue_reason, short_type
from wftrace.engine.graph import EventNode, StepNode
from wftrace.overlays import StepFacts
from wftrace.trace import Attempt
from wftrace.units import count_of, format_count

from .html_links import links_html
from .html_run import RunView
from .html_run_card import error_html, inner_runs_html, path_card, run_card
from .html_words import block, card, esc, facts, line, link, ms, row, section, small_table

CHAIN_CAP = 40
CHAINS_CAP = 6_000
"""How many links of chains a run may have: with many attempts each chain is shorter."""

LIST_CAP = 60


def cards(view: RunView) -> Iterator[str]:
    """Every card of a run, the overview first."""
    yield run_card(view)
    yield path_card(view)
    by_step: dict[str, list[Attempt]] = {}
    for attempt in view.run.attempts:
        by_step.setdefault(attempt.step, []).append(attempt)
    for step in view.graph.steps:
        yield _step_card(view, step, by_step.get(step.name, []))
    for event in view.graph.events:
        yield _event_card(view, event)
    for attempt in view.shown.values():
        yield _attempt_card(view, attempt)


def _step_card(view: RunView, step: StepNode, attempts: list[Attempt]) -> str:
    did = view.overlay.steps.get(step.id, StepFacts())
    figures = facts(
        [
            ("calls", f"{format_count(did.calls)} of {count_of(did.executions, 'execution')}"),
            ("failed", f"✗ {did.failed}" if did.failed else ""),
            ("retried", f"↻ {did.retried}" if did.retried else ""),
            ("run time", f"p50 {ms(did.p50_ms)} · p95 {ms(did.p95_ms)} · in all {ms(did.total_ms)} ({did.share:.0%})"),
            ("queued", f"{ms(did.queued_ms)} in all, at most {ms(did.queued_max_ms)}" if did.queued_ms else ""),
        ]
    )
    joins = ", ".join(f"{short_type(join.event)}{f' × {join.count}' if join.count else ''}" for join in step.joins)
    policy = facts(
        [
            ("workers", str(step.num_workers)),
            ("retry", line(step.retry)),
            ("timeout", f"{step.timeout:g} s" if step.timeout else ""),
            ("joins", line(joins)),
            ("resources", line(", ".join(f"{each.name}: {each.type}" for each in step.resources))),
            ("source", line(f"{step.file}:{step.line}") if step.file else ""),
            ("takes", _nodes(view, [edge.source for edge in view.graph.incoming[step.id]])),
            ("makes", _nodes(view, [edge.target for edge in view.graph.outgoing[step.id]])),
        ]
    )
    return card(
        view.node_refs[step.id],
        f"step {line(step.name)}",
        f"<p>{line(step.doc, 600)}</p>" if step.doc else "",
        section("In this run", figures if attempts else "<p>It did not run.</p>"),
        section("As declared", policy),
        section("Attempts", _attempt_list(view, attempts)),
    )


def _attempt_list(view: RunView, attempts: list[Attempt]) -> str:
    shown = [attempt for attempt in attempts if view.attempt_ref(*attempt.key)]
    shown = sorted(shown, key=lambda each: each.error is None)[:LIST_CAP] if len(shown) > LIST_CAP else shown
    rows = [
        row(
            link(view.attempt_ref(*each.key), f"{each.execution_id} attempt {each.number}"),
            f"{'✗ ' if each.error else ''}{esc(each.outcome.replace('_', ' '))}",
            ms(each.duration_ms),
        )
        for each in shown
    ]
    more = len(attempts) - len(shown)
    note = f'<p class="note">and {format_count(more)} more</p>' if more else ""
    return small_table(*rows) + note if rows else ""


def _event_card(view: RunView, event: EventNode) -> str:
    fields = [row(f"<code>{line(each.name)}</code>", f"<code>{line(each.type)}</code>") for each in event.fields]
    about = facts(
        [
            ("made", f"{format_count(view.overlay.events.get(event.id, 0))}×"),
            ("kind", esc(event.kind.value.replace("_", " "))),
            ("made by", _nodes(view, [edge.source for edge in view.graph.incoming[event.id]])),
            ("taken by", _nodes(view, [edge.target for edge in view.graph.outgoing[event.id]])),
            ("class", f"<code>{line(event.type)}</code>"),
            ("source", line(f"{event.file}:{event.line}") if event.file else ""),
        ]
    )
    return card(
        view.node_refs[event.id],
        f"event {line(event.name)}",
        f"<p>{line(event.doc, 600)}</p>" if event.doc else "",
        about,
        section("Fields", small_table(*fields)),
    )


def _attempt_card(view: RunView, attempt: Attempt) -> str:
    state = "✗ " if attempt.error else ""
    total = len(view.causes.attempts[attempt.execution_id])
    title = f"{line(attempt.execution_id)} <small>{state}attempt {attempt.number} of {total}</small>"
    ids = facts(
        [
            ("execution", line(attempt.execution_id)),
            ("trace", line(attempt.trace_id or view.run.trace_id)),
            ("span", line(attempt.span_id)),
        ]
    )
    return card(
        view.attempt_ref(*attempt.key),
        title,
        section("Time", _timing(view, attempt)),
        section("Error", error_html(attempt.error)),
        section("Started", inner_runs_html(view, view.inner_runs(*attempt.key))),
        section("Caused by", _chain(view, attempt)),
        section("Attempts", _siblings(view, attempt)),
        section("Joined", _joined(view, attempt)),
        section("Input", block(attempt.input_value) if attempt.input_value else ""),
        section("Output", block(attempt.output_value) if attempt.output_value else ""),
        section("Emitted", _emitted(view, attempt)),
        section("Ids", ids + links_html(view.pages, attempt.trace_id or view.run.trace_id, attempt.span_id)),
    )


def _timing(view: RunView, attempt: Attempt) -> str:
    reason = queue_reason(attempt, view.workers, view.graph)
    return facts(
        [
            ("started", f"after {ms((attempt.start_ns - view.run.start_ns) / 1e6)}"),
            ("queued", ms(attempt.queue_wait_ms) + (f" ({esc(reason)})" if reason else "")),
            ("ran", f"{ms(attempt.duration_ms)} · worker {attempt.worker}"),
            ("join took", ms(attempt.collect_wait_ms) if attempt.collect_wait_ms is not None else ""),
            ("outcome", esc(attempt.outcome.replace("_", " "))),
            ("segment", str(attempt.segment) if len(view.run.segments) > 1 else ""),
            ("step", link(view.step_ref(attempt.step), attempt.step)),
        ]
    )


def _chain(view: RunView, attempt: Attempt) -> str:
    """The causes of an attempt, back to the start, each a link."""
    items: list[str] = []
    seen: set[tuple[str, int]] = set()
    at = attempt
    cap = max(6, min(CHAIN_CAP, CHAINS_CAP // len(view.shown)))
    while at.key not in seen and len(items) < cap:
        seen.add(at.key)
        event, execution = view.causes.last_input(at)
        made = view.causes.emission.get(event)
        kind = short_type(made.type) if made else short_type(next(iter(at.input_types), "an event"))
        if made is not None and made.mode == "outside":
            items.append(f"<li>{line(kind)} from outside</li>")
            wait = view.causes.human.get(event)
            cause = view.causes.emitter(wait.events[0]) if wait else None
        else:
            cause = view.causes.emitter(event, execution)
        if cause is None:
            if made is None or made.mode != "outside":
                items.append(f"<li>{line(kind)} · the start</li>")
            break
        items.append(f"<li>{line(kind)} ← {link(view.attempt_ref(*cause.key), cause.execution_id)}</li>")
        at = cause
    more = "<p>and so on, back to the start</p>" if len(items) == cap else ""
    return f"<ol class='chain'>{''.join(items)}</ol>{more}" if items else ""


def _siblings(view: RunView, attempt: Attempt) -> str:
    attempts = view.causes.attempts[attempt.execution_id]
    if len(attempts) < 2:
        return ""
    items = []
    for each in attempts:
        after = f", then a wait of {ms(each.retry_delay_ms)}" if each.retry_delay_ms is not None else ""
        name = f"attempt {each.number}"
        text = f"<b>{name}</b>" if each is attempt else link(view.attempt_ref(*each.key), name)
        result = f"✗ {line(short_type(each.error.type))}" if each.error else f"✓ {esc(each.outcome)}"
        items.append(f"<li>{text} · {result} · {ms(each.duration_ms)}{after}</li>")
    return f"<ul>{''.join(items)}</ul>"


def _joined(view: RunView, attempt: Attempt) -> str:
    makers = [(event, view.causes.emitter(event)) for event in attempt.joined[:LIST_CAP]]
    items = [
        link(view.attempt_ref(*maker.key), maker.execution_id) if maker else line(event) for event, maker in makers
    ]
    more = f" and {format_count(len(attempt.joined) - LIST_CAP)} more" if len(attempt.joined) > LIST_CAP else ""
    return f"<p>⋈ {', '.join(items)}{more}</p>" if items else ""


def _emitted(view: RunView, attempt: Attempt) -> str:
    items = []
    for event, kind in list(zip(attempt.outputs, attempt.output_types, strict=False))[:LIST_CAP]:
        takers = [link(view.attempt_ref(*each.key), each.execution_id) for each in view.causes.consumers.get(event, ())]
        made = view.causes.emission.get(event)
        fate = (
            "" if takers or made is None or made.delivered == "delivered" else f" · {made.delivered.replace('_', ' ')}"
        )
        items.append(f"<li>{line(short_type(kind))}{' → ' + ', '.join(takers[:8]) if takers else ''}{esc(fate)}</li>")
    items += [f"<li>≋ {line(short_type(kind))} ×{count} to the stream</li>" for kind, count in attempt.streamed.items()]
    return f"<ul>{''.join(items)}</ul>" if items else "<p>nothing</p>"


def _nodes(view: RunView, nodes: list[str]) -> str:
    return ", ".join(link(view.node_refs.get(node, ""), view.graph.nodes[node].name) for node in dict.fromkeys(nodes))
