"""The graph: what is declared, what is read from source, what is wrong, and how it is written and read back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wftrace import (
    Context,
    Event,
    FlowGraph,
    GraphFormatError,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowConfigurationError,
    WorkflowValidationError,
    step,
)
from wftrace.engine.graph import EdgeKind, EventKind, Provenance


class Query(Event):
    text: str


class Found(Event):
    pass


class Progress(Event):
    pass


class Signal(Event):
    pass


class Ask(InputRequiredEvent):
    pass


class Answer(HumanResponseEvent):
    pass


class Fan(Workflow):
    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> None:
        """Split the question."""
        for text in ("a", "b"):
            query = Query(text=text)
            ctx.send_event(query)

    @step(num_workers=2)
    async def fetch(self, ctx: Context[Any], ev: Query) -> Found:
        ctx.write_event_to_stream(Progress())
        await ctx.wait_for_event(Signal)
        self.note(ctx)
        return Found()

    def note(self, ctx: Context[Any]) -> None:
        ctx.send_event(Signal())

    @step
    async def join(self, ctx: Context[Any], ev: Found) -> Ask | None:
        return Ask() if ctx.collect_events(ev, [Found] * 2) else None

    @step
    async def done(self, ev: Answer) -> StopEvent:
        return StopEvent()


def edges(graph: FlowGraph) -> set[tuple[str, str, EdgeKind, Provenance]]:
    """Edges with short names."""
    name = {node.id: node.name for node in graph.nodes.values()}
    return {(name[e.source], name[e.target], e.kind, e.provenance) for e in graph.edges}


def test_everything_a_step_does_is_an_edge() -> None:
    """Annotations are declared; sends, stream writes and waits are read from the source, through helpers too."""
    declared, inferred = Provenance.DECLARED, Provenance.INFERRED
    assert edges(Fan.graph) == {
        ("StartEvent", "plan", EdgeKind.ACCEPTS, declared),
        ("plan", "Query", EdgeKind.SENDS, inferred),
        ("Query", "fetch", EdgeKind.ACCEPTS, declared),
        ("fetch", "Found", EdgeKind.RETURNS, declared),
        ("fetch", "Progress", EdgeKind.STREAMS, inferred),
        ("fetch", "Signal", EdgeKind.SENDS, inferred),
        ("Signal", "fetch", EdgeKind.WAITS, inferred),
        ("Found", "join", EdgeKind.ACCEPTS, declared),
        ("join", "Ask", EdgeKind.RETURNS, declared),
        ("Answer", "done", EdgeKind.ACCEPTS, declared),
        ("done", "StopEvent", EdgeKind.RETURNS, declared),
    }


def test_a_send_makes_a_step_without_return_valid() -> None:
    """``-> None`` with a send needs no lie in the annotation."""
    assert Fan.graph.findings == ()


def test_steps_carry_their_policies() -> None:
    """Docstring, workers and joins stand on the step."""
    graph = Fan.graph
    assert graph.step["plan"].doc == "Split the question."
    assert graph.step["fetch"].num_workers == 2
    (join,) = graph.step["join"].joins
    assert (graph.nodes[join.event].name, join.count) == ("Found", 2)


def test_event_kinds() -> None:
    """Start, stop, question and answer are told apart by their base classes."""
    kinds = {event.name: event.kind for event in Fan.graph.events}
    assert kinds["Ask"] is EventKind.INPUT_REQUIRED
    assert kinds["Answer"] is EventKind.HUMAN_RESPONSE
    assert (kinds["StartEvent"], kinds["StopEvent"]) == (EventKind.START, EventKind.STOP)


def test_what_is_declared_but_only_sent_is_a_send() -> None:
    """The seed page declares in the return type what it sends: the source tells which is which."""

    class Seed(Workflow):
        @step
        async def dispatch(self, ctx: Context[Any], ev: StartEvent) -> Query | Found:
            ctx.send_event(Query(text="a"))
            return Found()

        @step
        async def take(self, ev: Query | Found) -> StopEvent:
            return StopEvent()

    kinds = {edge[1]: edge[2:] for edge in edges(Seed.graph) if edge[0] == "dispatch"}
    assert kinds == {
        "Query": (EdgeKind.SENDS, Provenance.DECLARED),
        "Found": (EdgeKind.RETURNS, Provenance.DECLARED),
    }


def test_same_names_stay_apart() -> None:
    """Two events called Done and a step called Done are three nodes."""

    def other() -> type[Event]:
        class Done(Event):
            pass

        return Done

    class Done(Event):
        pass

    second = other()

    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> Done:
            return Done()

        @step
        async def Done(self, ev: Done) -> second:  # type: ignore[valid-type]  # noqa: N802
            return second()

        @step
        async def end(self, ev: second) -> StopEvent:  # type: ignore[valid-type]
            return StopEvent()

    assert len({node.id for node in Flow.graph.nodes.values() if node.name == "Done"}) == 3


def test_json_and_back_is_the_same_graph() -> None:
    """What ``to_json`` writes, ``from_json`` reads."""
    assert FlowGraph.from_json(Fan.graph.to_json()) == Fan.graph


def test_json_is_the_same_text_twice() -> None:
    """The same graph gives the same bytes."""
    assert FlowGraph.from_json(Fan.graph.to_json()).to_json() == Fan.graph.to_json()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "its format is 'list'"),
        ('{"format":"wftrace/graph@99"}', "its format is 'wftrace/graph@99'"),
        ('{"format":"wftrace/graph@1"}', "name"),
        ('{"format":"wftrace/graph@1","name":"x","steps":[3],"events":[],"edges":[]}', "steps.0"),
        (
            (
                '{"format":"wftrace/graph@1","name":"x","steps":[],"events":[],'
                '"edges":[{"source":"a","target":"b","kind":"sends"}]}'
            ),
            "names the node 'a'",
        ),
        (
            (
                '{"format":"wftrace/graph@1","name":"x","steps":[{"id":"a","name":"a"},{"id":"a","name":"b"}],'
                '"events":[],"edges":[]}'
            ),
            "share one id",
        ),
    ],
)
def test_foreign_graphs_are_refused_with_the_reason(text: str, reason: str) -> None:
    """A graph document may come from anywhere."""
    with pytest.raises(GraphFormatError, match=reason):
        FlowGraph.from_json(text)


def test_hash_follows_the_structure_only() -> None:
    """Another place in the file is the same flow, another edge is not."""
    document = json.loads(Fan.graph.to_json())
    document["line"] = 999
    assert FlowGraph.from_json(json.dumps(document)).hash == Fan.graph.hash
    document["edges"].pop()
    assert FlowGraph.from_json(json.dumps(document)).hash != Fan.graph.hash


def test_no_stop_event() -> None:
    """A flow that never ends is refused with the known sentence."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> None: ...

    with pytest.raises(WorkflowConfigurationError, match="type StopEvent must be returned by any step"):
        Flow().validate()


