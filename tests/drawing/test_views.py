"""What of a flow is shown: events on edges, parts, groups, folded chains, nested workflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drawing.flows import Caught, Outer, pipelines
from tests.drawing.report_flow import CRITICAL, REPORT_FLOW, chain, report_overlay, with_undeclared
from wftrace.drawing.chart import MOST_FAILURES, LinkKind, chart_of
from wftrace.drawing.compose import compose_graph, compose_overlay
from wftrace.drawing.errors import ViewError
from wftrace.drawing.heat import ColorBy
from wftrace.drawing.nested import nested_in
from wftrace.drawing.page import Options
from wftrace.drawing.pair import side_by_side
from wftrace.drawing.scene import Node, Scene
from wftrace.drawing.view import View
from wftrace.engine.workflow import graph_of
from wftrace.exporters.file import read_trace
from wftrace.overlays import Overlay, overlay_run
from wftrace.trace_reader import read_runs

EDGES = View(events="edges")
CHAINS = View(fold=frozenset({"chains"}))
GROUPS = View(group_by="module", fold=frozenset({"groups"}))
VIEWS = [
    EDGES,
    CHAINS,
    View(focus=("review~1",)),
    View(between=("plan", "review")),
    View(events="edges", focus=("draft",)),
]
SCREEN = (1600, 900)


def labels(scene: Scene, kind: str = "step") -> list[str]:
    """The labels of the nodes of a kind."""
    return [node.label for node in scene.nodes if node.kind == kind]


def node(scene: Scene, label: str) -> Node:
    """The node with a label."""
    return next(each for each in scene.nodes if each.label == label)


@pytest.fixture(scope="module")
def real(repository: Path) -> Overlay:
    """A real run of the reference flow."""
    (run,) = read_runs(read_trace(repository / "docs/pictures/report_flow.otlp.jsonl"))
    return overlay_run(run)


def test_an_event_is_written_on_the_edge_from_maker_to_taker() -> None:
    """With events on edges a link leads from step to step, and says which event goes there."""
    scene = compose_graph(REPORT_FLOW, view=EDGES)
    said = {(line.source, line.target): line.events for line in scene.lines}
    assert said["step:plan", "step:fetch"] == ("QueryEvent",)
    assert said["step:publish", "step:review"] == ("DraftEvent",)
    assert said["step:review", "human"] == ("ApprovalRequested",)
    assert "QueryEvent" not in labels(scene, "event")


def test_start_and_stop_stay_nodes_when_events_are_on_edges() -> None:
    """Where a flow begins and ends is seen in every picture."""
    scene = compose_graph(REPORT_FLOW, view=EDGES)
    assert (labels(scene, "start"), labels(scene, "stop")) == (["StartEvent"], ["StopEvent"])


def test_counts_on_folded_edges_are_the_dispatches(real: Overlay) -> None:
    """With events on edges the counts between steps are the dispatches of the run, none more, none less."""
    lines = compose_overlay(real, view=EDGES).lines
    taken = [line for line in lines if line.target.startswith("step:")]
    assert sum(line.count or 0 for line in taken) == len(real.run.dispatches())
    assert {line.count for line in lines if line.source == "step:plan"} == {6}


def test_an_undeclared_way_through_a_folded_event_is_drawn() -> None:
    """A dispatch that the flow does not know is an undeclared edge, also where its event is no node."""
    strange = with_undeclared()
    known = compose_graph(REPORT_FLOW, view=EDGES)
    scene = compose_overlay(strange, view=EDGES)
    found = [line for line in scene.lines if "undeclared" in line.states]
    assert {(line.source, line.target) for line in found} >= {("step:plan", "event:examples.report_flow.StopEvent")}
    assert {each.id: each.box for each in known.nodes}.items() <= {each.id: each.box for each in scene.nodes}.items()


def test_events_go_to_the_edges_past_thirty_steps() -> None:
    """Automatically, and not before; and never when nodes are asked for."""
    assert len(labels(compose_graph(chain(30)), "event")) == 29
    assert not labels(compose_graph(chain(31)), "event")
    assert len(labels(compose_graph(chain(31), view=View(events="nodes")), "event")) == 30


@pytest.mark.parametrize("view", VIEWS)
def test_static_and_overlay_share_one_geometry_in_every_view(view: View, real: Overlay) -> None:
    """Folded, cut and grouped, the run's nodes stand where those of all possible flows stand."""
    static, laid = compose_graph(real.graph, view=view), compose_overlay(real, view=view)
    assert [(each.id, each.box) for each in static.nodes] == [(each.id, each.box) for each in laid.nodes]
    assert [line.path for line in static.lines] == [line.path for line in laid.lines]


