"""Several runs in one report: runs inside runs, segments of one run, links to where each is stored."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.handmade import Story, at, flow, report_run
from tests.report.conftest import Opened
from wftrace.exporters.html import LinkError, report
from wftrace.exporters.html_links import named_link
from wftrace.trace import CheckpointMark, ErrorFacts, Run, Segment

Open = Callable[..., Opened]

TINY = flow("Tiny", takes={"work": ["Start"]}, makes={"work": ["Stop"]})
AROUND = flow("Around", takes={"call": ["Start"], "end": ["Done"]}, makes={"call": ["Done"], "end": ["Stop"]})


def inner(name: str, execution: str, begin: float, parent: str = "outer") -> Run:
    """A run of one step that was started inside another."""
    story = Story("Tiny", TINY)
    story.run("work#1", story.emit("Start", mode="start", ms=begin), begin, begin + 2)
    story.emit("Stop", "work#1", begin + 2)
    run = story.end(begin + 2)
    return replace(run, run_id=name, start_ns=at(begin), parent_run_id=parent, parent_execution=execution)


def nested() -> list[Run]:
    """A step that fails once and starts a run at each attempt, in an order that is not that of the report."""
    story = Story("Around", AROUND)
    start = story.emit("Start", mode="start")
    story.run("call#1", start, 1, 5, error=ErrorFacts("ValueError", "once"), outcome="retrying")
    story.run("call#1", start, 6, 10, number=2)
    story.run("end#1", story.emit("Done", "call#1", 10), 10, 11)
    story.emit("Stop", "end#1", 11)
    outer = replace(story.end(11), run_id="outer")
    return [inner("second", "call#1", 7), outer, inner("first", "call#1", 2), inner("stray", "call#1", 3, "elsewhere")]


def card(html: str, ref: str) -> str:
    """One card of a page."""
    found = re.search(rf'<article class="card" id="{re.escape(ref)}".*?</article>', html, re.DOTALL)
    assert found is not None, ref
    return found[0]


def test_runs_inside_a_run_stand_behind_it() -> None:
    """In the choice of runs, marked; one whose parent is not there stands for itself."""
    html = report(nested()).html
    assert re.findall(r'<li><a href="#(r\d)"[^>]*>(↳ )?\w+ (\w+)<', html) == [
        ("r1", "", "outer"),
        ("r2", "↳ ", "second"),
        ("r3", "↳ ", "first"),
        ("r4", "", "stray"),
    ]


def test_an_attempt_links_the_run_that_it_started() -> None:
    """Each attempt its own: that which began in its time."""
    html = report(nested()).html
    assert re.findall(r'href="#(r\d)"', card(html, "r1.call.1.1")) == ["r3"]
    assert re.findall(r'href="#(r\d)"', card(html, "r1.call.1.2")) == ["r2"]
    assert re.findall(r'href="#(r\d)"', card(html, "r1")) == ["r2", "r3"]


def test_a_run_inside_links_back_to_the_step() -> None:
    """To the attempt that started it; where the run around it is not there its id is told."""
    html = report(nested()).html
    assert 'href="#r1.call.1.2"' in card(html, "r2")
    assert 'href="#r1.call.1.1"' in card(html, "r3")
    assert "run elsewhere" in card(html, "r4")


def test_p_goes_to_the_parent_and_back(open_report: Open) -> None:
    """The key, the link in the heading, and the link in the attempt's card."""
    tab = open_report(report(nested()), fragment="r2")
    tab.page.keyboard.press("p")
    assert tab.ref() == "r1.call.1.2"
    tab.page.locator(".card.on a[href='#r2']").click()
    assert tab.ref() == "r2"
    tab.page.locator("section.on .inside a").click()
    assert tab.ref() == "r1.call.1.2"


def test_runs_that_contain_one_another_are_shown_all_the_same() -> None:
    """A broken trace with a circle of parents makes a page with both."""
    first, second = inner("a", "work#1", 1, "b"), inner("b", "work#1", 2, "a")
    html = report([first, second, replace(first, run_id="c", parent_run_id="c")]).html
    assert html.count('<section class="run"') == 3


