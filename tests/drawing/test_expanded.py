"""One run unrolled: every attempt a node of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wftrace.analysis import critical_path
from wftrace.drawing.expanded import MOST_ATTEMPTS, compose_expanded
from wftrace.drawing.scene import Scene
from wftrace.exporters.file import read_trace
from wftrace.overlays import Overlay, overlay_run
from wftrace.trace_reader import read_runs


@pytest.fixture(scope="module")
def laid(repository: Path) -> Overlay:
    """A real run of the reference flow: one failure, three reviews, one human."""
    (run,) = read_runs(read_trace(repository / "docs/pictures/report_flow.otlp.jsonl"))
    return overlay_run(run)


@pytest.fixture(scope="module")
def scene(laid: Overlay) -> Scene:
    """The run unrolled, with its critical path."""
    return compose_expanded(laid, path=critical_path(laid.run))


def test_every_attempt_is_a_node(laid: Overlay, scene: Scene) -> None:
    """As many steps are drawn as attempts were made, each under its own name."""
    names = [node.label for node in scene.nodes if node.kind == "step"]
    assert len(names) == len(set(names)) == len(laid.run.attempts)
    assert "fetch#3 attempt 2" in names


def test_no_loop_is_closed(scene: Scene) -> None:
    """What happened later stands lower: no line goes back."""
    assert not [line for line in scene.lines if line.back]
    places = {node.id: node.box.y for node in scene.nodes}
    assert all(places[line.source] < places[line.target] for line in scene.lines)


def test_every_event_is_a_node(laid: Overlay, scene: Scene) -> None:
    """Each event that was made stands once, between its maker and who took it."""
    drawn = [node for node in scene.nodes if node.kind in ("event", "start", "stop", "request", "answer")]
    assert len(drawn) == len(laid.run.emissions)


def test_a_retry_leads_from_attempt_to_attempt(scene: Scene) -> None:
    """The failed attempt and the next one are joined by a line that says so."""
    (line,) = [line for line in scene.lines if line.kind == "retries"]
    assert (line.source, line.target) == ("attempt:fetch#3/1", "attempt:fetch#3/2")
    assert line.events[0].startswith("again")


def test_a_join_shows_all_that_it_took(scene: Scene) -> None:
    """Five lines with a crow's foot lead into the call that got all five."""
    joined = [line.target for line in scene.lines if line.foot]
    assert joined == ["attempt:draft#5/1"] * 5


def test_the_critical_path_is_one_way_from_start_to_stop(scene: Scene) -> None:
    """Its lines hang together, and none of them stands beside the way."""
    critical = {line.source: line.target for line in scene.lines if "critical" in line.states}
    assert len(critical) == sum("critical" in line.states for line in scene.lines)
    node = scene.start
    while node in critical:
        node = critical.pop(node)
    assert not critical
    assert next(each.kind for each in scene.nodes if each.id == node) == "stop"


def test_a_human_stands_between_question_and_answer(scene: Scene) -> None:
    """Each wait for a human is a node that says how long it was."""
    (human,) = [node for node in scene.nodes if node.kind == "human"]
    assert human.details[0].startswith("waited")


def test_a_long_run_is_cut_and_says_so(laid: Overlay) -> None:
    """So many attempts are drawn at most, and a note tells how many are left out."""
    first = laid.run.attempts[0]
    many = tuple(replace(first, execution_id=f"plan#{number}") for number in range(MOST_ATTEMPTS + 7))
    cut = compose_expanded(replace(laid, run=replace(laid.run, attempts=many)))
    assert sum(node.kind == "step" for node in cut.nodes) == MOST_ATTEMPTS
    assert "7 later attempts not drawn" in [note.text for note in cut.notes]
