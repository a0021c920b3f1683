"""What a node says in words: as a tooltip, and to a screen reader."""

from __future__ import annotations

from wftrace.engine.graph import EventNode, StepNode
from wftrace.overlays import StepFacts
from wftrace.units import count_of, format_ms

from .chart import ChartNode, NodeKind
from .names import clipped, one_line

_KINDS = {
    NodeKind.STEP: "step",
    NodeKind.EVENT: "event",
    NodeKind.START: "start event",
    NodeKind.STOP: "stop event",
    NodeKind.REQUEST: "request event",
    NodeKind.ANSWER: "answer event",
    NodeKind.STREAM: "streamed event",
    NodeKind.HUMAN: "human or caller",
    NodeKind.OUTSIDE: "from outside",
    NodeKind.ANY: "failures of",
    NodeKind.FOLDED: "folded steps",
    NodeKind.NESTED: "nested workflow",
    NodeKind.MORE: "left out here:",
}
_MOST_FIELDS = 12
_DOC_LENGTH = 300


def node_tooltip(node: ChartNode, facts: StepFacts | None) -> str:
    """What is shown when the pointer rests on a node: one fact a line."""
    if node.step is not None:
        lines = _step_lines(node.step)
    elif node.event is not None:
        lines = _event_lines(node.event)
    elif node.facts or node.members:
        lines = _box_lines(node)
    else:
        lines = ["whoever answers requests and sends events from outside"]
    if facts is not None and facts.calls:
        lines.append(f"{_calls(facts)}, {facts.share:.0%} of all step time")
    if node.note:
        lines.append(node.note)
    return "\n".join(line for line in lines if line)


def describe_node(node: ChartNode, facts: StepFacts | None, seen: bool | None, waited_ms: float) -> str:
    """A node in a sentence's worth of words; ``seen`` is None where no run is looked at."""
    words = [f"{_KINDS[node.kind]} {node.label}".strip()]
    if facts is not None and facts.calls:
        words.append(_calls(facts))
    elif seen is not None:
        words.append("executed" if seen else "not reached")
    if waited_ms:
        words.append(f"waited {format_ms(waited_ms)}")
    if node.note and not seen:
        words.append(node.note)
    return ", ".join(words)


def _calls(facts: StepFacts) -> str:
    words = [count_of(facts.calls, "call")]
    counts = (
        (facts.failed, "failed"),
        (facts.retried, "retried"),
        (facts.timed_out, "timed out"),
        (facts.cancelled, "cancelled"),
        (facts.unfinished, "unfinished"),
    )
    words += [f"{number} {word}" for number, word in counts if number]
    words += [f"p50 {format_ms(facts.p50_ms)}", f"p95 {format_ms(facts.p95_ms)}"]
    if facts.queued_ms:
        words.append(f"queued {format_ms(facts.queued_ms)}")
    return ", ".join(words)


def _step_lines(step: StepNode) -> list[str]:
    policy = [count_of(step.num_workers, "worker")]
    if step.retry:
        policy.append(f"retry {one_line(step.retry)}")
    if step.timeout is not None:
        policy.append(f"timeout {format_ms(step.timeout * 1000)}")
    return [f"step {one_line(step.name)}", _doc(step.doc), ", ".join(policy), _place(step)]


def _event_lines(event: EventNode) -> list[str]:
    fields = [one_line(f"{item.name}: {item.type}") for item in event.fields[:_MOST_FIELDS]]
    if len(event.fields) > _MOST_FIELDS:
        fields.append(f"and {len(event.fields) - _MOST_FIELDS} more fields")
    return [one_line(event.type), _doc(event.doc), *fields, _place(event)]


def _box_lines(node: ChartNode) -> list[str]:
    inside = [one_line(text) for text in node.facts[: _MOST_FIELDS + 1]]
    if len(node.facts) > len(inside):
        inside.append(f"and {len(node.facts) - len(inside)} more")
    return [f"{_KINDS[node.kind]} {node.label}", *inside]


def _doc(text: str) -> str:
    return clipped(one_line(text.strip().partition("\n\n")[0]), _DOC_LENGTH)


def _place(node: StepNode | EventNode) -> str:
    if not node.file:
        return ""
    return one_line(f"{node.file}:{node.line}" if node.line else node.file)