def paused() -> Run:
    """A run of two segments, a day apart, each with a trace of its own."""
    day = 86_400_000.0
    story = Story("Around", AROUND)
    story.run("call#1", story.emit("Start", mode="start"), 0, 5)
    event = story.emit("Done", "call#1", 5)
    story.run("end#1", event, day, day + 4, segment=2, trace_id="b" * 32)
    story.emit("Stop", "end#1", day + 4)
    segments = (
        Segment(1, at(0), at(6), "suspended", "a" * 32, "1" * 16),
        Segment(2, at(day - 1), at(day + 4), "completed", "b" * 32, "2" * 16),
    )
    return story.end(day + 4, segments=segments)


def test_segments_are_told() -> None:
    """When each began, how it ended, and where its own trace is; the log has a line for the second."""
    html = report([paused()], links={"Jaeger": "http://localhost:16686/trace/{trace_id}"}).html
    overview = card(html, "r1")
    assert f"/trace/{'a' * 32}" in overview
    assert f"/trace/{'b' * 32}" in overview
    assert "suspended" in overview
    assert "segment 2 begins" in html
    assert '<line class="segment"' in html


def test_the_pause_is_drawn_short(open_report: Open) -> None:
    """A day without work takes a third of the axis at most; times are told in hours."""
    tab = open_report(report([paused()]))
    width = float(str(tab.page.locator("rect.break").first.get_attribute("width")).rstrip("%"))
    assert width < 40
    assert "24:00:00.000" in tab.page.locator(".events .log").inner_text()


def test_each_run_has_the_links_of_its_own_trace() -> None:
    """Runs from two backends in one report lead to their own pages."""
    runs = [report_run(), replace(report_run(), run_id="other")]
    html = report(runs, links=lambda run: {"Jaeger": f"http://{run.run_id}:1/trace/{{trace_id}}"}).html
    assert f"http://{runs[0].run_id}:1/" in card(html, "r1")
    assert "http://other:1/" in card(html, "r2")


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("jaeger=http://h:1", "Jaeger", "http://h:1/trace/{trace_id}"),
        ("phoenix=https://h/p/", "Phoenix", "https://h/p/redirects/traces/{trace_id}"),
        ("Tempo=https://h/{trace_id}/{span_id}", "Tempo", "https://h/{trace_id}/{span_id}"),
    ],
)
def test_a_link_is_asked_for_by_name(text: str, name: str, address: str) -> None:
    """Jaeger and Phoenix need an address only."""
    assert named_link(text) == (name, address)


@pytest.mark.parametrize("text", ["jaeger=javascript:alert(1)", "Tempo=https://h/", "tempo", "x=file:///{trace_id}"])
def test_what_is_no_link_is_refused(text: str) -> None:
    """No script, no file, no address without a place for the id."""
    with pytest.raises(LinkError):
        named_link(text)


def test_checkpoints_stand_in_the_log() -> None:
    """Each save, with the attempt after which it was made; one that failed says so."""
    run = report_run()
    marks = (
        CheckpointMark("save", "plan#1", 90, at(0.5), at(0.7), "completed"),
        CheckpointMark("save", "draft#5", 91, at(76.6), at(76.9), "failed"),
    )
    html = report([replace(run, checkpoints=marks)]).html
    assert '<a href="#r1.plan.1.1">saved after plan#1</a>' in html
    assert "saved after draft#5 · failed" in html


def test_who_the_run_was_for_is_told() -> None:
    """User, session, tags and metadata, where the trace has them."""
    run = replace(report_run(), user_id="ada", session_id="s-1", tags=("night", "eu"), metadata='{"team": "docs"}')
    overview = card(report([run]).html, "r1")
    assert all(text in overview for text in ("ada", "s-1", "night, eu", "team"))
