"""The code of the page that the engine was made after runs as printed: only import lines are changed.

Where the page leaves something out (``...``, a name that it never defines), the test supplies it around the code. The
steps that the page prints without their class get one.
"""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.test_docs import MODULE, Bench, Block

MAIN = """\
async def main():
    w = MyWorkflow(...)
    result = await w.run(...)
    print(result)


if __name__ == "__main__":
    import asyncio

    asyncio.run(main())
"""

JOKE = """\
from wftrace import (
    Event,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)

# `pip install llama-index-llms-openai` if you don't already have it
from stand_in import OpenAI


class JokeEvent(Event):
    joke: str


class JokeFlow(Workflow):
    llm = OpenAI()

    @step
    async def generate_joke(self, ev: StartEvent) -> JokeEvent:
        topic = ev.topic

        prompt = f"Write your best joke about {topic}."
        response = await self.llm.acomplete(prompt)
        return JokeEvent(joke=str(response))

    @step
    async def critique_joke(self, ev: JokeEvent) -> StopEvent:
        joke = ev.joke

        prompt = f"Give a thorough analysis and critique of the following joke: {joke}"
        response = await self.llm.acomplete(prompt)
        return StopEvent(result=str(response))


w = JokeFlow(timeout=60, verbose=False)
result = await w.run(topic="pirates")
print(str(result))
"""

EVENT = """\
class JokeEvent(Event):
    joke: str
"""

CLASS = """\
class JokeFlow(Workflow):
    llm = OpenAI(model="gpt-4o-mini")
    ...
"""

CUSTOM_START = """\
from pathlib import Path

from wftrace import StartEvent
from stand_in import LlamaCloudIndex
from stand_in import OpenAI


class MyCustomStartEvent(StartEvent):
    a_string_field: str
    a_path_to_somewhere: Path
    an_index: LlamaCloudIndex
    an_llm: OpenAI
"""

FROM_INDEX = """\
class JokeFlow(Workflow):
    ...

    @step
    async def generate_joke_from_index(
        self, ev: MyCustomStartEvent
    ) -> JokeEvent:
        # Build a query engine using the index and the llm from the start event
        query_engine = ev.an_index.as_query_engine(llm=ev.an_llm)
        topic = query_engine.query(
            f"What is the closest topic to {a_string_field}"
        )
        # Use the llm attached to the start event to instruct the model
        prompt = f"Write your best joke about {topic}."
        response = await ev.an_llm.acomplete(prompt)
        # Dump the response on disk using the Path object from the event
        ev.a_path_to_somewhere.write_text(str(response))
        # Finally, pass the JokeEvent along
        return JokeEvent(joke=str(response))
"""

RUN_CUSTOM_START = """\
custom_start_event = MyCustomStartEvent(...)
w = JokeFlow(timeout=60, verbose=False)
result = await w.run(start_event=custom_start_event)
print(str(result))
"""

CUSTOM_STOP = """\
from wftrace import StopEvent


class MyStopEvent(StopEvent):
    critique: CompletionResponse
"""

CRITIQUE = """\
class JokeFlow(Workflow):
    ...

    @step
    async def critique_joke(self, ev: JokeEvent) -> MyStopEvent:
        joke = ev.joke

        prompt = f"Give a thorough analysis and critique of the following joke: {joke}"
        response = await self.llm.acomplete(prompt)
        return MyStopEvent(response)

    ...
"""

RUN_CUSTOM_STOP = """\
w = JokeFlow(timeout=60, verbose=False)
# Warning! `result` now contains an instance of MyStopEvent!
result = await w.run(topic="pirates")
# We can now access the event fields as any normal Event
print(result.critique.text)
"""

DRAW = """\
from wftrace import (
    draw_all_possible_flows,
    draw_most_recent_execution,
)

# Draw all
draw_all_possible_flows(JokeFlow, filename="joke_flow_all.html")

# Draw an execution
w = JokeFlow()
await w.run(topic="Pirates")
draw_most_recent_execution(w, filename="joke_flow_recent.html")
"""

