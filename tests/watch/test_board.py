"""The board: what is known of runs, however their spans come in, and within which bounds."""

from __future__ import annotations

import time
from dataclasses import replace

from tests.watch.conftest import Short, asking, spans_of, until
from wftrace.engine.graph import FlowGraph
from wftrace.trace import AttributeValue, Run, Span
from wftrace.watch.board import Board
from wftrace.watch.pushing import watching
from wftrace.watch.standing import standing


def test_a_run_is_under_way_until_its_own_span_is_there(board: Board) -> None:
    """In a file the span of the run comes last: before it there is no end."""
    *parts, root = spans_of(Short())
    board.add("a.jsonl", parts)
    assert [entry.under_way for entry in board.entries()] == [True]
    board.add("a.jsonl", [root])
    (entry,) = board.entries()
    assert (entry.outcome, entry.attempts, entry.workflow) == ("completed", 1, "Short")


def test_the_order_of_spans_does_not_matter(board: Board) -> None:
    """A run whose span came first has ended all the same."""
    board.add("a.jsonl", reversed(spans_of(Short())))
    assert [(entry.outcome, entry.attempts) for entry in board.entries()] == [("completed", 1)]


def test_a_run_without_its_span_is_drawn_on_the_graph_of_an_earlier_one(board: Board) -> None:
    """The graph stands in the last span; the flow's runs before have brought it."""
    board.add("a.jsonl", spans_of(Short()))
    first = board.find(board.entries()[0].number)
    assert first is not None
    board.run(first, 0)
    board.add("a.jsonl", spans_of(Short())[:-1])
    entry = board.find(board.entries()[0].number)
    assert entry is not None
    run, graph = board.run(entry, 0)
    assert run is not None
    assert (run.outcome, run.graph, graph and graph.name) == ("running", None, "Short")


def test_one_run_in_two_files_is_two_entries(board: Board) -> None:
    """A copy of a trace doubles no figures."""
    spans = spans_of(Short())
    board.add("a.jsonl", spans)
    board.add("b.jsonl", spans)
    assert [entry.attempts for entry in board.entries()] == [1, 1]


def test_of_too_many_runs_the_ended_ones_go_first() -> None:
    """A run under way is not forgotten for the sake of one that has ended."""
    board = Board(runs=2)
    board.add("a.jsonl", spans_of(Short())[:-1])
    for _ in range(3):
        board.add("a.jsonl", spans_of(Short()))
    assert sorted(entry.outcome for entry in board.entries()) == ["completed", "running"]


def test_the_spans_of_a_run_are_bounded_and_the_rest_is_counted() -> None:
    """The end of a run is heard even when there is no room for its spans."""
    board = Board(spans_of_run=2)
    spans = spans_of(Short())
    board.add("a.jsonl", spans)
    (entry,) = board.entries()
    assert (entry.outcome, entry.left_out) == ("completed", len(spans) - 3)


def test_all_spans_together_are_bounded() -> None:
    """Old runs make room for new ones."""
    spans = spans_of(Short())
    board = Board(spans=2 * len(spans))
    for number in range(5):
        board.add("a.jsonl", [_of_run(span, f"run-{number}") for span in spans])
    assert sorted(entry.run_id for entry in board.entries()) == ["run-3", "run-4"]


def test_spans_of_others_are_passed_over(board: Board) -> None:
    """A trace may hold anything."""
    board.add("a.jsonl", [Span("GET /", "1" * 32, "2" * 16, "", 0, 1)])
    assert board.entries() == []


def test_a_run_of_this_process_shows_what_is_at_work_and_asked() -> None:
    """A question that is open is told as such, with the step that asked."""
    with watching() as page, asking() as answer:
        board = page.board
        (entry,) = until(board.entries)
        found = until(lambda: _standing(board, entry.number))
        assert [(each.kind, each.what, each.step) for each in found] == [("asked", "Question", "ask")]
        answer("yes")
        until(lambda: not board.entries()[0].under_way)
        assert board.entries()[0].outcome == "completed"


def test_an_event_that_no_worker_has_begun_with_is_queued(board: Board) -> None:
    """In a file the start event is known before anything has ended."""
    spans = spans_of(Short())
    run, _ = _run(board, "a.jsonl", spans)
    started = [span for span in spans if "wftrace.event.id" in span.attributes][:1]
    begun, graph = _run(board, "b.jsonl", started)
    assert run is not None
    assert begun is not None
    assert [(each.kind, each.what, each.count) for each in standing(begun, graph)] == [("queued", "only", 1)]


def test_an_attempt_that_failed_and_has_not_begun_again_backs_off(board: Board) -> None:
    """A retry that is to come is told with its execution."""
    spans = [replace(span, attributes=_retrying(span)) for span in spans_of(Short())]
    run, graph = _run(board, "a.jsonl", spans)
    assert run is not None
    assert [(each.kind, each.what) for each in standing(run, graph)] == [("back-off", "only#1")]


def test_an_attempt_whose_back_off_is_over_is_at_work_again(board: Board) -> None:
    """A file tells the end of the back-off before it tells anything of the next attempt."""
    spans = [replace(span, attributes=_retrying(span)) for span in spans_of(Short())]
    known = next(span.attributes for span in spans if "wftrace.attempt" in span.attributes)
    waited = {name: known[name] for name in ("wftrace.run.id", "wftrace.workflow.name", "wftrace.execution.id")}
    waited |= {"wftrace.wait.kind": "retry", "wftrace.outcome": "completed", "wftrace.seq": 99}
    over = Span("wait retry", "1" * 32, "f" * 16, "", spans[0].start_ns, spans[0].end_ns, waited)
    run, graph = _run(board, "a.jsonl", [*spans, over])
    assert run is not None
    assert [(each.kind, each.what) for each in standing(run, graph)] == [("at work", "only#1")]


def test_a_flow_that_does_not_ask_waits_for_nothing(board: Board) -> None:
    """An ended run has nothing open."""
    board.add("a.jsonl", spans_of(Short()))
    assert _standing(board, board.entries()[0].number) == ()


def test_nothing_is_installed_when_the_page_is_closed() -> None:
    """Runs after the end are not followed."""
    with watching() as page:
        pass
    spans_of(Short())
    assert page.board.entries() == []


def _run(board: Board, source: str, spans: list[Span]) -> tuple[Run | None, FlowGraph | None]:
    """The run of some spans, as the board tells it."""
    board.add(source, spans)
    entry = board.find(next(each.number for each in board.entries() if each.source == source))
    assert entry is not None
    return board.run(entry, 0)


def _retrying(span: Span) -> dict[str, AttributeValue]:
    attempt = "wftrace.attempt" in span.attributes
    return {**span.attributes, **({"wftrace.outcome": "retrying"} if attempt else {})}


def _standing(board: Board, number: int) -> tuple[object, ...]:
    entry = board.find(number)
    assert entry is not None
    run, graph = board.run(entry, time.time_ns())
    return standing(run, graph) if run else ()


def _of_run(span: Span, run_id: str) -> Span:
    return replace(span, attributes={**span.attributes, "wftrace.run.id": run_id})
