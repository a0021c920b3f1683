"""The report as a file: what it weighs, what it holds, how it is saved."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.handmade import STACKTRACE, Story, crowded_run, flow, report_run
from wftrace.exporters.html import ReportError, report
from wftrace.exporters.html_page import asset
from wftrace.exporters.html_run import ROWS_CAP
from wftrace.render.errors import PictureError
from wftrace.trace import ErrorFacts


def test_the_report_of_a_small_flow_is_small() -> None:
    """At most 150 kB."""
    assert len(report([report_run()]).html.encode()) <= 150_000


def test_script_and_styles_are_small() -> None:
    """At most 60 kB, written by hand."""
    assert len(asset("report.js").encode()) + len(asset("report.css").encode()) <= 60_000


def test_the_same_runs_give_the_same_bytes() -> None:
    """Nothing in a report depends on when or where it is made."""
    assert report([report_run()]).html == report([report_run()]).html


def test_the_page_forbids_everything_that_it_does_not_need() -> None:
    """The policy allows no source at all, one script by its hash, and nothing inline but styles."""
    html = report([report_run()]).html
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", rules["script-src"])


def test_a_report_is_saved_whole(tmp_path: Path) -> None:
    """The file holds the report, and nothing else is left in the folder."""
    made = report([report_run()])
    made.save(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == made.html
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The error says which folder is missing and what to do."""
    with pytest.raises(PictureError, match=r"nowhere .* is not there; make it first"):
        report([report_run()]).save(tmp_path / "nowhere" / "r.html")


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    """A folder as the target is refused."""
    with pytest.raises(PictureError, match="is a folder; name a file in it"):
        report([report_run()]).save(tmp_path)


def test_no_runs_no_report() -> None:
    """An empty report would look like a good one."""
    with pytest.raises(ReportError, match="give at least one"):
        report([])


def test_a_run_without_a_graph_is_reported_as_it_was_seen() -> None:
    """A cut trace still tells what it has, and says what it lacks."""
    html = report([replace(report_run(), graph=None, missing=("the run span is missing",))]).html
    assert "what is drawn is what was seen" in html
    assert "the run span is missing" in html
    assert 'data-id="step:fetch"' in html


def test_a_link_must_be_a_web_address() -> None:
    """A script in a link would run when it is clicked."""
    with pytest.raises(ReportError, match="must begin with http"):
        report([report_run()], links={"Jaeger": "javascript:alert(1)//{trace_id}"})


def test_links_lead_to_the_trace() -> None:
    """The ids are filled in."""
    html = report([report_run()], links={"Jaeger": "http://localhost:16686/trace/{trace_id}"}).html
    assert 'href="http://localhost:16686/trace/dc6eeca3b1f04f0c9b8a7d6e5f4cd40f"' in html


def test_every_link_inside_the_page_has_a_target() -> None:
    """No anchor leads nowhere."""
    html = report([report_run(), report_run()]).html
    body = re.sub(r'<div class="picture".*?</svg>', "", html, flags=re.DOTALL)
    targets = set(re.findall(r'\shref="#([^"]*)"', body))
    assert targets - set(re.findall(r'\sid="([^"]*)"', html)) == set()


def test_no_id_is_given_twice() -> None:
    """Also with several runs, each with a picture and a hatching of its own."""
    ids = re.findall(r'\sid="([^"]*)"', report([report_run(), report_run()]).html)
    assert sorted({each for each in ids if ids.count(each) > 1}) == []


def test_a_long_queue_is_drawn_as_one_depth() -> None:
    """Fifty-seven waiting attempts take two lanes, not fifty-seven, and say how many and how long."""
    html = report([crowded_run()]).html.replace("\xa0", " ")
    assert "up to 57 queued · the longest 86 ms" in html
    assert 'class="queue"' not in html


def test_a_large_run_is_cut_and_says_so() -> None:
    """The first rows are there, every error is, and the page says what it lacks."""
    story = Story("Big", flow("Big", takes={"s": ["Start", "E"]}, makes={"s": ["E", "Stop"]}))
    event = story.emit("Start", mode="start")
    count = ROWS_CAP + 500
    for number in range(1, count + 1):
        error = ErrorFacts("ValueError", "late", STACKTRACE) if number == count - 5 else None
        story.run(f"s#{number}", event, number, number + 0.5, error=error)
    html = report([replace(story.end(count + 1.0), outcome="cancelled")]).html
    assert f'id="r1.s.{count - 5}.1"' in html
    assert f'id="r1.s.{count - 100}.1"' not in html
    assert "498 attempts are not in this page" in html
