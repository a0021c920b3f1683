"""``wftrace check``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wftrace.cli.check import CODES
from wftrace.engine import validation

from .conftest import JOKE, Call, Terminal, needs_terminal

Write = Callable[..., Path]

LOST = JOKE.replace("class JokeFlow", "class Lost(Event): ...\n\nclass JokeFlow").replace(
    "-> JokeEvent:", "-> JokeEvent | Lost:"
)
LOST_LINE = LOST.split("\n").index("    @step") + 1

SHORT = """
from wftrace import Context, Event, StartEvent, StopEvent, Workflow, step

class Part(Event): ...

class Short(Workflow):
    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        ctx.send_event(Part())

    @step
    async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
        if ctx.collect_events(ev, [Part] * 3):
            return StopEvent()
"""


def test_a_flow_without_a_fault_is_ok(flow: Write, call: Call) -> None:
    """Nothing goes to standard output, a line of figures to standard error, and the code is 0."""
    flow(JOKE)
    done = call("check", "flow.py")
    assert (done.code, done.out, done.err) == (0, "", "ok: 1 workflow, 2 steps checked\n")


def test_a_finding_is_told_as_linters_do(flow: Write, call: Call) -> None:
    """Place, code, workflow and sentence stand in one line, the cure below; the code is 1."""
    flow(LOST)
    done = call("check", "flow.py:JokeFlow")
    assert done.code == 1
    first, cure = done.out.splitlines()
    assert first == (f"flow.py:{LOST_LINE}: WF004 JokeFlow: The following events are produced but never consumed: Lost")
    assert cure == "    add a step that takes Lost, or write it to the stream"
    assert done.err == "1 error, 0 warnings: 1 workflow, 2 steps checked\n"


def test_every_workflow_of_a_file_is_checked(flow: Write, call: Call) -> None:
    """A file needs no attribute: all that it defines is checked, also when it is named twice."""
    flow(LOST + SHORT)
    done = call("check", "flow.py", "flow.py:Short")
    assert "WF004 JokeFlow" in done.out
    assert done.out.count("WF010 warning: Short") == 1
    assert "2 workflows, 4 steps checked" in done.err


def test_flows_of_one_name_are_kept_apart(flow: Write, call: Call) -> None:
    """Two files may both be called flow.py and define the same class; the place says which is meant."""
    flow(JOKE, "good/flow.py")
    flow(LOST, "bad/flow.py")
    done = call("check", "good/flow.py", "bad/flow.py")
    assert done.code == 1
    assert [line.split(":")[0] for line in done.out.splitlines() if line[0] != " "] == ["bad/flow.py"]
    assert "2 workflows" in done.err


def test_warnings_fail_only_when_strict(flow: Write, call: Call) -> None:
    """What does not keep a flow from running is shown, and fails the check with --strict."""
    flow(SHORT)
    done = call("check", "flow.py")
    assert (done.code, "warning: " in done.out) == (0, True)
    assert call("check", "flow.py", "--strict").code == 1


@pytest.mark.parametrize("options", [("--ignore", "WF004"), ("--ignore", "wf001,wf004")])
def test_a_code_can_be_ignored(flow: Write, call: Call, options: tuple[str, ...]) -> None:
    """--ignore leaves findings of a code out, whatever the case; several are parted by commas."""
    flow(LOST)
    done = call("check", "flow.py", *options)
    assert (done.code, done.out) == (0, "")


def test_an_unknown_code_is_refused(flow: Write, call: Call) -> None:
    """A misspelt --ignore would ignore nothing, so it ends with code 2 and the closest code."""
    flow(JOKE)
    done = call("check", "flow.py", "--ignore", "WF04")
    assert done.code == 2
    assert "try: --ignore WF004" in done.err


def test_json_is_one_document(flow: Write, call: Call) -> None:
    """--json writes a document with its schema's name and everything that the lines say."""
    flow(LOST + SHORT)
    done = call("check", "flow.py", "--json")
    document = json.loads(done.out)
    assert (done.code, document["schema"], document["ok"]) == (1, "wftrace/check@1", False)
    joke, short = document["workflows"]
    assert (joke["name"], joke["target"], joke["file"], joke["steps"]) == ("JokeFlow", "flow.py", "flow.py", 2)
    (finding,) = joke["findings"]
    assert finding == {
        "code": "WF004",
        "severity": "error",
        "message": "The following events are produced but never consumed: Lost",
        "cure": "add a step that takes Lost, or write it to the stream",
        "node": finding["node"],
        "file": "flow.py",
        "line": LOST_LINE,
    }
    assert [each["severity"] for each in short["findings"]] == ["warning"]


