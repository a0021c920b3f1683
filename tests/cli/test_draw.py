"""``wftrace draw``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import JOKE, Call, Terminal, environment, needs_terminal

Write = Callable[..., Path]


def test_svg_is_written_and_announced(flow: Write, call: Call, tmp_path: Path) -> None:
    """draw -o flow.svg writes an SVG and says so on standard error alone."""
    flow(JOKE)
    done = call("draw", "flow.py:JokeFlow", "-o", "flow.svg")
    assert (done.code, done.out, done.err) == (0, "", "wrote flow.svg (2 steps, 3 events)\n")
    assert ElementTree.parse(tmp_path / "flow.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("name", "mark"), [("a.dot", "digraph"), ("a.mmd", "flowchart"), ("a.html", "<html"), ("a.txt", "JokeEvent")]
)
def test_every_text_format_is_written(flow: Write, call: Call, tmp_path: Path, name: str, mark: str) -> None:
    """Each suffix gives a file of its format."""
    flow(JOKE)
    assert call("draw", "flow.py:JokeFlow", "-o", name).code == 0
    assert mark in (tmp_path / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["a.svg", "a.dot", "a.mmd", "a.html", "a.txt", "a.json"])
def test_what_was_written_may_be_written_again(flow: Write, call: Call, name: str) -> None:
    """Every text format carries our mark, so drawing twice needs no --force."""
    flow(JOKE)
    assert [call("draw", "flow.py:JokeFlow", "-o", name).code for _ in range(2)] == [0, 0]


def test_json_names_its_schema(flow: Write, call: Call) -> None:
    """-f json prints the picture as a document that names its schema."""
    flow(JOKE)
    done = call("draw", "flow.py:JokeFlow", "-f", "json")
    assert json.loads(done.out)["schema"].startswith("wftrace/")


def test_a_pipe_gets_dot(flow: Write, call: Call) -> None:
    """Without -o and without a terminal DOT goes to standard output, and nothing else does."""
    flow(JOKE)
    assert 'digraph "JokeFlow"' in call("draw", "flow.py:JokeFlow").out


def test_quiet_says_nothing(flow: Write, call: Call) -> None:
    """With -q, before or after the command, a success is silent."""
    flow(JOKE)
    assert call("-q", "draw", "flow.py", "-o", "a.svg").err == ""
    assert call("draw", "-q", "flow.py", "-o", "a.svg").err == ""


def test_findings_are_told(flow: Write, call: Call) -> None:
    """A flow with a fault is drawn, and the fault is said on standard error."""
    lost = JOKE.replace("class JokeFlow", "class Lost(Event): ...\n\nclass JokeFlow")
    flow(lost.replace("-> JokeEvent", "-> JokeEvent | Lost"))
    done = call("draw", "flow.py:JokeFlow", "-o", "a.svg")
    assert done.code == 0
    assert "warning: " in done.err
    assert "Lost" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "cure"),
    [
        ((), 2, "wftrace draw --help"),
        (("flow.py", "-o", "a.svgg"), 2, "-o a.svg"),
        (("flow.py", "-o", "gone/a.svg"), 2, "mkdir -p gone"),
        (("flow.py", "-o", "mine.svg"), 2, "--force"),
        (("flow.py", "-f", "gif"), 2, "wftrace draw --help"),
        (("flow.py", "--directon", "LR"), 2, "wftrace draw --help"),
        (("flw.py",), 3, "wftrace draw flow.py"),
        (("broken.py",), 3, "not valid Python"),
        (("raising.py",), 3, "correct the error above"),
    ],
)
def test_bad_input(flow: Write, call: Call, arguments: tuple[str, ...], code: int, cure: str) -> None:
    """Each wrong call has its exit code, writes nothing to standard output, and names the cure."""
    flow(JOKE)
    flow("def broken(:", "broken.py")
    flow("1 / 0", "raising.py")
    flow("<svg/>", "mine.svg")
    done = call("draw", *arguments)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ")
    assert f"try: {cure}" in done.err or cure in done.err.splitlines()[-1]
    assert "wftrace/cli" not in done.err


def test_png_without_graphviz_names_the_cure(flow: Write, shell: Call) -> None:
    """A PNG without the system's Graphviz ends with code 5, and says how to get it."""
    flow(JOKE)
    done = shell("draw", "flow.py:JokeFlow", "-o", "a.png")
    assert (done.code, done.out) == (5, "")
    assert "graphviz" in done.err.lower()
    assert "Traceback" not in done.err


def test_the_same_from_a_real_process(flow: Write, shell: Call) -> None:
    """python -m wftrace draws without the system's Graphviz."""
    flow(JOKE)
    done = shell("draw", "flow.py", "-f", "svg")
    assert (done.code, done.err) == (0, "using flow.py:JokeFlow\n")
    assert ElementTree.fromstring(done.out).tag.endswith("svg")


def test_png_goes_to_a_pipe_as_bytes(flow: Write, tmp_path: Path) -> None:
    """-f png without -o writes the bytes of the image, and nothing else, to standard output."""
    flow(JOKE)
    image = b"\x89PNG\r\n\x00\xff"
    dot = tmp_path / "bin" / "dot"
    dot.parent.mkdir()
    dot.write_text(f"#!{sys.executable}\nimport sys\nsys.stdin.read()\nsys.stdout.buffer.write({image!r})\n")
    dot.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "wftrace", "draw", "flow.py:JokeFlow", "-f", "png"],
        cwd=tmp_path,
        env=environment(PATH=str(dot.parent)),
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == (image, b"")


@needs_terminal
def test_a_terminal_gets_an_outline(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """On a terminal the flow is drawn as text, and how to get a picture is said."""
    flow(JOKE)
    drawn = terminal("draw", "flow.py:JokeFlow")
    assert drawn.end() == 0
    assert "[tell]" in drawn.seen
    assert "wftrace draw flow.py:JokeFlow -o flow.svg" in drawn.seen
    assert "digraph" not in drawn.seen
