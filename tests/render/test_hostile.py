"""Bad input: whatever the names, keys, values and texts are, a picture stays the picture it is."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.needs import need
from tests.render.hostile import HOSTILE, flow_of, run_of
from tests.render.parsers import all_counts, html_tree, svg_markup
from wftrace.drawing.view import View
from wftrace.render import Picture, draw_beside, draw_graph, draw_overlay

EDGES = View(events="edges")
FRAMES = View(group_by="module", fold=frozenset({"chains"}))
LINK = "https://example.org/{file}#L{line}"
PICTURES: dict[str, Callable[[str], Picture]] = {
    "static": lambda text: draw_graph(flow_of(text), legend=True, source_link=LINK),
    "edges": lambda text: draw_graph(flow_of(text), view=EDGES),
    "frames": lambda text: draw_graph(flow_of(text), view=FRAMES),
    "overlay": lambda text: draw_overlay(run_of(text), legend=True, source_link=LINK),
    "overlay on edges": lambda text: draw_overlay(run_of(text), view=EDGES),
    "beside": lambda text: draw_beside(run_of(text)),
}
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@cache
def plain(kind: str) -> Picture:
    """The same picture with harmless names."""
    return PICTURES[kind]("word")


def test_there_are_sixty_different_strings() -> None:
    """The list is as long as it says."""
    assert len(set(HOSTILE)) == 60


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_changes_the_nodes_and_edges_of_a_format(kind: str, text: str) -> None:
    """SVG, DOT, Mermaid and JSON, each read back by a parser, hold the nodes and edges of the harmless picture."""
    assert all_counts(PICTURES[kind](text)) == all_counts(plain(kind))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup_in_an_svg(text: str) -> None:
    """No element and no attribute is there that the harmless picture does not have."""
    for kind, make in PICTURES.items():
        elements, attributes = svg_markup(make(text).to_svg())
        known_elements, known_attributes = svg_markup(plain(kind).to_svg())
        assert elements <= known_elements
        assert attributes <= known_attributes


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup_in_a_page(text: str) -> None:
    """An HTML parser finds no tag, no attribute and no node that the harmless page does not have."""
    need(importlib.util.find_spec("html5lib"), "html5lib is not installed", "pip install html5lib")
    for kind in ("static", "overlay"):
        tags, counts, names = html_tree(PICTURES[kind](text).to_html())
        known_tags, known_counts, known_names = html_tree(plain(kind).to_html())
        assert set(tags) <= set(known_tags)
        assert (tags["html"], tags["script"], tags["body"]) == (1, 0, 1)
        assert counts == known_counts
        assert names <= known_names


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_speaks_to_the_terminal(text: str) -> None:
    """The outline has the lines of the harmless one, and no control or direction character."""
    for kind in ("static", "edges", "overlay"):
        outline = PICTURES[kind](text).to_ascii()
        assert not CONTROL.search(outline)
        assert len(outline.split("\n")) == len(plain(kind).to_ascii().split("\n"))


def test_a_link_leads_nowhere_but_to_the_template() -> None:
    """Whatever a file is called, the address of a node begins as the template does and ends its quotes nowhere."""
    for text in HOSTILE:
        for node in PICTURES["static"](text).scene.nodes:
            assert not node.href or re.fullmatch(r"https://example\.org/[\w.~%/!-]*#L3", node.href), node.href


def test_mermaid_itself_reads_the_same(tmp_path: Path) -> None:
    """Mermaid's own grammar finds the nodes and edges that we wrote.

    It is asked where ``WFTRACE_MERMAID`` names a folder with ``node_modules`` of mermaid and jsdom in it.
    """
    folder = os.environ.get("WFTRACE_MERMAID")
    if not folder:
        pytest.skip("WFTRACE_MERMAID names no folder; to cure it: npm install mermaid jsdom in one, and name it")
    need(shutil.which("node"), "node is not installed", "apt install nodejs")
    pictures = [make(text) for make in PICTURES.values() for text in ("word", *HOSTILE)]
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps([each.to_mermaid() for each in pictures]))
    script = Path(folder) / "read_mermaid.mjs"
    shutil.copy(Path(__file__).with_name("read_mermaid.mjs"), script)
    done = subprocess.run(["node", script, texts], capture_output=True, text=True, timeout=55, check=True)
    expected = [[len(each.scene.nodes), len(each.scene.lines)] for each in pictures]
    assert json.loads(done.stdout) == expected


def test_the_bytes_do_not_depend_on_the_hash_seed(repository: Path) -> None:
    """Four processes with four hash seeds write the same folded, framed, expanded and side-by-side pictures."""
    code = (
        "import hashlib\n"
        "from tests.drawing.flows import pipelines\n"
        "from tests.render.test_hostile import PICTURES\n"
        "from wftrace.drawing.view import View\n"
        "from wftrace.render import draw_graph\n"
        "made = [make('<x>') for make in PICTURES.values()]\n"
        "made.append(draw_graph(pipelines(), view=View(group_by='module', fold=frozenset({'chains', 'groups'}))))\n"
        "made.append(draw_graph(pipelines(), view=View(focus=('lane1_step3~2', 'lane2_step3')), direction='auto'))\n"
        "text = ''.join(p.to_svg() + p.to_dot() + p.to_mermaid() + p.to_ascii() + p.to_json() for p in made)\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=repository,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(repository)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert len(found) == 1
