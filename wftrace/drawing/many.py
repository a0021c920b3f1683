"""Many runs over the picture of all possible flows: counts, times, failures, and what no run did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import sqrt

from wftrace.engine.graph import FlowGraph
from wftrace.many import Aggregate, StepFigures
from wftrace.many.coverage import shown_percent
from wftrace.overlays import EdgeKey, StepFacts
from wftrace.units import count_of, format_count, format_ms

from .caption import Caption
from .chart import ChartNode, Link, LinkKind, NodeKind, chart_of
from .coat import Coat
from .compose import compose_chart
from .content import PAD_X, Row, Span, measured_rows, node_size, trouble_spans
from .facts import Facts, together
from .geometry import Box
from .heat import Heat, heat_of
from .layout import Direction
from .legend import Entry
from .lines import head_points
from .marks import place_pill, place_rows
from .metrics import fit_text, text_width
from .page import Options
from .scene import SIZES, Line, Node, Role, Scene, Text
from .seen import Seen
from .view import View, looked_at

_LABEL_PAD = 5.0
_IDLE_WIDTH = 1.2
_HOLE_WIDTH = 1.6
_MOST_WIDTH = 7.0
_FREE = (LinkKind.ENTERS, LinkKind.ASKS, LinkKind.ANSWERS)
_KEPT = frozenset({"declared", "inferred", "observed", "undeclared", "aside"})


def compose_aggregate(aggregate: Aggregate, options: Options | None = None, *, view: View | None = None) -> Scene:
    """The scene of many runs. Everything stands where it stands in the scene of all possible flows."""
    options = options or Options()
    return compose_coated(aggregate.graph, AggregateCoat(aggregate, options), options, view or View())


def compose_coated(graph: FlowGraph, coat: Coat, options: Options, view: View) -> Scene:
    """The scene of all possible flows under a coat."""
    keys = tuple(coat.observed)
    chart = looked_at(chart_of(graph, keys), view, Seen(dict.fromkeys(keys, 1)))
    return compose_chart(chart, graph, Facts(), options, view, coat)


@dataclass(frozen=True)
class AggregateCoat:
    """What many runs did to nodes and lines."""

    aggregate: Aggregate
    options: Options = field(default_factory=Options)

    @property
    def caption(self) -> Caption:
        """Title, notes and legend."""
        whole = self.aggregate
        words = [count_of(whole.runs, "run"), f"{whole.taken} of {len(whole.possible)} edges taken{self._percent}"]
        if whole.runs > whole.good:
            words.append(f"{format_count(whole.runs - whole.good)} not completed")
        words.append(count_of(len(whole.variants), "variant"))
        notes = list(whole.notes)
        if whole.undeclared:
            number = count_of(len(whole.undeclared), "edge is", "edges are")
            notes.append(f"! {number} not in the graph of the flow, but in the traces")
        return Caption("aggregate", " · ".join(words), tuple(notes), _ENTRIES, self._heat.words)

    @property
    def observed(self) -> Iterable[EdgeKey]:
        """The edges that were taken."""
        return self.aggregate.edges

    @property
    def _percent(self) -> str:
        possible = len(self.aggregate.possible)
        return f" ({shown_percent(100 * self.aggregate.taken / possible)} %)" if possible else ""

    @cached_property
    def _heat(self) -> Heat:
        return heat_of(self.options.color_by, [_facts(each) for each in self.aggregate.steps.values()])

    @cached_property
    def _counts(self) -> Seen:
        return Seen({key: figures.count for key, figures in self.aggregate.edges.items()})

    @cached_property
    def _runs(self) -> Seen:
        return Seen({key: figures.runs for key, figures in self.aggregate.edges.items()})

    def line(self, line: Line, link: Link, room: Box | None, direction: Direction) -> Line:
        """A line as heavy as it was taken often in a run; one that was never taken is a hole."""
        count = sum(self._counts.count(part) for part in link.parts)
        runs = min(self.aggregate.runs, max((self._runs.count(part) for part in link.parts), default=0))
        state = _taken_state(count, link)
        width = _width(count, self.aggregate.runs) if count else _HOLE_WIDTH if state == "hole" else _IDLE_WIDTH
        states = (*(each for each in line.states if each in _KEPT), state)
        words = with_events(self._label(count, runs, link, state), line, link)
        part = f"{count_of(runs, 'run')} of {format_count(self.aggregate.runs)}"
        told = f"taken {format_count(count)} ×, in {part}" if count else "taken in no run"
        return replace(
            line,
            states=states,
            width=width,
            head_points=head_points(line.path, width, line.head),
            count=count,
            label=place_label(words, room, direction, width) if words and room else None,
            tooltip=f"{line.tooltip}, {told}",
        )

    def _label(self, count: int, runs: int, link: Link, state: str) -> tuple[str, Role] | None:
        if not count:
            return ("never taken", "label") if state == "hole" else None
        sign = "! " if link.undeclared else ""
        if runs < self.aggregate.runs:
            return f"{sign}{short_count(count)} · {shown_percent(100 * runs / self.aggregate.runs)} %", "label"
        return f"{sign}×{short_count(count)}", "count"

    def node(self, node: Node, of: ChartNode, touching: Sequence[Line]) -> Node:
        """A node with its figures; one that no run got to is a hole."""
        facts, figures = self._facts(of)
        seen = bool(facts) or any(line.count for line in touching) or self._made(of) > 0
        rows = self._rows(replace(of, note="") if seen else of, facts, figures)
        trouble = _trouble(facts) if facts else ()
        tone = "failed" if facts and not facts.recovered else "recovered"
        said = [span.text for row in rows for span in row.spans if span.role == "measure"]
        told = self._told(of, figures)
        return replace(
            node,
            states=self._states(node, of, seen, facts),
            marks=place_rows(rows, node.box),
            pill=place_pill(trouble, node.box, tone, touching) if trouble else None,
            heat=self._heat.of(facts),
            details=(*node.details, *said, *(span.text for span in trouble if span.text)),
            tooltip="\n".join(text for text in (node.tooltip, told) if text),
            spoken=", ".join(text for text in (node.spoken, told or ("taken part" if seen else "in no run")) if text),
        )

    def _facts(self, of: ChartNode) -> tuple[StepFacts | None, StepFigures | None]:
        """What the step, or the steps of a box together, did."""
        if of.kind not in (NodeKind.STEP, NodeKind.FOLDED):
            return None, None
        ids = [of.id] if of.step is not None else of.members
        found = [self.aggregate.steps[each] for each in ids if each in self.aggregate.steps]
        whole = together([_facts(each) for each in found])
        return whole, found[0] if len(found) == 1 else None

    def _made(self, of: ChartNode) -> int:
        return sum(self.aggregate.events.get(each, 0) for each in (of.id, *of.members))

    def _rows(self, of: ChartNode, facts: StepFacts | None, figures: StepFigures | None) -> tuple[Row, ...]:
        if of.kind is NodeKind.HUMAN and self.aggregate.human.count:
            human = self.aggregate.human
            words = f"p50 {format_ms(human.p50_ms)} · p95 {format_ms(human.p95_ms)}"
            return (*measured_rows(of, None, 0.0), measure_row(words, of))
        rows = measured_rows(of, facts, 0.0)
        if facts is None or of.step is None or of.brief:
            return rows
        head = [row for row in rows if not (row.spans and row.spans[0].role == "measure")]
        return (*head, *(measure_row(text, of) for text in self._measures(facts, figures)))

    def _measures(self, facts: StepFacts, figures: StepFigures | None) -> Iterable[str]:
        yield f"{short_count(facts.calls)} {'call' if facts.calls == 1 else 'calls'} · p50 {format_ms(facts.p50_ms)}"
        words = [f"p95 {format_ms(facts.p95_ms)}"]
        each = facts.calls / self.aggregate.runs
        if figures is not None and figures.queue.p95_ms >= 0.05 and figures.queue.p95_ms >= 0.1 * facts.p95_ms:
            words.append(f"queue {format_ms(figures.queue.p95_ms)}")
        elif each != 1:
            words.append(f"{short_mean(each)} a run")
        yield " · ".join(words)

    def _states(self, node: Node, of: ChartNode, seen: bool, facts: StepFacts | None) -> tuple[str, ...]:
        kept = [each for each in node.states if each in _KEPT]
        if not seen:
            dead = "unreachable" in node.states or of.kind in (NodeKind.HUMAN, NodeKind.OUTSIDE, NodeKind.ANY)
            return (*kept, "idle", *(["unreachable"] if of.note else [])) if dead else (*kept, "hole")
        trouble = ["hurt" if not facts.recovered else "recovered"] if facts and facts.failed else []
        return (*kept, "executed", *trouble)

    def _told(self, of: ChartNode, figures: StepFigures | None) -> str:
        if of.kind is NodeKind.HUMAN and self.aggregate.human.count:
            human = self.aggregate.human
            part = f"{self.aggregate.human_share:.0%} of all wall time"
            return f"{count_of(human.count, 'answer')}, waited p50 {format_ms(human.p50_ms)}, {part}"
        if figures is None:
            return ""
        words = [
            f"{count_of(figures.calls, 'call')} in {count_of(figures.runs, 'run')}",
            f"p50 {format_ms(figures.time.p50_ms)}, p95 {format_ms(figures.time.p95_ms)}",
            f"queued p95 {format_ms(figures.queue.p95_ms)}",
            f"{figures.share:.0%} of all step time",
        ]
        if figures.failed:
            words.append(f"{figures.failed} failed, {figures.retried} retried, {figures.lost} failed for good")
        return ", ".join(words)


def with_events(words: tuple[str, Role] | None, line: Line, link: Link) -> tuple[str, Role] | None:
    """A label behind the names of the events that are folded into a link."""
    if not link.events or line.label is None:
        return words
    return (f"{line.label.text} {words[0]}" if words else line.label.text), "label"


def place_label(shown: tuple[str, Role], room: Box, direction: Direction, line_width: float) -> Text:
    """A label in its room: beside the line in a picture from top to bottom, over its middle in one to the right."""
    text, role = shown
    size, bold = SIZES[role]
    width = text_width(text, size, bold=bold)
    if direction == "TB":
        x = room.left + _LABEL_PAD + line_width / 2
        return Text(round(x, 2), round(room.y + size * 0.355, 2), text, role, width)
    return Text(room.x, round(room.y + size * 0.3 - line_width / 2, 2), text, role, width, "middle")


def short_count(number: int) -> str:
    """A count in few letters.

    >>> [short_count(number).replace("\\xa0", " ") for number in (999, 12345, 123456, 7_650_000)]
    ['999', '12 345', '123 k', '7.7 M']
    """
    if number < 100_000:
        return format_count(number)
    return f"{number / 1000:.0f}\u00a0k" if number < 1_000_000 else f"{number / 1e6:.1f}\u00a0M"


def short_mean(number: float) -> str:
    """A mean in few letters.

    >>> short_mean(2.625), short_mean(5.0), short_mean(0.04), short_mean(1234.5)
    ('2.6', '5', '0.04', '1234')
    """
    if number >= 100 or number == round(number):
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 0.95 else f"{number:.2g}"


def measure_row(text: str, of: ChartNode) -> Row:
    """A measure as a row that fits into the node's box."""
    middle = of.kind is NodeKind.HUMAN
    room = node_size(of)[0] - (0 if middle else 2 * PAD_X)
    return Row((Span(fit_text(text, room, SIZES["measure"][0]), "measure"),), align="middle" if middle else "start")