def test_no_start_event() -> None:
    """A flow that never begins is refused with the known sentence."""

    class Flow(Workflow):
        @step
        async def work(self, ev: Answer) -> StopEvent:
            return StopEvent()

    with pytest.raises(WorkflowConfigurationError, match="type StartEvent must be received by any step"):
        Flow().validate()


def test_two_stop_events() -> None:
    """Which of two stop classes is the result could not be said."""

    class Other(StopEvent):
        pass

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent | Other:
            return Other()

    with pytest.raises(WorkflowConfigurationError, match=r"Only one type of StopEvent .* StopEvent, Other"):
        Flow().validate()


def test_consumed_but_never_produced() -> None:
    """An event that nobody makes is named with the step that waits for it, which can never run."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent()

        @step
        async def audit(self, ev: Signal) -> None: ...

    with pytest.raises(WorkflowValidationError, match="consumed but never produced: Signal") as caught:
        Flow().validate()
    assert "step 'audit' can never run" in str(caught.value)
    assert "test_graph.py:" in str(caught.value)


def test_produced_but_never_consumed() -> None:
    """An event that nobody takes is named."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent | Signal:
            return StopEvent()

    with pytest.raises(WorkflowValidationError, match="produced but never consumed: Signal"):
        Flow().validate()


def test_a_circle_without_an_exit() -> None:
    """Steps that only feed each other can never end the run."""

    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> StopEvent | Query:
            return StopEvent()

        @step
        async def one(self, ev: Query) -> Found:
            return Found()

        @step
        async def two(self, ev: Found) -> Query:
            return Query(text="")

    with pytest.raises(WorkflowValidationError, match="nothing that step 'one' makes can lead to a stop event"):
        Flow().validate()


def test_a_step_that_makes_nothing_is_fine() -> None:
    """A step may work for its side effects only."""

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            ctx.send_event(Signal())
            return StopEvent()

        @step
        async def log(self, ev: Signal) -> None: ...

    assert Flow.graph.findings == ()


def test_unreadable_source_makes_no_false_findings() -> None:
    """Where a send may be hidden nothing is said about events that nobody seems to make."""
    names: dict[str, Any] = {"Workflow": Workflow, "step": step, "Context": Context, "Signal": Signal}
    names |= {"StartEvent": StartEvent, "StopEvent": StopEvent, "__name__": "made_by_exec"}
    exec(
        "class Flow(Workflow):\n"
        "    @step\n"
        "    async def begin(self, ctx: Context, ev: StartEvent) -> None:\n"
        "        ctx.send_event(Signal())\n"
        "    @step\n"
        "    async def end(self, ev: Signal) -> StopEvent:\n"
        "        return StopEvent()\n",
        names,
    )
    assert names["Flow"].graph.findings == ()
