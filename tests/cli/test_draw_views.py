"""``wftrace draw`` and ``overlay`` with the options that fold, cut, group, compare and read without importing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import JOKE, Call

Write = Callable[..., Path]

TRAP = f"{JOKE}\nfrom pathlib import Path\nPath('ran').write_text('yes')\nraise SystemExit(3)\n"


def nodes(text: str) -> list[str]:
    """The labels of the nodes in a JSON picture."""
    return [node["label"] for node in json.loads(text)["nodes"]]


def test_focus_draws_a_part(flow: Write, call: Call) -> None:
    """--focus keeps what is near; what is cut off is a stub."""
    flow(JOKE)
    shown = nodes(call("draw", "flow.py", "-f", "json", "--focus", "judge~0").out)
    assert shown == ["judge", "JokeEvent", "StopEvent", "… 1 more"]


def test_between_draws_the_ways(flow: Write, call: Call) -> None:
    """--between keeps what lies on a way from the first to the second."""
    flow(JOKE)
    assert nodes(call("draw", "flow.py", "-f", "json", "--between", "tell", "judge").out) == [
        "tell",
        "judge",
        "JokeEvent",
    ]


def test_events_may_stand_on_the_edges(flow: Write, call: Call) -> None:
    """--events edges writes them there."""
    flow(JOKE)
    document = json.loads(call("draw", "flow.py", "-f", "json", "--events", "edges").out)
    assert ["JokeEvent"] in [edge["events"] for edge in document["edges"]]


def test_nodes_link_to_their_source(flow: Write, call: Call) -> None:
    """--link-source fills in the file and the line of each node."""
    flow(JOKE)
    done = call("draw", "flow.py", "-f", "svg", "--link-source", "vscode://file/{file}:{line}")
    assert '<a href="vscode://file/flow.py:10">' in done.out


def test_static_runs_nothing(flow: Write, call: Call, tmp_path: Path) -> None:
    """--static draws a file that could not even be imported, and none of its statements happens."""
    flow(TRAP)
    done = call("draw", "flow.py:JokeFlow", "--static", "-o", "flow.svg")
    assert (done.code, done.out) == (0, "")
    assert not (tmp_path / "ran").exists()


def test_static_draws_the_same_bytes(flow: Write, call: Call) -> None:
    """Read or imported, the picture is the same."""
    flow(JOKE)
    both = [call("draw", "flow.py:JokeFlow", "-f", "svg", *more).out for more in ((), ("--static",))]
    assert both[0] == both[1]


def test_static_finds_modules_and_packages(flow: Write, call: Call) -> None:
    """A dotted TARGET is looked up as a file from the current folder on."""
    flow("", "shop/__init__.py")
    flow(JOKE, "shop/flows.py")
    assert "JokeFlow" in call("draw", "shop.flows:JokeFlow", "--static", "-f", "ascii").out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("flow.py", "--focus", "jduge"), 2, "did you mean 'judge'"),
        (("flow.py", "--between", "judge", "tell"), 2, "there is one from 'tell' to 'judge'"),
        (("flow.py", "--fold", "groups"), 2, "group_by"),
        (("flow.py", "--group-by", "colour"), 2, "wftrace draw --help"),
        (("flow.py", "--link-source", "javascript:{file}"), 2, "https://"),
        (("flow.py", "--link-source", "https://x/{lien}"), 2, "{file}"),
        (("gone.py", "--static"), 3, "there is no file gone.py"),
        (("gone.module", "--static"), 3, "not for installed packages"),
        (("bad.py", "--static"), 3, "line 1"),
        (("flow.py:Jok", "--static"), 2, "flow.py:JokeFlow"),
        (("empty.py", "--static"), 2, "no workflow can be seen"),
        (("flow.py", "--check"), 2, "-o flow.svg --check"),
        (("flow.py", "-o", "a.png", "--check"), 2, "depend on the machine"),
    ],
)
def test_bad_input(flow: Write, call: Call, arguments: tuple[str, ...], code: int, said: str) -> None:
    """Each wrong call has its exit code and names what is wrong, or the cure."""
    flow(JOKE)
    flow("def broken(:", "bad.py")
    flow("x = 1", "empty.py")
    done = call("draw", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_check_passes_when_the_file_is_what_is_drawn(flow: Write, call: Call) -> None:
    """A file that was just written is up to date."""
    flow(JOKE)
    call("draw", "flow.py", "-o", "flow.svg")
    assert call("-q", "draw", "flow.py", "-o", "flow.svg", "--check").code == 0


def test_check_fails_when_the_flow_has_changed(flow: Write, call: Call, tmp_path: Path) -> None:
    """A file of before the change is stale: code 1, the cure, and the file stays as it was."""
    flow(JOKE)
    call("draw", "flow.py", "-o", "flow.svg")
    before = (tmp_path / "flow.svg").read_bytes()
    flow(JOKE.replace("async def judge", "async def weigh"), "flow2.py")
    done = call("draw", "flow2.py", "-o", "flow.svg", "--check")
    assert done.code == 1
    assert "flow.svg is not what is drawn today" in done.err
    assert (tmp_path / "flow.svg").read_bytes() == before


def test_check_fails_without_a_file(flow: Write, call: Call, tmp_path: Path) -> None:
    """What is not there is not up to date, and is not written either."""
    flow(JOKE)
    assert call("draw", "flow.py", "-o", "flow.svg", "--check").code == 1
    assert not (tmp_path / "flow.svg").exists()


def test_a_picture_goes_nowhere_but_to_its_file(flow: Write, call: Call, tmp_path: Path) -> None:
    """Names in a flow make no paths, and a link in the place of the file is replaced, not followed."""
    (tmp_path / "out").mkdir()
    other = tmp_path / "other.svg"
    other.write_text("<svg/> by wftrace")
    (tmp_path / "out/flow.svg").symlink_to(other)
    flow(JOKE.replace("Tell a joke", "../../etc/passwd"))
    assert call("draw", "flow.py", "-o", "out/flow.svg").code == 0
    assert other.read_text() == "<svg/> by wftrace"
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["flow.svg"]
    assert not (tmp_path / "out/flow.svg").is_symlink()


@pytest.fixture
def traced(flow: Write, call: Call) -> None:
    """A trace of the joke flow."""
    flow(JOKE)
    assert call("run", "flow.py", "topic=x", "--trace", "run.jsonl").code == 0


@pytest.mark.usefixtures("traced")
def test_expanded_draws_every_attempt(call: Call) -> None:
    """overlay --expanded has a node for each attempt and each event."""
    shown = nodes(call("overlay", "run.jsonl", "--expanded", "-f", "json").out)
    assert shown == ["StartEvent", "JokeEvent", "StopEvent", "tell#1", "judge#1"]


@pytest.mark.usefixtures("traced")
def test_expanded_is_whole(call: Call) -> None:
    """--expanded and a part of the flow do not go together, and the error says what to leave out."""
    done = call("overlay", "run.jsonl", "--expanded", "--focus", "tell")
    assert done.code == 2
    assert "--focus" in done.err


@pytest.mark.usefixtures("traced")
def test_beside_draws_both(call: Call) -> None:
    """overlay --beside has every node twice: possible and run."""
    shown = nodes(call("overlay", "run.jsonl", "--beside", "-f", "json").out)
    assert sorted(shown) == sorted(2 * ["tell", "judge", "StartEvent", "JokeEvent", "StopEvent"])


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("by", ["share", "p95", "errors", "queue", "calls", "none"])
def test_color_by(call: Call, by: str) -> None:
    """Each measure is drawn, and none of them changes what is there."""
    shown = call("overlay", "run.jsonl", "--color-by", by, "--events", "edges", "-f", "json")
    assert (shown.code, len(nodes(shown.out))) == (0, 4)