def _taken_state(count: int, link: Link) -> str:
    if count:
        return "executed"
    return "idle" if link.unreachable or link.kind in _FREE else "hole"


def _width(count: int, runs: int) -> float:
    return round(min(1.4 + sqrt(count / max(1, runs)), _MOST_WIDTH), 2)


def _facts(figures: StepFigures) -> StepFacts:
    """The figures as a picture of one run has them."""
    return StepFacts(
        calls=figures.calls,
        executions=figures.executions,
        failed=figures.failed,
        retried=figures.retried,
        cancelled=figures.cancelled,
        timed_out=figures.timed_out,
        unfinished=figures.unfinished,
        total_ms=figures.time.total_ms,
        p50_ms=figures.time.p50_ms,
        p95_ms=figures.time.p95_ms,
        queued_ms=figures.queue.total_ms,
        queued_max_ms=figures.queue.most_ms,
        share=figures.share,
        recovered=not figures.lost,
    )


def _trouble(facts: StepFacts) -> tuple[Span, ...]:
    """What went wrong; failures as their part of all calls."""
    spans = trouble_spans(facts)
    if not facts.failed:
        return spans
    return (replace(spans[0], text=f"{shown_percent(100 * facts.failed / facts.calls)} % failed"), *spans[1:])


def line_with(*states: str) -> Callable[[tuple[Sequence[Node], Sequence[Line]]], bool]:
    """Whether a picture has a line in one of the states."""
    return lambda content: any(state in line.states for line in content[1] for state in states)


def node_with(*states: str) -> Callable[[tuple[Sequence[Node], Sequence[Line]]], bool]:
    """Whether a picture has a node in one of the states."""
    return lambda content: any(state in node.states for node in content[0] for state in states)


_ENTRIES = (
    Entry("line executed", "taken; n · % of the runs that took it", line_with("executed")),
    Entry("line hole", "taken in no run", lambda content: line_with("hole")(content) or node_with("hole")(content)),
    Entry("line idle", "no run can take it", line_with("idle")),
    Entry("heat", "", lambda content: any(node.heat for node in content[0])),
    Entry("node recovered", "failed, then recovered", node_with("recovered")),
    Entry("node hurt", "failed for good", node_with("hurt")),
    Entry("line undeclared", "! in the traces only", line_with("undeclared")),
)