def test_focus_keeps_what_is_near() -> None:
    """So many steps before and after; not the siblings that make or take the same event."""
    assert labels(compose_graph(REPORT_FLOW, view=View(focus=("fetch~1",)))) == ["plan", "fetch", "draft"]
    assert labels(compose_graph(REPORT_FLOW, view=View(focus=("fetch~2",)))) == ["plan", "fetch", "draft", "review"]


def test_focus_shows_where_it_goes_on() -> None:
    """What is cut off ends in a stub that says how much more there is."""
    scene = compose_graph(REPORT_FLOW, view=View(focus=("fetch~1",)))
    assert labels(scene, "more") == ["… 1 more", "… 1 more"]
    assert scene.summary == "around fetch~1 · 3 of 6 steps"


def test_between_keeps_only_the_ways() -> None:
    """From the first to the second and nothing beside it."""
    scene = compose_graph(pipelines(), view=View(between=("lane3_step0", "lane3_step4")))
    assert labels(scene) == [f"lane3_step{place}" for place in range(5)]


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (View(focus=("fech",)), "did you mean 'fetch'"),
        (View(focus=("qqqq~3",)), "name a step or an event"),
        (View(between=("audit", "plan")), "no way leads from 'audit' to 'plan'"),
        (View(between=("draft", "plan")), "there is one from 'plan' to 'draft'"),
    ],
)
def test_a_view_of_what_is_not_there_says_so(view: View, message: str) -> None:
    """The error names what is missing and what may be meant."""
    with pytest.raises(ViewError, match=message):
        compose_graph(REPORT_FLOW, view=view)


def test_a_view_that_cannot_be_is_refused_at_once() -> None:
    """Groups cannot be folded without groups, and unknown words are not taken for something else."""
    with pytest.raises(ViewError, match="say by what"):
        View(fold=frozenset({"groups"}))
    with pytest.raises(ViewError, match="there are auto, nodes, edges"):
        View(events="none")  # type: ignore[arg-type]


def test_a_chain_becomes_one_box() -> None:
    """A chain of three steps and more is a box that says how many; a chain of 200 is three nodes."""
    scene = compose_graph(chain(200), view=CHAINS)
    found = {(each.kind, each.label) for each in scene.nodes}
    assert found == {("start", "E0"), ("stop", "E200"), ("folded", "s0 … s199")}
    assert node(scene, "s0 … s199").details == ("200 steps",)


def test_a_loop_in_a_folded_chain_is_still_a_loop() -> None:
    """What leads back to the front of a box is drawn as a loop at the box."""
    scene = compose_graph(pipelines(1, 25), view=View(events="edges", fold=frozenset({"chains"})))
    assert [line.source for line in scene.lines if line.source == line.target] == ["chain:step:lane0_step10"]


def test_a_folded_box_tells_what_its_steps_did(real: Overlay) -> None:
    """Calls and time of the steps in a box are added up."""
    scene = compose_overlay(real, view=View(group_by="module", events="edges", fold=frozenset({"chains"})))
    assert sum(line.count or 0 for line in scene.lines if line.target.startswith(("step:", "chain:"))) > 0


def test_groups_are_framed() -> None:
    """Steps of one module stand in one frame with its name, and in no other."""
    scene = compose_graph(pipelines(3, 5), view=View(group_by="module"))
    assert [frame.label.text for frame in scene.frames] == ["lanes.l0", "lanes.l1", "lanes.l2"]
    for frame in scene.frames:
        inside = [each.id for each in scene.nodes if frame.box.left < each.box.x < frame.box.right]
        assert {each for each in inside if each.startswith("step:")} == {
            each for each in frame.members if each.startswith("step:")
        }


def test_two_hundred_steps_fit_on_a_screen() -> None:
    """Grouped and folded, a flow of 200 steps is ten nodes; with chains folded it fits on a screen as it is."""
    assert len(compose_graph(pipelines(), view=GROUPS).nodes) == 10
    folded = compose_graph(pipelines(), Options("auto"), view=CHAINS)
    assert len(folded.nodes) == 26
    assert (folded.width, folded.height) < SCREEN