STATE = """\
from wftrace import Context


@step
async def query(self, ctx: Context, ev: MyEvent) -> StopEvent:
    # retrieve from context
    query = await ctx.get("query")

    # do something with context and event
    val = ...
    result = ...

    # store in context
    await ctx.set("key", val)

    return StopEvent(result=result)
"""

COLLECT = """\
from stand_in import get_response_synthesizer


@step
async def synthesize(
    self, ctx: Context, ev: QueryEvent | RetrieveEvent
) -> StopEvent | None:
    data = ctx.collect_events(ev, [QueryEvent, RetrieveEvent])
    # check if we can run
    if data is None:
        return None

    # unpack -- data is returned in order
    query_event, retrieve_event = data

    # run response synthesis
    synthesizer = get_response_synthesizer()
    response = synthesizer.synthesize(
        query_event.query, nodes=retrieve_event.nodes
    )

    return StopEvent(result=response)
"""

SEND = """\
from wftrace import step, Context, Event, Workflow


class MyEvent(Event):
    pass


class MyEventResult(Event):
    result: str


class GatherEvent(Event):
    pass


class MyWorkflow(Workflow):
    @step
    async def dispatch_step(
        self, ctx: Context, ev: StartEvent
    ) -> MyEvent | GatherEvent:
        ctx.send_event(MyEvent())
        ctx.send_event(MyEvent())

        return GatherEvent()

    @step
    async def handle_my_event(self, ev: MyEvent) -> MyEventResult:
        return MyEventResult(result="result")

    @step
    async def gather(
        self, ctx: Context, ev: GatherEvent | MyEventResult
    ) -> StopEvent | None:
        # wait for events to finish
        events = ctx.collect_events(ev, [MyEventResult, MyEventResult])
        if not events:
            return None

        return StopEvent(result=events)
"""

PROGRESS = """\
class ProgressEvent(Event):
    msg: str


class MyWorkflow(Workflow):
    @step
    async def step_one(self, ctx: Context, ev: StartEvent) -> FirstEvent:
        ctx.write_event_to_stream(ProgressEvent(msg="Step one is happening"))
        return FirstEvent(first_output="First step complete.")
"""

STREAM = """\
w = MyWorkflow(...)

handler = w.run(topic="Pirates")

async for event in handler.stream_events():
    print(event)

result = await handler
"""

RETRY = """\
from wftrace import ConstantDelayRetryPolicy


class MyWorkflow(Workflow):
    # ...more workflow definition...

    # This policy will retry this step on failure every 5 seconds for at most 10 times
    @step(retry_policy=ConstantDelayRetryPolicy(delay=5, maximum_attempts=10))
    async def flaky_step(self, ctx: Context, ev: StartEvent) -> StopEvent:
        result = flaky_call()  # this might raise
        return StopEvent(result=result)
"""

FRIDAY = """\
from datetime import datetime


class RetryOnFridayPolicy:
    def next(
        self, elapsed_time: float, attempts: int, error: Exception
    ) -> Optional[float]:
        if datetime.today().strftime("%A") == "Friday":
            # retry in 5 seconds
            return 5
        # tell the workflow we don't want to retry
        return None
"""

HUMAN = """\
from wftrace import InputRequiredEvent, HumanResponseEvent


class HumanInTheLoopWorkflow(Workflow):
    @step
    async def step1(self, ev: StartEvent) -> InputRequiredEvent:
        return InputRequiredEvent(prefix="Enter a number: ")

    @step
    async def step2(self, ev: HumanResponseEvent) -> StopEvent:
        return StopEvent(result=ev.response)


# workflow should work with streaming
workflow = HumanInTheLoopWorkflow()

handler = workflow.run()
async for event in handler.stream_events():
    if isinstance(event, InputRequiredEvent):
        # here, we can handle human input however you want
        # this means using input(), websockets, accessing async state, etc.
        # here, we just use input()
        response = input(event.prefix)
        handler.ctx.send_event(HumanResponseEvent(response=response))

final_result = await handler
"""

