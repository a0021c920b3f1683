"""What a run of the page can do: state, joins, sends, streams, retries, humans, single steps, later runs."""

from __future__ import annotations

import pytest

from tests.seed.page import Page

CRITIC = "Give a thorough analysis and critique of the following joke: "


def test_state_in_the_context(page: Page) -> None:
    """What one step sets another gets."""
    head = """
        class Flow(Workflow):
            @step
            async def begin(self, ctx: Context, ev: StartEvent) -> MyEvent:
                await ctx.set("query", ev.query)
                return MyEvent()
        """
    page.run("class MyEvent(Event):\n    pass\n")
    page.methods("state", head)
    page.run("handler = Flow().run(query='q')\nresult = await handler", "key = await handler.ctx.get('key')")
    assert (page.names["result"], page.names["key"]) == (..., ...)


def test_waiting_for_several_events(page: Page) -> None:
    """They come in the order asked, whatever came first."""
    page.run("class QueryEvent(Event):\n    query: str\n", "class RetrieveEvent(Event):\n    nodes: list\n")
    head = """
        class Flow(Workflow):
            @step
            async def begin(self, ctx: Context, ev: StartEvent) -> RetrieveEvent | QueryEvent:
                ctx.send_event(RetrieveEvent(nodes=[1, 2]))
                return QueryEvent(query="q")
        """
    page.methods("collect", head)
    page.run("result = await Flow().run()")
    assert page.names["result"] == "q from [1, 2]"


def test_sending_events_by_hand(page: Page) -> None:
    """The toy example: two events are handled and gathered. Its join never takes the third, which its checks see."""
    page.block("send")
    page.run("result = await MyWorkflow(disable_validation=True).run()")
    assert [event.result for event in page.names["result"]] == ["result", "result"]


def test_streaming(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """The event that was written to the stream is read, and then the result is there."""
    page.run("class FirstEvent(Event):\n    first_output: str\n")
    page.block("progress")
    rest = """
        @step
        async def step_two(self, ev: FirstEvent) -> StopEvent:
            return StopEvent(result=ev.first_output)
    """
    page.whole("MyWorkflow", rest)
    page.given("MyWorkflow", page.names["MyWorkflow"])
    page.block("stream")
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
    page.block("retry")
    page.run("try:\n    result = await MyWorkflow(timeout=None).run()\nexcept OSError as error:\n    result = error\n")
    assert (page.names["result"] == "done") is good
    assert calls[0] == min(failures + 1, 11)


RETRYING = """
class Flow(Workflow):
    @step(retry_policy=Policy())
    async def work(self, ctx: Context, ev: StartEvent) -> StopEvent:
        if ctx.retry_info().retry_number < 1:
            raise OSError("flaky")
        return StopEvent(result="again")

try:
    result = await Flow(timeout=None).run()
except OSError:
    result = "given up"
"""


def test_the_method_of_a_retry_policy(page: Page) -> None:
    """A class with a method as printed is a policy; one that says nothing means no retry."""
    page.methods("protocol", "class Policy:")
    page.run(RETRYING)
    assert page.names["result"] == "given up"


def test_a_retry_policy_of_ones_own(page: Page) -> None:
    """Any class with the method will do; it is asked."""
    page.block("friday")
    page.run("Policy = RetryOnFridayPolicy", RETRYING)
    friday = page.names["RetryOnFridayPolicy"]().next(0.0, 0, OSError()) == 5
    assert page.names["result"] == ("again" if friday else "given up")


def test_a_human_in_the_loop(page: Page) -> None:
    """The question comes on the stream, the answer goes in by the context."""
    page.names["input"] = lambda prefix: f"{prefix}42"
    page.block("human")
    assert page.names["final_result"] == "Enter a number: 42"


def test_a_human_who_takes_a_while(page: Page) -> None:
    """The loop over the stream is left, and taken up again after the answer."""
    page.names["input"] = lambda prefix: f"{prefix}42"
    page.block("human")
    page.run("final_result = None")
    page.block("human_later")
    assert page.names["final_result"] == "Enter a number: 42"


def test_stepwise(page: Page) -> None:
    """The flow goes on when what it hands out is sent, to the end and the result. (The page gives no topic.)"""
    page.block("joke")
    page.names["result"] = None
    rest = """
        def run(self, **more):
            return super().run(topic="pirates", **more)
    """
    page.whole("JokeFlow", rest)
    page.block("stepwise")
    assert page.names["result"] == f"<{CRITIC}<Write your best joke about pirates.>>"


def test_a_context_for_several_runs(page: Page) -> None:
    """The second run finds what the first has set."""
    flow = """
class Counting(Workflow):
    @step
    async def count(self, ctx: Context, ev: StartEvent) -> StopEvent:
        n = await ctx.get("n", default=0)
        await ctx.set("n", n + 1)
        return StopEvent(result=n + 1)

w = Counting()
"""
    page.run(flow)
    page.block("again")
    assert page.names["result"] == 2


def test_checkpoints(page: Page) -> None:
    """One after each step; a run from the first goes on with the joke that was made before it."""
    page.block("joke")
    page.given("JokeFlow", page.names["JokeFlow"])
    page.block("checkpoint")
    page.run("first, last = w_cptr.checkpoints.values()", "result = await handler")
    first, last = page.names["first"], page.names["last"]
    assert [each.last_completed_step for each in first] == ["generate_joke", "critique_joke"]
    assert [each.last_completed_step for each in last] == ["critique_joke"]
    assert page.names["result"] == f"<{CRITIC}<Write your best joke about Pirates.>>"