def test_a_file_that_cannot_be_imported_does_not_stop_the_others(flow: Write, call: Call) -> None:
    """Its error is told without our traceback, the others are checked, and the code is 3."""
    flow("import nothing_of_this_name\n", "broken.py")
    flow(LOST)
    done = call("check", "broken.py", "flow.py")
    assert done.code == 3
    assert "broken.py cannot be imported" in done.err
    assert "wftrace/" not in done.err
    assert "WF004" in done.out


def test_json_names_what_could_not_be_read(flow: Write, call: Call) -> None:
    """A document stays a document when a target is not there."""
    done = call("check", "gone.py", "--json")
    document = json.loads(done.out)
    assert (done.code, document["ok"], document["workflows"]) == (3, False, [])
    assert document["unread"][0]["target"] == "gone.py"


def test_classes_that_others_build_on_are_passed_over(flow: Write, call: Call) -> None:
    """A base class without a start of its own is not checked by itself, unless it is named."""
    base = JOKE.replace(
        "class JokeFlow(Workflow)", "class Helpers(Workflow):\n    pass\n\nclass Base(Helpers)"
    ).replace("    @step\n    async def judge", "class JokeFlow(Base):\n    @step\n    async def judge")
    flow(base)
    done = call("check", "flow.py")
    assert (done.code, done.out, done.err) == (0, "", "ok: 1 workflow, 2 steps checked\n")
    assert "WF002 Base" in call("check", "flow.py:Base").out


def test_steps_attached_to_an_instance_are_checked(flow: Write, call: Call) -> None:
    """A workflow made of functions is a workflow like any other."""
    flow(
        "from wftrace import StartEvent, StopEvent, Workflow, step\n"
        "made = Workflow()\n\n"
        "@step(workflow=made)\n"
        "async def begin(ev: StartEvent) -> None: ...\n"
    )
    done = call("check", "flow.py")
    assert done.code == 1
    assert done.out.startswith("flow.py:4: WF002 made: ")


def test_nothing_to_check_is_a_usage_error(flow: Write, call: Call) -> None:
    """Without a target, and with a file that has no workflow, the code is 2."""
    flow("x = 1\n")
    assert call("check").code == 2
    assert call("check", "flow.py").code == 2


def test_names_from_a_flow_cannot_steer_the_terminal(flow: Write, call: Call) -> None:
    """Control characters in names are taken out."""
    flow(LOST + "Lost.__name__ = 'Lo\\x1b[31mst'\n")
    assert "\x1b" not in call("check", "flow.py").out


@needs_terminal
def test_a_terminal_gets_colours(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """Codes are coloured where a person looks, and nowhere else."""
    flow(LOST)
    seen = terminal("check", "flow.py")
    assert seen.end() == 1
    assert "\x1b[31m\x1b[1mWF004" in seen.seen


def test_every_code_of_the_checks_can_be_ignored() -> None:
    """The codes that the command knows are those that the checks use, no more and no less."""
    source = Path(validation.__file__).read_text(encoding="utf-8")
    assert {code for code in CODES if f'"{code}"' in source} == set(CODES)
    assert f"WF{len(CODES) + 1:03}" not in source