HUMAN_LATER = """\
handler = workflow.run()
async for event in handler.stream_events():
    if isinstance(event, InputRequiredEvent):
        break

# now we handle the human response
response = input(event.prefix)
handler.ctx.send_event(HumanResponseEvent(response=response))

# now we resume the workflow streaming
async for event in handler.stream_events():
    continue

final_result = await handler
"""

FUNCTIONS = """\
from wftrace import (
    Event,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from stand_in import OpenAI


class JokeEvent(Event):
    joke: str


joke_flow = Workflow(timeout=60, verbose=True)


@step(workflow=joke_flow)
async def generate_joke(ev: StartEvent) -> JokeEvent:
    topic = ev.topic

    prompt = f"Write your best joke about {topic}."

    llm = OpenAI()
    response = await llm.acomplete(prompt)
    return JokeEvent(joke=str(response))


@step(workflow=joke_flow)
async def critique_joke(ev: JokeEvent) -> StopEvent:
    joke = ev.joke

    prompt = (
        f"Give a thorough analysis and critique of the following joke: {joke}"
    )
    response = await llm.acomplete(prompt)
    return StopEvent(result=str(response))
"""

AGAIN = """\
handler = w.run()
result = await handler

# continue with next run
handler = w.run(ctx=handler.ctx)
result = await handler
"""

STAND_INS = '''
from pathlib import Path


class CompletionResponse:
    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


class OpenAI:
    """Answers at once with what it was asked."""

    def __init__(self, model="any"):
        self.model = model

    async def acomplete(self, prompt):
        return CompletionResponse(f"<{prompt}>")


class LlamaCloudIndex:
    def as_query_engine(self, llm):
        return self

    def query(self, text):
        return "ships"


class Synthesizer:
    def synthesize(self, query, nodes):
        return f"{query} from {nodes}"


def get_response_synthesizer():
    return Synthesizer()
'''

ALL = "from wftrace import *\nfrom stand_in import *\n"
CRITIC = "Give a thorough analysis and critique of the following joke: "
ABOUT = "<Write your best joke about {}.>"


class HastyLoop(asyncio.SelectorEventLoop):
    """Its timers are a hundred times faster: nobody waits five seconds for a retry."""

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:  # type: ignore[override]
        return super().call_later(delay / 100, callback, *args, context=context)


class Page:
    """Runs blocks one after the other; their names are shared."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._line = 1
        self.names = bench.module.__dict__

    def run(self, *blocks: str) -> None:
        """Run some code, which may await at its top."""
        for code in blocks:
            self._bench.run_python(Block("python", code, self._line))
            self._line += 1000


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page in an empty folder, with the names of the engine and the stand-ins for what is not ours."""
    monkeypatch.chdir(tmp_path)
    stand_in = ModuleType("stand_in")
    exec(STAND_INS, stand_in.__dict__)
    monkeypatch.setitem(sys.modules, "stand_in", stand_in)
    with asyncio.Runner(loop_factory=HastyLoop) as loop:
        bench = Bench(tmp_path, loop)
        monkeypatch.setitem(sys.modules, MODULE, bench.module)
        made = Page(bench)
        made.run(ALL)
        yield made


def method(block: str, head: str) -> str:
    """A block whose steps are methods, inside a class with that head; what it imports stays before it."""
    tree = ast.parse(block)
    first = next(node for node in tree.body if isinstance(node, ast.AsyncFunctionDef))
    line = first.decorator_list[0].lineno - 1
    lines = block.splitlines(keepends=True)
    return "".join(lines[:line]) + head + "\n" + textwrap.indent("".join(lines[line:]), "    ")


def whole(page: Page, name: str, rest: str) -> None:
    """Complete a class that the page printed with ``...`` for the rest of it."""
    page.run(f"class Rest({name}):\n" + textwrap.indent(textwrap.dedent(rest), "    "), f"{name} = Rest")


def given(page: Page, name: str, make: Callable[[], object]) -> None:
    """Let ``name(...)`` be a call with what the three dots stand for."""
    page.names[name] = lambda dots: make()


