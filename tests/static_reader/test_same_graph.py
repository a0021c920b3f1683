"""A workflow read from its source has the graph that it has when it is imported."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wftrace.engine.errors import WorkflowValidationError
from wftrace.engine.graph import FlowGraph
from wftrace.engine.workflow import Workflow, graph_of
from wftrace.static_reader import read_flows

ROOT = Path(__file__).parents[2]
FILES = (
    "examples/joke.py",
    "examples/report_flow.py",
    "examples/license_audit.py",
    "tests/drawing/flows.py",
    "tests/engine/shapes.py",
    "tests/engine/test_inference.py",
    "tests/engine/test_graph.py",
    "tests/engine/test_nested.py",
    "tests/engine/test_resources.py",
    "tests/engine/test_step_failed.py",
    "tests/engine/test_typed_state.py",
    "tests/engine/test_stepwise.py",
    "tests/engine/test_validation.py",
    "tests/telemetry/test_span_sheet.py",
    "tests/telemetry/test_waits.py",
    "tests/typing/api.py",
)


def imported(path: Path, name: str) -> Iterator[tuple[str, FlowGraph]]:
    """The workflows of a file by their names, imported."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        for key, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, Workflow) and value.__module__ == name:
                try:
                    yield key, graph_of(value)
                except WorkflowValidationError:
                    continue
    finally:
        del sys.modules[name]


@pytest.mark.parametrize("file", FILES)
def test_static_and_imported_graphs_are_equal(file: str) -> None:
    """Steps, events, edges, places, documents, policies and findings of every workflow of a file."""
    path = ROOT / file
    name = path.stem if file.startswith("examples/") else f"static_twin_{path.stem}"
    flows = read_flows(path, name)
    found = dict(imported(path, name))
    read = {key: flow.graph for key in found if (flow := flows.flow(key)) is not None}
    assert read == found


def test_enough_flows_are_compared() -> None:
    """The examples and more than a dozen others."""
    assert sum(len(read_flows(ROOT / file).own) for file in FILES) > 30


LAYOUTS = {
    "imported names": ("from events import Part\nimport events as e", "Part", "e.Done"),
    "an alias": ("import wftrace as w\nfrom events import Part as Part\nfrom events import Done", "Part", "Done"),
    "strings": ("from __future__ import annotations\nfrom events import Part, Done", "Part", "Done"),
    "a fallback": ("try:\n    from events import Part, Done\nexcept ImportError:\n    Part = None", "Part", "Done"),
    "all names": ("if True:\n    from events import *", "Part", "Done"),
}  # fmt: skip

EVENTS = '''
"""Events."""
from wftrace import Event

class Part(Event):
    """A part."""
    number: int
    tags: list[str] = []

class Done(Part):
    at: "float | None" = None
'''

FLOW = """
{head}
from wftrace import Context, ConstantDelayRetryPolicy, StartEvent, StopEvent, Workflow, step

N = 3
RETRY = ConstantDelayRetryPolicy(maximum_attempts=N, delay=0.5)

class Base(Workflow):
    @step(num_workers=N - 1, retry_policy=RETRY, timeout=2 * N)
    async def first(self, ctx: Context, ev: StartEvent) -> {part} | None:
        for number in range(N):
            self._send(ctx, number)

    def _send(self, ctx, number):
        ctx.send_event(Part(number=number))

class Flow(Base):
    '''Two steps.'''
    @step
    async def second(self, ctx: Context, ev: {part}) -> StopEvent | {done}:
        found = ctx.collect_events(ev, [Part] * N)
        return StopEvent()

    @step
    async def third(self, ev: {done}) -> None: ...
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_are_followed_into_files_beside_it(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the events of another file are imported, the two graphs are equal."""
    head, part, done = LAYOUTS[layout]
    (tmp_path / "events.py").write_text(EVENTS)
    flow = tmp_path / "layout_flow.py"
    flow.write_text(FLOW.format(head=head, part=part, done=done))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    read = read_flows(flow)
    try:
        found = dict(imported(flow, "layout_flow"))
    finally:
        sys.modules.pop("events", None)
    assert found
    for name, graph in found.items():
        static = read.flow(name)
        assert static is not None
        assert static.graph == graph
        assert static.unseen == ()


def test_functions_and_instances_are_found(tmp_path: Path) -> None:
    """A workflow that is made in the file, with steps attached to it, and a function that returns one."""
    path = tmp_path / "loose.py"
    path.write_text(
        "from wftrace import StartEvent, StopEvent, Workflow, step\n"
        "loose = Workflow(timeout=3)\n"
        "@step(workflow=loose)\n"
        "async def greet(ev: StartEvent) -> StopEvent:\n    return StopEvent()\n"
        "class Kept(Workflow):\n    pass\n"
        "@step(workflow=Kept)\n"
        "async def only(ev: StartEvent) -> StopEvent:\n    return StopEvent()\n"
        "def make():\n    return Kept(timeout=1)\n"
    )
    flows = read_flows(path)
    steps = {
        name: [step.name for step in found.graph.steps]
        for name in ("loose", "make", "Kept")
        if (found := flows.flow(name))
    }
    assert steps == {"loose": ["greet"], "make": ["only"], "Kept": ["only"]}


def test_a_flow_of_llamaindex_is_read(tmp_path: Path) -> None:
    """Sources that import LlamaIndex's names are read as they are, although it is not installed."""
    path = tmp_path / "llama.py"
    path.write_text(
        "from llama_index.core.workflow import Event, StartEvent, StopEvent, Workflow, step\n"
        "class Joke(Event):\n    joke: str\n"
        "class Flow(Workflow):\n"
        "    @step\n    async def tell(self, ev: StartEvent) -> Joke:\n        return Joke(joke='')\n"
        "    @step\n    async def judge(self, ev: Joke) -> StopEvent:\n        return StopEvent()\n"
    )
    found = read_flows(path).flow("Flow")
    assert found is not None
    assert [(edge.source, edge.target) for edge in found.graph.edges][1] == ("step:tell", "event:llama.Joke")


def test_what_cannot_be_seen_is_said(tmp_path: Path) -> None:
    """Events from a package that is not there, computed settings: the graph is drawn, and sentences tell the rest."""
    path = tmp_path / "partly.py"
    path.write_text(
        "from wftrace import StartEvent, StopEvent, Workflow, step\n"
        "from shop.events import Order\n"
        "class Flow(Workflow):\n"
        "    @step(num_workers=len('ab'))\n    async def a(self, ev: StartEvent) -> Order:\n        return Order()\n"
        "    @step\n    async def b(self, ev: Order) -> StopEvent:\n        return StopEvent()\n"
    )
    found = read_flows(path).flow("Flow")
    assert found is not None
    assert ("step:a", "event:shop.events.Order") in [edge.key for edge in found.graph.edges]
    assert any("num_workers of step a is computed" in sentence for sentence in found.unseen)
    assert any("Order comes from shop.events, which was not read" in sentence for sentence in found.unseen)