def test_auto_takes_the_direction_that_shows_more() -> None:
    """Eight lanes of three boxes run to the right, a chain of eight runs down: so each is larger on a screen."""
    assert compose_graph(pipelines(), Options("auto"), view=CHAINS).direction == "LR"
    assert compose_graph(chain(8), Options("auto")).direction == "TB"


def test_many_failures_become_any_step() -> None:
    """From more than five steps the way to the event of their failure is one stub."""
    graph = graph_of(Caught)
    fails = [link for link in chart_of(graph).links if link.kind is LinkKind.FAILS]
    assert len(fails) == 1
    assert len(fails[0].parts) > MOST_FAILURES
    assert labels(compose_graph(graph), "any") == ["any step"]


def test_a_failure_is_counted_on_any_step() -> None:
    """The stub's line counts what each of its steps did."""
    graph = graph_of(Caught)
    failed = next(event.id for event in graph.events if event.name == "StepFailedEvent")
    run = report_overlay().run
    laid = Overlay(graph, run, {}, {}, {("step:one", failed): 1, ("step:two", failed): 2})
    line = next(line for line in compose_overlay(laid).lines if line.kind == "fails")
    assert line.count == 3
    assert not any("undeclared" in each.states for each in compose_overlay(laid).lines)


def test_a_nested_workflow_is_a_box_with_totals() -> None:
    """The workflow that a step runs stands beside it, and says how large it is."""
    scene = compose_graph(graph_of(Outer), Options(nesting="boxes"), nested=nested_in(Outer))
    assert node(scene, "inner: Inner").details == ("2 steps · 3 events",)
    assert [(line.source, line.kind) for line in scene.lines if line.kind == "runs"] == [("step:work", "runs")]


def test_a_nested_workflow_is_a_frame_with_all_its_steps() -> None:
    """In frames, nodes of the same name in two flows are two nodes."""
    scene = compose_graph(graph_of(Outer), Options(nesting="frames"), nested=nested_in(Outer))
    (frame,) = scene.frames
    assert frame.label.text == "inner: Inner"
    assert {"dig", "fill"} <= {each.label for each in scene.nodes if each.id in frame.members}
    assert len({each.id for each in scene.nodes}) == len(scene.nodes)


@pytest.mark.parametrize(
    ("by", "heats"),
    [("share", 5), ("p95", 5), ("errors", 3), ("queue", 5), ("calls", 5), ("none", 0)],
)
def test_a_fill_measures_what_is_asked(by: ColorBy, heats: int) -> None:
    """The fill of ``fetch`` is one of five for each measure, and the legend says which measure it is."""
    scene = compose_overlay(report_overlay(), Options(color_by=by))
    assert node(scene, "fetch").heat == heats
    words = [item.text.text for item in scene.legend if len(item.nodes) == 5]
    assert len(words) == bool(heats)


def test_two_pictures_stand_side_by_side() -> None:
    """Each node of the run stands as far from its twin as any other, and no higher or lower."""
    left, right = compose_graph(REPORT_FLOW), compose_overlay(report_overlay(), critical=CRITICAL)
    both = side_by_side(left, right)
    places = {each.id: each.box for each in both.nodes}
    shifts = {
        (places[f"run/{name}"].x - box.x, places[f"run/{name}"].y - box.y)
        for name, box in places.items()
        if f"run/{name}" in places
    }
    assert len(shifts) == 1
    assert next(iter(shifts))[1] == 0
    assert len({each.ref for each in both.nodes}) == 34


def test_a_node_links_to_its_source() -> None:
    """The template gets file and line; what has no place has no link."""
    scene = compose_graph(REPORT_FLOW, Options(source_link="https://example.org/{file}#L{line}"))
    assert node(scene, "fetch").href == "https://example.org/examples/report_flow.py#L51"
    assert node(scene, "human").href == ""


@pytest.mark.parametrize(
    "template", ["javascript:alert(1)//{file}", "https://example.org/", "https://x/{file}/{user}", "{file}"]
)
def test_a_template_that_leads_astray_is_refused(template: str) -> None:
    """Only addresses that a browser may open, with a file in them and nothing unknown."""
    with pytest.raises(ViewError):
        Options(source_link=template)
