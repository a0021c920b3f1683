"""The page's flows run as printed: the joke, its start and stop, its pictures, its functions.

Where the page leaves something out (``...``, a name that it never defines), the test supplies it around the code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.seed.page import BLOCKS, Page, ours, printed

CRITIC = "Give a thorough analysis and critique of the following joke: "
ABOUT = "<Write your best joke about {}.>"


def test_only_import_lines_are_changed() -> None:
    """Every other line runs as it is printed."""
    for code in printed().values():
        changed = [(a, b) for a, b in zip(code.splitlines(), ours(code).splitlines(), strict=True) if a != b]
        assert all(a.startswith("from llama_index") and b.startswith("from ") for a, b in changed)


def test_every_block_is_run() -> None:
    """Each of the 29 has its place in these tests."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert len(BLOCKS) == 29
    assert [name for name in BLOCKS if f'"{name}"' not in tests] == []


def test_the_main_function(tmp_path: Path) -> None:
    """A script with one asyncio entry point; ``...`` stands for nothing here."""
    head = textwrap.dedent(
        """
        from wftrace import StartEvent, StopEvent, Workflow, step

        class Whole(Workflow):
            @step
            async def only(self, ev: StartEvent) -> StopEvent:
                return StopEvent(result="ran")

        class MyWorkflow:
            def __init__(self, dots):
                self.flow = Whole()

            def run(self, dots):
                return self.flow.run()


        """
    )
    script = tmp_path / "script.py"
    script.write_text(head + BLOCKS["main"])
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, env=surroundings)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def test_the_joke_flow(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """The joke is made of the topic, the critique of the joke."""
    page.block("joke")
    assert capsys.readouterr().out == f"<{CRITIC}{ABOUT.format('pirates')}>\n"


def test_the_event_class(page: Page) -> None:
    """Its field is given by name, read by name, and required."""
    page.block("event")
    event = page.names["JokeEvent"](joke="ha")
    assert (event.joke, event.get("joke"), event.get("none", 1)) == ("ha", "ha", 1)
    with pytest.raises(ValueError, match="joke"):
        page.names["JokeEvent"]()


def test_the_workflow_class(page: Page) -> None:
    """A class without steps yet, with an attribute of its own."""
    page.block("workflow")
    assert page.names["JokeFlow"].llm.model == "gpt-4o-mini"
    assert page.names["JokeFlow"].graph.steps == ()


def test_entry_exit_and_run(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """The two steps that the page shows one by one make the flow that it runs."""
    page.block("event", "workflow")
    page.run("Base = JokeFlow")
    page.block("entry")
    page.run("Entry = JokeFlow")
    page.block("exit")
    page.run("class JokeFlow(Entry, JokeFlow, Base):\n    pass\n")
    page.block("run")
    assert capsys.readouterr().out == f"<{CRITIC}{ABOUT.format('pirates')}>\n"


def test_a_custom_start_event(page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is given whole, and the step gets that very object. (The page forgets to define ``a_string_field``.)"""
    page.block("event", "custom_start")
    page.run("a_string_field = 'sea'")
    page.block("from_index")
    page.whole("JokeFlow", "@step\nasync def tell(self, ev: JokeEvent) -> StopEvent:\n    return StopEvent(ev.joke)\n")
    real, names = page.names["MyCustomStartEvent"], page.names
    page.given(
        "MyCustomStartEvent", lambda: real("sea", tmp_path / "out", names["LlamaCloudIndex"](), names["OpenAI"]())
    )
    page.block("run_custom_start")
    assert capsys.readouterr().out == ABOUT.format("ships") + "\n"
    assert (tmp_path / "out").read_text() == ABOUT.format("ships")


def test_a_custom_stop_event(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """Its field is given by position; the run's result is the event."""
    page.block("event", "custom_stop", "critique")
    rest = """
        llm = OpenAI()

        @step
        async def begin(self, ev: StartEvent) -> JokeEvent:
            return JokeEvent(ev.topic)
    """
    page.whole("JokeFlow", rest)
    page.block("run_custom_stop")
    assert capsys.readouterr().out == f"<{CRITIC}pirates>\n"
    assert isinstance(page.names["result"], page.names["MyStopEvent"])


def test_drawing_needs_no_other_package() -> None:
    """The page installs one for it; here the functions are part of wftrace."""
    assert BLOCKS["install_drawing"] == "pip install llama-index-utils-workflow\n"
    assert "from wftrace import (" in BLOCKS["draw"]


def test_drawing(page: Page, tmp_path: Path) -> None:
    """Both files are pages with a picture; the second shows the run."""
    page.block("joke", "draw")
    flow, recent = ((tmp_path / f"joke_flow_{name}.html").read_text() for name in ("all", "recent"))
    assert "<svg" in flow
    assert "<svg" in recent
    assert "generate_joke" in flow
    assert flow != recent


def test_functions_on_an_instance(page: Page) -> None:
    """The joke flow without a class. (The page forgets to define ``llm`` in the second step.)"""
    page.block("functions")
    page.run("llm = OpenAI()", "result = await joke_flow.run(topic='pirates')")
    assert page.names["result"] == f"<{CRITIC}{ABOUT.format('pirates')}>"