def test_the_main_function(tmp_path: Path) -> None:
    """Block 1: a script with one asyncio entry point; ``...`` stands for nothing here."""
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
    script.write_text(head + MAIN)
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, env=surroundings)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def test_the_joke_flow(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """Block 2: the joke is made of the topic, the critique of the joke."""
    page.run(JOKE)
    assert capsys.readouterr().out == f"<{CRITIC}{ABOUT.format('pirates')}>\n"


def test_the_event_class(page: Page) -> None:
    """Block 3: its field is given by name, read by name, and required."""
    page.run(EVENT)
    event = page.names["JokeEvent"](joke="ha")
    assert (event.joke, event.get("joke"), event.get("none", 1)) == ("ha", "ha", 1)
    with pytest.raises(ValueError, match="joke"):
        page.names["JokeEvent"]()


def test_the_workflow_class(page: Page) -> None:
    """Block 4: a class without steps yet, with an attribute of its own."""
    page.run(CLASS)
    assert page.names["JokeFlow"].llm.model == "gpt-4o-mini"
    assert page.names["JokeFlow"].graph.steps == ()


def test_a_custom_start_event(page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is given whole, and the step gets that very object. (The page forgets to define ``a_string_field``.)"""
    page.run(EVENT, CUSTOM_START, "a_string_field = 'sea'", FROM_INDEX)
    whole(page, "JokeFlow", "@step\nasync def tell(self, ev: JokeEvent) -> StopEvent:\n    return StopEvent(ev.joke)\n")
    real, names = page.names["MyCustomStartEvent"], page.names
    given(
        page, "MyCustomStartEvent", lambda: real("sea", tmp_path / "out", names["LlamaCloudIndex"](), names["OpenAI"]())
    )
    page.run(RUN_CUSTOM_START)
    assert capsys.readouterr().out == ABOUT.format("ships") + "\n"
    assert (tmp_path / "out").read_text() == ABOUT.format("ships")


def test_a_custom_stop_event(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """Its field is given by position; the run's result is the event."""
    page.run(EVENT, CUSTOM_STOP, CRITIQUE)
    rest = (
        "llm = OpenAI()\n\n@step\nasync def begin(self, ev: StartEvent) -> JokeEvent:\n    return JokeEvent(ev.topic)\n"
    )
    whole(page, "JokeFlow", rest)
    page.run(RUN_CUSTOM_STOP)
    assert capsys.readouterr().out == f"<{CRITIC}pirates>\n"
    assert isinstance(page.names["result"], page.names["MyStopEvent"])


def test_drawing(page: Page, tmp_path: Path) -> None:
    """Both files are pages with a picture; the second shows the run."""
    page.run(JOKE, DRAW)
    flow, recent = ((tmp_path / f"joke_flow_{name}.html").read_text() for name in ("all", "recent"))
    assert "<svg" in flow
    assert "<svg" in recent
    assert "generate_joke" in flow
    assert flow != recent


def test_state_in_the_context(page: Page) -> None:
    """What one step sets another gets."""
    head = textwrap.dedent(
        """
        class Flow(Workflow):
            @step
            async def begin(self, ctx: Context, ev: StartEvent) -> MyEvent:
                await ctx.set("query", ev.query)
                return MyEvent()
        """
    )
    page.run("class MyEvent(Event):\n    pass\n", method(STATE, head))
    page.run("handler = Flow().run(query='q')\nresult = await handler", "key = await handler.ctx.get('key')")
    assert (page.names["result"], page.names["key"]) == (..., ...)


def test_waiting_for_several_events(page: Page) -> None:
    """They come in the order asked, whatever came first."""
    page.run("class QueryEvent(Event):\n    query: str\n", "class RetrieveEvent(Event):\n    nodes: list\n")
    head = textwrap.dedent(
        """
        class Flow(Workflow):
            @step
            async def begin(self, ctx: Context, ev: StartEvent) -> RetrieveEvent | QueryEvent:
                ctx.send_event(RetrieveEvent(nodes=[1, 2]))
                return QueryEvent(query="q")
        """
    )
    page.run(method(COLLECT, head), "result = await Flow().run()")
    assert page.names["result"] == "q from [1, 2]"


def test_sending_events_by_hand(page: Page) -> None:
    """The toy example: two events are handled and gathered."""
    page.run(SEND, "result = await MyWorkflow(disable_validation=True).run()")
    assert [event.result for event in page.names["result"]] == ["result", "result"]


def test_streaming(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """The event that was written to the stream is read, and then the result is there."""
    page.run("class FirstEvent(Event):\n    first_output: str\n", PROGRESS)
    rest = (
        "@step\nasync def step_two(self, ev: FirstEvent) -> StopEvent:\n    return StopEvent(result=ev.first_output)\n"
    )
    whole(page, "MyWorkflow", rest)
    given(page, "MyWorkflow", page.names["MyWorkflow"])
    page.run(STREAM)
    assert "Step one is happening" in capsys.readouterr().out
    assert page.names["result"] == "First step complete."


@pytest.mark.parametrize(("failures", "good"), [(0, True), (3, True), (10, True), (11, False)])
def test_retrying(page: Page, failures: int, good: bool) -> None:
    """Ten times after the first failure, and then no more."""
    calls = [0]

    def flaky_call() -> str:
        calls[0] += 1
        if calls[0] <= failures:
            raise OSError("flaky")
        return "done"

    page.names["flaky_call"] = flaky_call
    page.run(RETRY)
    ask = "try:\n    result = await MyWorkflow(timeout=None).run()\nexcept OSError as error:\n    result = error\n"
    page.run(ask)
    assert (page.names["result"] == "done") is good
    assert calls[0] == min(failures + 1, 11)


def test_a_retry_policy_of_ones_own(page: Page) -> None:
    """Any class with the method will do; it is asked."""
    page.run(FRIDAY)
    flow = textwrap.dedent(
        """
        class Flow(Workflow):
            @step(retry_policy=RetryOnFridayPolicy())
            async def work(self, ctx: Context, ev: StartEvent) -> StopEvent:
                if ctx.retry_info().retry_number < 1:
                    raise OSError("flaky")
                return StopEvent(result="again")

        try:
            result = await Flow(timeout=None).run()
        except OSError:
            result = "given up"
        """
    )
    page.run(flow)
    friday = page.names["RetryOnFridayPolicy"]().next(0.0, 0, OSError()) == 5
    assert page.names["result"] == ("again" if friday else "given up")


def test_a_human_in_the_loop(page: Page) -> None:
    """The question comes on the stream, the answer goes in by the context."""
    page.names["input"] = lambda prefix: f"{prefix}42"
    page.run(HUMAN)
    assert page.names["final_result"] == "Enter a number: 42"


def test_a_human_who_takes_a_while(page: Page) -> None:
    """The loop over the stream is left, and taken up again after the answer."""
    page.names["input"] = lambda prefix: f"{prefix}42"
    page.run(HUMAN, "final_result = None", HUMAN_LATER)
    assert page.names["final_result"] == "Enter a number: 42"


def test_functions_on_an_instance(page: Page) -> None:
    """The joke flow without a class. (The page forgets to define ``llm`` in the second step.)"""
    page.run(FUNCTIONS, "llm = OpenAI()", "result = await joke_flow.run(topic='pirates')")
    assert page.names["result"] == f"<{CRITIC}{ABOUT.format('pirates')}>"


def test_a_context_for_several_runs(page: Page) -> None:
    """The second run finds what the first has set."""
    flow = textwrap.dedent(
        """
        class Counting(Workflow):
            @step
            async def count(self, ctx: Context, ev: StartEvent) -> StopEvent:
                n = await ctx.get("n", default=0)
                await ctx.set("n", n + 1)
                return StopEvent(result=n + 1)

        w = Counting()
        """
    )
    page.run(flow, AGAIN)
    assert page.names["result"] == 2
