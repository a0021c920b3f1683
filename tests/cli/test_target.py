"""TARGET: what is found, and what is said when it is not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wftrace.cli.errors import CommandError, TargetError
from wftrace.cli.speech import Speech
from wftrace.cli.target import Finder, Target

from .conftest import JOKE

Write = Callable[..., Path]

MANY = JOKE + "\n\nclass StoryFlow(JokeFlow):\n    pass\n"


@pytest.fixture(autouse=True)
def forgotten_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a test imports is gone after it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


def find(text: str, verbosity: int = -1) -> Target:
    return Finder(Speech(verbosity), "wftrace draw").find(text)


@pytest.mark.parametrize("text", ["flow.py:JokeFlow", "./flow.py:JokeFlow", "flow:JokeFlow", "flow.py", "flow"])
def test_ways_to_name_a_class(flow: Write, text: str) -> None:
    """A class is found by file or module, with or without its name."""
    flow(JOKE)
    assert find(text).flow.graph.name == "JokeFlow"


def test_dotted_module(flow: Write) -> None:
    """A module inside a package is named with dots."""
    flow("", "shop/__init__.py")
    flow(JOKE, "shop/flows.py")
    assert find("shop.flows:JokeFlow").flow.graph.name == "JokeFlow"


@pytest.mark.parametrize(
    ("attribute", "more"),
    [
        ("ready", "ready = JokeFlow()"),
        ("make", "def make():\n    return JokeFlow()"),
        ("make_class", "def make_class(size=3):\n    return JokeFlow"),
        ("Box.inner", "class Box:\n    inner = JokeFlow()"),
    ],
)
def test_what_an_attribute_may_be(flow: Write, attribute: str, more: str) -> None:
    """Instances, factories and dotted attributes are taken."""
    flow(f"{JOKE}\n{more}\n")
    assert find(f"flow.py:{attribute}").flow.graph.name == "JokeFlow"


def test_the_only_workflow_is_announced(flow: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever names no attribute is told on standard error which workflow was taken."""
    flow(JOKE)
    find("flow.py", verbosity=0)
    assert capsys.readouterr() == ("", "using flow.py:JokeFlow\n")


def test_an_instance_of_the_only_class_is_no_second_workflow(flow: Write) -> None:
    """A class and an instance of it are one workflow, not two."""
    flow(f"{JOKE}\njoke_flow = JokeFlow()\n")
    assert find("flow.py").name == "JokeFlow"


def test_an_imported_workflow_is_not_defined_there(flow: Write) -> None:
    """A class that the module only imports is not what a bare TARGET means."""
    flow(JOKE, "jokes.py")
    flow("from jokes import JokeFlow\nclass Mine(JokeFlow):\n    pass\n")
    assert find("flow.py").name == "Mine"


def test_modules_beside_the_file_can_be_imported(flow: Write) -> None:
    """A file's own folder is on sys.path while it is imported."""
    flow("NAME = 'x'", "deep/beside.py")
    flow(f"import beside\n{JOKE}", "deep/flow.py")
    assert find("deep/flow.py").name == "JokeFlow"


def test_classes_know_their_module(flow: Write) -> None:
    """A file is importable under its stem, as inspect and pydantic need it."""
    flow(JOKE)
    found = find("flow.py").flow
    assert sys.modules["flow"].JokeFlow is found


def test_a_module_of_the_same_name_is_left_alone(flow: Write) -> None:
    """A user's json.py does not replace the json that everybody else uses."""
    import json

    flow(JOKE, "json.py")
    assert find("json.py").flow.graph.name == "JokeFlow"
    assert sys.modules["json"] is json


