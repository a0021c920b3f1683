"""Files: every renderer writes the same nodes and edges, whatever the names are."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.drawing.report_flow import CRITICAL, REPORT_FLOW, report_overlay, small, with_undeclared
from wftrace.drawing.graphviz import run_graphviz
from wftrace.render import FORMATS, Picture, draw_graph, draw_overlay
from wftrace.render.errors import PictureError, ToolMissingError

SVG = "{http://www.w3.org/2000/svg}"
TEXT_FORMATS = sorted(set(FORMATS.values()) - {"png", "pdf"})
HOSTILE = [
    'a"b', "a<b>&c", "a\nb\r\n", "{x|y}", "\\N \\G \\", "<script>alert(1)</script>", "]]>", "--><!--", "'", "end",
    "\x1b[31mred\x00", "\ud800", "\u202eevil", "", " ",
    "%% note", "#34;", "`x`", "漢字🙂", "x" * 300, "&amp;", "\ufffe",
]  # fmt: skip


@pytest.fixture(scope="module")
def picture() -> Picture:
    """The overlay of the reference run with its critical path."""
    return draw_overlay(report_overlay(), critical=CRITICAL)


def elements(svg: str, name: str) -> list[ElementTree.Element]:
    """The groups of an SVG whose class begins with ``name`` and that are no samples of the legend."""
    found = ElementTree.fromstring(svg).iter(f"{SVG}g")
    return [each for each in found if each.get("class", "").split(" ")[0] == name and each.get("id")]


def check_all(made: Picture, nodes: int, lines: int) -> None:
    """Every text format of a picture is well formed and holds so many nodes and lines."""
    svg = made.to_svg()
    assert len(elements(svg, "node")) == nodes
    assert len(elements(svg, "line")) == lines
    laid = json.loads(run_graphviz(made.to_dot()))
    assert (len(laid["objects"]), len(laid["edges"])) == (nodes, lines)
    mermaid = made.to_mermaid().splitlines()
    assert sum(bool(re.match(r"  n\d+[({\[]", row)) for row in mermaid) == nodes
    assert sum(bool(re.match(r"  n\d+ [-=]", row)) for row in mermaid) == lines
    document = json.loads(made.to_json())
    assert (len(document["nodes"]), len(document["edges"])) == (nodes, lines)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", made.to_ascii() + svg)
    for form in TEXT_FORMATS:
        getattr(made, f"to_{form}")().encode("utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_change_nothing(name: str) -> None:
    """Names, docs, fields and files that mean something to a format are shown and do no harm."""
    check_all(draw_graph(small(name, (f"m.{name}A", f"m.{name}B", f"n.{name}B"), name)), 5, 4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=80))
def test_any_names_change_nothing(step: str, event: str, doc: str) -> None:
    """Whatever the texts are, every format is well formed and has the same nodes and lines."""
    check_all(draw_graph(small(step, (f"a.{event}", f"b.{event}", f"c.{event}"), doc)), 5, 4)


def test_the_reference_pictures_are_whole() -> None:
    """The static picture, the overlay, and one with undeclared edges have all their nodes and lines in all formats."""
    check_all(draw_graph(REPORT_FLOW), 17, 18)
    check_all(draw_overlay(report_overlay()), 17, 18)
    check_all(draw_overlay(with_undeclared()), 19, 21)


def test_svg_says_what_each_thing_is(picture: Picture) -> None:
    """Nodes and edges carry stable ids, their states as classes, a tooltip and a description."""
    fetch = next(each for each in elements(picture.to_svg(), "node") if each.get("data-id") == "step:fetch")
    assert fetch.get("class") == "node step executed recovered critical heat5"
    assert fetch.get("aria-label", "").startswith("step fetch, 6 calls, 1 failed, 1 retried, p50 21")
    tooltip = fetch.findtext(f"{SVG}title") or ""
    assert "examples/report_flow.py:51" in tooltip
    assert "Look one query up" in tooltip
    line = elements(picture.to_svg(), "line")[1]
    assert (line.get("data-source"), line.get("data-count")) == ("step:plan", "5")


def test_one_svg_follows_light_and_dark(picture: Picture) -> None:
    """The default theme has both palettes; a fixed theme has one."""
    assert "prefers-color-scheme:dark" in picture.to_svg()
    assert "prefers-color-scheme" not in draw_graph(REPORT_FLOW, theme="dark").to_svg()


def test_an_svg_fetches_nothing(picture: Picture) -> None:
    """No address, no script, no reference to another file."""
    svg = picture.to_svg().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|href|@import|url\(|<script", svg)


def test_html_allows_nothing_but_its_own_style(picture: Picture) -> None:
    """The page forbids everything by policy, has no script, and holds the picture."""
    page = picture.to_html()
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert "<script" not in page
    assert page.count("<svg") == 1


def test_dot_carries_the_places(picture: Picture) -> None:
    """``neato -n2`` finds every node where the scene has it."""
    laid = json.loads(run_graphviz(picture.to_dot(), engine="nop2"))
    given_places = {node.ref: node.box for node in picture.scene.nodes}
    first = given_places["n0"]
    places = {each["name"]: tuple(map(float, each["pos"].split(","))) for each in laid["objects"]}
    for ref, (x, y) in places.items():
        assert x - places["n0"][0] == pytest.approx(given_places[ref].x - first.x, abs=0.5)
        assert places["n0"][1] - y == pytest.approx(given_places[ref].y - first.y, abs=0.5)


def test_the_outline_marks_loops_and_what_is_not_reached() -> None:
    """The text picture goes from the start to the stop, and says where it goes back."""
    outline = draw_graph(REPORT_FLOW).to_ascii()
    assert "│  │  ↺ [review]" in outline
    assert "└→ ↺ DraftEvent" in outline
    assert outline.index("● StartEvent") < outline.index("◉ StopEvent")
    assert "⚠ AuditEvent  never produced" in outline


def test_a_long_chain_stays_narrow_in_the_outline() -> None:
    """What follows one after the other is not indented."""
    from tests.drawing.report_flow import chain

    assert max(len(row) for row in draw_graph(chain(200)).to_ascii().splitlines()[1:]) < 20


@pytest.mark.parametrize("form", TEXT_FORMATS)
def test_a_saved_picture_is_what_it_says(picture: Picture, form: str, tmp_path: Path) -> None:
    """The suffix chooses the format; the file holds the very text, names wftrace and leaves no draft behind."""
    suffix = next(each for each, of in FORMATS.items() if of == form)
    path = picture.save(tmp_path / f"flow{suffix}")
    assert path.read_text(encoding="utf-8") == getattr(picture, f"to_{form}")()
    assert "wftrace" in path.read_text(encoding="utf-8")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_saving_again_replaces_the_whole_file(picture: Picture, tmp_path: Path) -> None:
    """A longer file of before leaves no rest."""
    path = tmp_path / "flow.svg"
    path.write_text("x" * 1_000_000)
    picture.save(path)
    assert path.read_text(encoding="utf-8") == picture.to_svg()


def test_an_unknown_suffix_lists_the_formats(picture: Picture, tmp_path: Path) -> None:
    """The error names the suffix and all that there are."""
    with pytest.raises(PictureError, match=r"'\.jpg' of flow\.jpg names no picture format; use one of \.svg .*\.html"):
        picture.save(tmp_path / "flow.jpg")


def test_an_unknown_format_names_the_closest(picture: Picture, tmp_path: Path) -> None:
    """A mistyped format gets a hint."""
    with pytest.raises(PictureError, match="did you mean mermaid"):
        picture.save(tmp_path / "flow", format="mermeid")


def test_a_missing_folder_is_named(picture: Picture, tmp_path: Path) -> None:
    """The error says which folder is missing and how to make it."""
    with pytest.raises(PictureError, match="mkdir -p"):
        picture.save(tmp_path / "nowhere" / "flow.svg")


def test_png_without_graphviz_says_how_to_get_it(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``dot`` on PATH the error names the tool and the cure and has the exit code 5."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=r"'dot'.*install") as caught:
        picture.save(tmp_path / "flow.png")
    assert caught.value.exit_code == 5
    assert not (tmp_path / "flow.png").exists()


def fake_dot(folder: Path, script: str) -> None:
    """A program called ``dot`` that does what the script says."""
    program = folder / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a shell script")
def test_a_failing_dot_is_quoted(picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``dot`` writes to its stderr stands in the error."""
    fake_dot(tmp_path, "echo 'cannot do that' >&2; exit 3")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PictureError, match="failed with code 3: cannot do that"):
        picture.to_png()


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a shell script")
def test_a_hanging_dot_is_stopped(picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``dot`` that does not end is given up."""
    from wftrace.render.image import render_image

    fake_dot(tmp_path, "exec /bin/sleep 20")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PictureError, match=r"did not draw the PNG within 0\.2 s"):
        render_image(picture.scene, "png", timeout_s=0.2)


def test_a_notebook_shows_the_picture(picture: Picture) -> None:
    """The rich display is the SVG, the plain one the outline."""
    bundle = picture._repr_mimebundle_()
    assert bundle == {"image/svg+xml": picture.to_svg(), "text/plain": picture.to_ascii()}
