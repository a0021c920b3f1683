"""The cards of the report: the run, its critical path, each step, each event, each attempt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from wftrace.analysis import path_ms, queue_reason, short_type
from wftrace.engine.graph import EventNode, StepNode
from wftrace.overlays import StepFacts
from wftrace.trace import Attempt, ErrorFacts, Run
from wftrace.units import count_of, format_count

from .html_run import RunView
from .html_words import block, esc, facts, line, link, ms, row, table

CHAIN_CAP = 40
LIST_CAP = 60

_CARETS = re.compile(r"^[ ~^]+\n", re.MULTILINE)
"""The marks below a line of source: they stand askew where lines are broken."""


def cards(view: RunView, links: Mapping[str, str]) -> Iterator[str]:
    """Every card of a run, the overview first."""
    yield _overview(view, links)
    yield _path_card(view)
    by_step: dict[str, list[Attempt]] = {}
    for attempt in view.run.attempts:
        by_step.setdefault(attempt.step, []).append(attempt)
    for step in view.graph.steps:
        yield _step_card(view, step, by_step.get(step.name, []))
    for event in view.graph.events:
        yield _event_card(view, event)
    for attempt in view.shown.values():
        yield _attempt_card(view, attempt, links)


def _card(ref: str, title: str, *parts: str) -> str:
    return f'<article class="card" id="{esc(ref)}" tabindex="-1"><h3>{title}</h3>{"".join(parts)}</article>'


def _section(title: str, body: str) -> str:
    return f"<h4>{esc(title)}</h4>{body}" if body else ""


def _overview(view: RunView, links: Mapping[str, str]) -> str:
    run, summary = view.run, view.summary
    failed = view.causes.attempts.get(run.failed_execution, ())
    times = facts(
        [
            ("lasted", ms(summary.duration_ms)),
            ("busy", ms(summary.busy_ms)),
            ("human", ms(summary.human_ms) if summary.human_ms else ""),
            ("attempts", f"{format_count(summary.attempts)} ({count_of(summary.retries, 'retry', 'retries')})"),
            ("failed in", link(view.attempt_ref(*failed[-1].key), run.failed_execution) if failed else ""),
            ("segments", str(len(run.segments)) if len(run.segments) > 1 else ""),
        ]
    )
    split = "".join(
        row(esc(kind.value), ms(total), _share(total, summary.duration_ms))
        for kind, total in path_ms(view.path).items()
    )
    where = f"<table class='small'><tbody>{split}</tbody></table>" if split else ""
    return _card(
        view.ref,
        f"{esc(summary.verdict)} · {line(run.workflow)}",
        _notes(view),
        _section("Error", _error(run.error)),
        _section("Time", times),
        _section(
            "Where the time went", where and f"{where}<p>{link(view.path_ref, 'the critical path')}, part by part</p>"
        ),
        _section("Busiest steps", _busiest(view)),
        _section("Input", block(run.input_value) if run.input_value else ""),
        _section("Result", block(run.output_value) if run.output_value else ""),
        _section("Ids", _run_ids(run) + _links(links, run.trace_id)),
    )


def _run_ids(run: Run) -> str:
    return facts(
        [
            ("run", line(run.run_id)),
            ("trace", line(run.trace_id)),
            ("flow", line(run.graph_hash)),
            ("part of", line(f"{run.parent_run_id} {run.parent_execution}")),
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
    return f"<table class='small'><tbody>{''.join(rows)}</tbody></table>" if rows else ""


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else ""


def _path_card(view: RunView) -> str:
    rows = []
    for part in view.path:
        start = (part.start_ns - view.run.start_ns) / 1e6
        ref = view.attempt_ref(part.execution_id, part.number)
        rows.append(
            row(
                f"{start:.1f}",
                f'<i class="swatch {part.kind.value}"></i>{esc(part.kind.value)}',
                link(ref, part.text),
                ms(part.duration_ms),
                attributes=f' data-ref="{esc(ref)}"',
            )
        )
    intro = "<p>The run's end, walked back through its causes to its start. Work beside this path did not delay it.</p>"
    body = (
        intro + table("Critical path", ("from", "kind", "what", "took"), rows, css="log")
        if rows
        else "<p>There is none.</p>"
    )
    return _card(view.path_ref, "Critical path", body)


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
    return _card(
        view.node_refs[step.id],
        f"step {line(step.name)}",
        f"<p>{line(step.doc, 600)}</p>" if step.doc else "",
        _section("In this run", figures if attempts else "<p>It did not run.</p>"),
        _section("As declared", policy),
        _section("Attempts", _attempt_list(view, attempts)),
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
    return f"<table class='small'><tbody>{''.join(rows)}</tbody></table>{note}" if rows else ""


def _event_card(view: RunView, event: EventNode) -> str:
    fields = "".join(row(f"<code>{line(each.name)}</code>", f"<code>{line(each.type)}</code>") for each in event.fields)
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
    return _card(
        view.node_refs[event.id],
        f"event {line(event.name)}",
        f"<p>{line(event.doc, 600)}</p>" if event.doc else "",
        about,
        _section("Fields", f"<table class='small'><tbody>{fields}</tbody></table>" if fields else ""),
    )


def _attempt_card(view: RunView, attempt: Attempt, links: Mapping[str, str]) -> str:
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
    return _card(
        view.attempt_ref(*attempt.key),
        title,
        _section("Time", _timing(view, attempt)),
        _section("Error", _error(attempt.error)),
        _section("Caused by", _chain(view, attempt)),
        _section("Attempts", _siblings(view, attempt)),
        _section("Joined", _joined(view, attempt)),
        _section("Input", block(attempt.input_value) if attempt.input_value else ""),
        _section("Output", block(attempt.output_value) if attempt.output_value else ""),
        _section("Emitted", _emitted(view, attempt)),
        _section("Ids", ids + _links(links, attempt.trace_id or view.run.trace_id, attempt.span_id)),
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
            ("step", link(view.step_ref(attempt.step), attempt.step)),
        ]
    )


def _error(error: ErrorFacts | None) -> str:
    if error is None:
        return ""
    text = _CARETS.sub("", error.stacktrace).strip() or f"{error.type}: {error.message}"
    head = f"<p class='bad'>✗ <b>{line(short_type(error.type))}</b> {line(error.message, 600)}</p>"
    return head + block(text, css="trouble")


def _chain(view: RunView, attempt: Attempt) -> str:
    """The causes of an attempt, back to the start, each a link."""
    items: list[str] = []
    seen: set[tuple[str, int]] = set()
    at = attempt
    while at.key not in seen and len(items) < CHAIN_CAP:
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
    return f"<ol class='chain'>{''.join(items)}</ol>" if items else ""


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


def _links(links: Mapping[str, str], trace: str, span: str = "") -> str:
    """Links to where the trace is stored."""
    if not trace:
        return ""
    ids = {"{trace_id}": quote(trace, safe=""), "{span_id}": quote(span, safe="")}
    items = []
    for name, pattern in links.items():
        address = pattern
        for mark, value in ids.items():
            address = address.replace(mark, value)
        items.append(f'<a href="{esc(address)}" rel="noreferrer">{line(name)} ↗</a>')
    return f"<p>open in {' · '.join(items)}</p>" if items else ""