def test_prints_while_importing_go_to_standard_error(flow: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """A module that prints does not spoil what the command writes to standard output."""
    flow(f"print('hello')\n{JOKE}")
    find("flow.py")
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("flow.py:JokFlow", 2, "wftrace draw flow.py:JokeFlow"),
        ("flow.py:jokeflow", 2, "wftrace draw flow.py:JokeFlow"),
        ("flow.py:JokeEvent", 2, "not a workflow"),
        ("flow.py:needy", 2, "wants arguments (size)"),
        ("flow.py:later", 2, "async function"),
        ("flow.py:wrong", 2, "returned int, not a workflow"),
        ("flow.py:broken", 3, "ZeroDivisionError"),
        ("flw.py", 3, "wftrace draw flow.py"),
        ("nowhere/flow.py", 3, "there is no folder nowhere"),
        ("flw", 3, "wftrace draw flow"),
        ("flow.deeper", 3, "there is no module 'flow.deeper'"),
        (".", 3, "is a folder"),
        ("notes.txt", 3, "not a Python file"),
        ("", 2, "wftrace draw"),
        (":", 2, "wftrace draw"),
        ("..x", 3, "no module"),
    ],
)
def test_what_is_said_when_nothing_is_found(flow: Write, text: str, code: int, expected: str) -> None:
    """Each wrong TARGET has its exit code, and its message names the cure or the fault."""
    flow(
        f"{JOKE}\ndef needy(size): ...\nasync def later(): ...\ndef wrong():\n    return 3\ndef broken():\n    1 / 0\n"
    )
    flow("text", "notes.txt")
    with pytest.raises(CommandError) as caught:
        find(text)
    told = "\n".join([caught.value.what, *caught.value.details, caught.value.cure])
    assert (caught.value.exit_code, expected in told) == (code, True), told


def test_several_workflows_are_listed(flow: Write) -> None:
    """Two workflows in one file are listed with their lines, and the user chooses."""
    flow(MANY)
    with pytest.raises(CommandError) as caught:
        find("flow.py")
    assert caught.value.exit_code == 2
    assert caught.value.details == ("found: JokeFlow (line 7), StoryFlow (line 19)",)
    assert caught.value.cure == "wftrace draw flow.py:JokeFlow"


def test_no_workflow_lists_what_is_there(flow: Write) -> None:
    """A module without a workflow is described by what it does have."""
    flow("class Joke: ...\ndef tell(): ...\n")
    with pytest.raises(CommandError) as caught:
        find("flow.py")
    assert (caught.value.exit_code, caught.value.details) == (2, ("found: Joke, tell",))


def test_a_syntax_error_is_shown_with_its_line(flow: Write) -> None:
    """A file that is no Python is named with line number, the line, and a mark under the place."""
    path = flow("x = 1\ndef broken(:\n    pass\n")
    with pytest.raises(TargetError) as caught:
        find("flow.py")
    assert caught.value.what.startswith(f"{path}, line 2: ")
    assert caught.value.details == ("def broken(:", "           ^")


def test_a_failing_import_shows_the_users_frames_only(flow: Write) -> None:
    """The traceback of a failing import has the user's lines, and none of wftrace or of the import machinery."""
    flow("def helper():\n    return {}['gone']\n", "helping.py")
    flow(f"import helping\nhelping.helper()\n{JOKE}")
    with pytest.raises(TargetError) as caught:
        find("flow.py")
    told = caught.value.details[0]
    assert "return {}['gone']" in told
    assert "helping.helper()" in told
    assert told.endswith("KeyError: 'gone'")
    assert "importlib" not in told
    assert "target.py" not in told


def test_a_missing_dependency_is_named(flow: Write) -> None:
    """A package that the user's module needs and that is not there is named in the cure."""
    flow(f"import not_installed_at_all\n{JOKE}")
    with pytest.raises(TargetError) as caught:
        find("flow.py")
    assert caught.value.cure.startswith("install not_installed_at_all")


def test_a_file_of_a_package_is_to_be_named_as_module(flow: Write) -> None:
    """A file with a relative import is told to be named with dots."""
    flow("", "shop/__init__.py")
    flow(f"from . import prices\n{JOKE}", "shop/flows.py")
    with pytest.raises(TargetError) as caught:
        find("shop/flows.py")
    assert "wftrace draw package.module:Workflow" in caught.value.cure


def test_sys_exit_in_a_module_is_explained(flow: Write) -> None:
    """A script that exits while it is imported does not end the command silently."""
    flow("import sys\nsys.exit(0)\n")
    with pytest.raises(TargetError) as caught:
        find("flow.py")
    assert "__name__" in caught.value.cure


def test_a_failed_import_leaves_nothing_behind(flow: Write) -> None:
    """A module that could not be imported is not left half-made in sys.modules."""
    flow("1 / 0")
    with pytest.raises(TargetError):
        find("flow.py")
    assert "flow" not in sys.modules


def test_frames_of_libraries_are_left_out(flow: Write) -> None:
    """Where the user's code calls a library that fails, the user's line is shown and not the library's."""
    flow("import json\njson.loads('no')\n")
    with pytest.raises(TargetError) as caught:
        find("flow.py")
    told = caught.value.details[0]
    assert "json.loads('no')" in told
    assert told.count("  File ") == 1
    assert "JSONDecodeError" in told
