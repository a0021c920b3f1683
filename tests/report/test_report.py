"""The report as a file: what it weighs, what it holds, how it is saved."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.handmade import crowded_run, report_run
from wftrace.exporters.html import LinkError, ReportError, report
from wftrace.exporters.html_page import asset, script_for
from wftrace.render.errors import PictureError


def test_the_report_of_a_small_flow_is_small() -> None:
    """At most 150 kB."""
    assert len(report([report_run()]).html.encode()) <= 150_000


def test_script_and_styles_are_small() -> None:
    """At most 40 kB for most pages, 64 kB for those with a large run; written by hand."""
    assert len(script_for(large=False).encode()) + len(asset("report.css").encode()) <= 40_000
    assert len(script_for(large=True).encode()) + len(asset("report.css").encode()) <= 64_000


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
    with pytest.raises(LinkError, match="must begin with http"):
        report([report_run()], links={"Jaeger": "javascript:alert(1)//{trace_id}"})


def test_links_lead_to_the_trace() -> None:
    """The ids are filled in; an attempt's link leads to its span."""
    html = report([report_run()], links={"Jaeger": "http://localhost:16686/trace/{trace_id}"}).html
    page = "http://localhost:16686/trace/dc6eeca3b1f04f0c9b8a7d6e5f4cd40f"
    assert f'href="{page}"' in html
    assert f'href="{page}?uiFind=000000000000000b"' in html


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


def test_a_notebook_shows_the_page_in_a_frame() -> None:
    """Its own scripts run, and reach nothing outside; where there are no pages the verdict is shown."""
    made = report([report_run()])
    bundle = made._repr_mimebundle_()
    assert 'sandbox="allow-scripts"' in bundle["text/html"]
    assert bundle["text/plain"].startswith("ReportFlow 8f2c41d09b7e: ✓ ok")
    assert list(made._repr_mimebundle_(include=["text/plain"])) == ["text/plain"]


def test_the_log_goes_by_time_and_says_where_the_numbers_do_not() -> None:
    """A wait is numbered when it is over: it stands where it began, with a mark and its number."""
    run = report_run()
    last = max(each.seq for each in run.attempts)
    waits = tuple(replace(each, seq=last) if each.kind == "join" else each for each in run.waits)
    html = report([replace(run, waits=waits)]).html
    assert f'<abbr class="late" title="number {last} in the trace: numbered when it was over">' in html
    assert "⇅ marks 1 row" in html.replace("\xa0", " ")
    assert "⇅" not in report([run]).html


def _vars(css: str, theme: str) -> dict[str, tuple[int, ...]]:
    blocks = re.findall(r":root\{([^}]*)\}", css)
    found = {}
    for block in blocks[: 1 if theme == "light" else 2]:
        for name, value in re.findall(r"--([\w-]+):#([0-9a-f]{3,6})", block):
            digits = value if len(value) == 6 else "".join(2 * each for each in value)
            found[name] = tuple(int(digits[at : at + 2], 16) for at in (0, 2, 4))
    return found


def _light(color: tuple[int, ...]) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (each / 255 for each in color)]
    return sum(part * weight for part, weight in zip(parts, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "paper"),
        ("ink", "panel"),
        ("soft", "paper"),
        ("soft", "panel"),
        ("soft", "depth"),
        ("run-ink", "run"),
        ("bad-ink", "bad-ground"),
        ("human-ink", "human"),
        ("human-ink", "hatch"),
        ("link", "paper"),
        ("crit", "paper"),
        ("ink", "select-ground"),
    ],
)
def test_what_is_drawn_on_the_canvas_can_be_read(theme: str, ink: str, ground: str) -> None:
    """At least 4.5:1 for every colour of text on every ground that it is written on."""
    colors = _vars(asset("report.css"), theme)
    bright, dark = sorted((_light(colors[ink]), _light(colors[ground])), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5
